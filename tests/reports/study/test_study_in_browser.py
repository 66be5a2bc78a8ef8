"""A whole study: answered in a real browser, reloaded in the middle, ingested and analysed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from raters import attentive, document
from typer.testing import Result

from reports.study.collection import FILE, Collection
from reports.study.design import BLURRED, assignment
from reports.study.server import StudyServer
from reports.study.study import PACKET, Study, read_study

Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

if TYPE_CHECKING:
    from browser import Browser

Command = Callable[..., Result]
LIKES = {"first": 1.5, "second": 0.0, "third": -1.5}
SOURCES = """return [...document.querySelectorAll('.trial .pane img')].map(
    image => image.getAttribute('src').split('/').pop().replace('.png', ''))"""


class Rater:
    """Somebody at the browser, who knows the key and likes `first` best."""

    def __init__(self, window: Browser, study: Study) -> None:
        self.window = window
        self.study = study
        self.seen: list[list[str]] = []

    def begin(self, number: int | None) -> None:
        self.window.wait("#agreed")
        if number is not None:
            self.window.find("#number").send_keys(str(number))
        self.window.find("#agreed").click()
        self.window.find("button.primary").click()
        self.window.wait(".trial .grid.loaded")

    def choose(self) -> None:
        """Answer the trial that is shown: by keyboard, every other time with the mouse."""
        count = self.window.find(".count").text
        lr, *shown = self.window.run(SOURCES)
        stimuli = self.study.stimuli()
        sources = [stimuli[name][1] for name in shown]
        assert stimuli[lr][1] == "lr" and len({stimuli[name][0] for name in (lr, *shown)}) == 1
        self.seen.append(shown)
        sharp = [one for one in sources if not one.startswith(BLURRED)]
        at = sources.index("first" if "first" in sharp else sharp[0])
        if len(self.seen) % 2:
            self.window.find("body").send_keys(str(at + 1))
        else:
            self.window.all(".grid figure > label")[at].click()
        self.window.until(lambda: self.window.find(".trial .primary").is_enabled())
        if len(self.seen) % 2:
            self.window.find("body").send_keys(Keys.ENTER)
        else:
            self.window.find(".trial .primary").click()
        self.window.until(lambda: self.window.texts(".trial .count") != [count])
        if self.window.all(".trial"):
            self.window.wait(".trial .grid.loaded")

    def reload(self) -> None:
        before = self.window.find(".count").text
        self.window.driver.refresh()
        self.window.wait(".trial .grid.loaded")
        assert self.window.find(".count").text == before


def test_a_study_from_disk_is_answered_ingested_and_analysed(
    built: Path, window: Browser, tmp_path: Path, study_command: Command
) -> None:
    study = read_study(built)
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    window.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
    )
    window.open(built / PACKET / "index.html")
    rater = Rater(window, study)
    rater.begin(3)
    for at in range(study.design.trials):
        if at == 4:
            rater.reload()
        rater.choose()
    assert window.wait(".code output").text == study.code("r003")
    window.find("#download").click()
    window.until(lambda: list(downloads.glob("*.json")))
    requests = window.requests()
    inside = (built / PACKET).resolve().as_uri()
    assert requests and all(one.startswith((inside, "data:application/json")) for one in requests)

    (path,) = downloads.glob("*.json")
    given = json.loads(path.read_text())
    plan = assignment(study.design, "r003")
    assert [one["trial"] for one in given["answers"]] == [trial.id for trial in plan]
    assert [one["shown"] for one in given["answers"]] == rater.seen
    assert all(one["ms"] >= 200 for one in given["answers"])
    for number in (1, 2, 4, 5, 6, 7, 8):
        name = f"r{number:03}"
        other = document(study, name, attentive(LIKES, number))
        (downloads / f"{name}.json").write_text(json.dumps(other))
    said = study_command("ingest", built, downloads, "--json")
    counts = json.loads(said.stdout)
    assert (counts["raters_that_count"], counts["votes"], counts["marks"]) == (8, 64, {})
    found = json.loads(study_command("analyse", built, "--json").stdout)
    assert found["methods"][0]["method"] == "first" and found["votes"] == 48
    assert found["methods"][0]["interval"] is not None


def test_a_served_study_collects_as_it_goes(built: Path, window: Browser) -> None:
    study = read_study(built)
    collection = Collection(study, built / FILE)
    server = StudyServer(study, built / PACKET, collection, ("127.0.0.1", 0))
    thread = Thread(target=server.run)
    thread.start()
    try:
        window.open(f"http://127.0.0.1:{server.port}/")
        rater = Rater(window, study)
        rater.begin(None)
        for at in range(study.design.trials):
            if at == 3:
                window.until(lambda: collection.counts()[0] == 1)
                rater.reload()
            rater.choose()
        window.until(lambda: "have arrived" in window.find(".status").text)
        assert collection.counts() == (1, 1)
        ((_, text),) = collection.documents()
        assert [one["shown"] for one in json.loads(text)["answers"]] == rater.seen
        requests = window.requests()
        inside = f"http://127.0.0.1:{server.port}/"
        assert requests and all(address.startswith(inside) for address in requests)
    finally:
        window.driver.get("about:blank")
        server.stop()
        thread.join()


def test_all_images_are_equal_in_size_place_and_zoom(built: Path, window: Browser) -> None:
    window.open(built / PACKET / "index.html")
    Rater(window, read_study(built)).begin(1)
    boxes = """return [...document.querySelectorAll('.trial .pane')].map(pane => {
        const [outer, inner] = [pane, pane.querySelector('img')].map(
            one => one.getBoundingClientRect());
        return [outer.width, outer.height, inner.width, inner.height,
            inner.left - outer.left, inner.top - outer.top].map(Math.round).join()})"""
    for width, height in ((1280, 800), (390, 844)):
        window.resize(width, height, dense=2)
        for zoom in ("1", "4", "fit"):
            window.run(f"document.querySelector('input[name=zoom][value=\"{zoom}\"]').click()")
            results = window.run(boxes)[1:]
            assert len(results) == 3 and len(set(results)) == 1
        wide = "const d = document.documentElement; return d.scrollWidth - d.clientWidth"
        assert window.run(wide) <= 0


def test_nobody_answers_before_the_time_or_without_a_choice(built: Path, window: Browser) -> None:
    window.open(built / PACKET / "index.html")
    Rater(window, read_study(built)).begin(1)
    window.find("body").send_keys(Keys.ENTER)
    assert window.find(".count").text.startswith("1 of")
    assert not window.find(".trial .primary").is_enabled()


def test_without_consent_nothing_begins(built: Path, window: Browser) -> None:
    window.open(built / PACKET / "index.html")
    window.wait("#number").send_keys("1")
    window.find("button.primary").click()
    assert not window.all(".trial")
    assert "low-resolution photograph" in window.find("main").text
