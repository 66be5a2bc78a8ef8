"""The page in a real browser, from disk: what a reader does with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from runs import photographs, write_run
from typer.testing import CliRunner

from benchmarks.api.images import read_rgb
from reports.cli import app

Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

if TYPE_CHECKING:
    from browser import Browser


@pytest.fixture
def page(run: Path, window: Browser) -> Iterator[Path]:
    """The page of the run, open; it must ask for nothing but its own files."""
    CliRunner().invoke(app, ["html", str(run), "--quiet"], catch_exceptions=False)
    folder = run / "html"
    window.open(folder / "index.html")
    yield folder
    inside = folder.resolve().as_uri()
    requests = window.requests()
    assert requests and all(address.startswith(inside) for address in requests)


def names(window: Browser) -> list[str]:
    return window.texts(".gallery tbody th")


def open_image(window: Browser, name: str) -> None:
    (link,) = [one for one in window.all(".gallery a") if one.text == name]
    link.click()
    window.until(lambda: name in window.find("#inspector-title").text)
    window.until(lambda: window.run(LOADED))


LOADED = """return [...document.querySelectorAll('.stage img')].every(
    image => image.complete && image.naturalWidth > 0)"""
PLACES = "return [...document.querySelectorAll('.stage img')].map(image => image.style.cssText)"


def press(window: Browser, name: str, value: str) -> None:
    """Press one of the radio buttons, as its label is what one sees."""
    window.find(f'input[name="{name}"][value="{value}"]').find_element("xpath", "..").click()


def test_names_of_any_kind_are_shown_as_they_are(
    page: Path, window: Browser, hostile: tuple[str, ...]
) -> None:
    assert names(window) == list(hostile)
    assert len(window.all("script")) == 2
    for name in hostile[:-1]:
        open_image(window, name)
        assert window.run("return document.querySelectorAll('.stage img').length") == 2
        window.find("#inspector").send_keys(Keys.ESCAPE)
    assert "<b>no</b> result" in window.find("#failures").text


CAUGHT = """
window.caught = {};
URL.createObjectURL = (blob) => { blob.text().then((text) => { caught.text = text; }); return ""; };
HTMLAnchorElement.prototype.click = function () { caught.name = this.download; };"""


def test_results_are_saved_as_csv(page: Path, window: Browser) -> None:
    window.run(CAUGHT)
    window.find("#results .lede button").click()
    window.until(lambda: window.run("return caught.text ?? ''"))
    head, first, *_ = csv.reader(io.StringIO(window.run("return caught.text")))
    assert head[:3] == ["method", "n", "psnr@y601"]
    assert first[0] == "first" and float(first[2]) > 0
    assert window.run("return caught.name").endswith(".csv")


def test_tables_sort_by_any_column_with_the_best_first(page: Path, window: Browser) -> None:
    def rows() -> list[str]:
        return window.texts("#results tbody th")

    psnr, lpips = window.all("#results thead button")[1:]
    psnr.click()
    assert rows() == ["first", "second", "third"]
    psnr.click()
    assert rows() == ["third", "second", "first"]
    assert psnr.find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    lpips.send_keys(Keys.ENTER)
    assert rows() == ["first", "second", "third"]
    assert psnr.find_element("xpath", "..").get_attribute("aria-sort") is None


def test_published_rows_stay_below_ours_however_they_are_sorted(
    tmp_path: Path, window: Browser
) -> None:
    spec = photographs(tmp_path / "photos", [f"{i:03}" for i in range(100)], side=8)
    run = write_run(tmp_path / "run", spec, ["first", "second"])
    words = ["html", str(run), "--as", "realsr", "--sources", "mfsr", "--quiet"]
    CliRunner().invoke(app, words, catch_exceptions=False)
    window.open(run / "html/index.html")
    psnr = window.all("#results thead button")[1]
    for expected in (["first", "second"], ["second", "first"]):
        psnr.click()
        ours, published = (
            window.texts(f"#results tbody:nth-of-type({part}) th") for part in (1, 2)
        )
        assert ours == expected
        assert "MFSR-1s†" in published and all(title.endswith("†") for title in published)
        values = [
            float(one) for one in window.texts("#results tbody:nth-of-type(2) td:nth-child(2)")
        ]
        assert values == sorted(values, reverse=expected[0] == "first")
    assert "Rows with † are published and not ranked." in window.find("#results .notes").text
    window.run(CAUGHT)
    window.find("#results .lede button").click()
    window.until(lambda: window.run("return caught.text ?? ''"))
    rows = list(csv.DictReader(io.StringIO(window.run("return caught.text"))))
    assert {row["n"] for row in rows} == {"100"}
    assert [row["method"] for row in rows if not row["published"]] == ["first", "second"]


def test_images_are_sorted_filtered_and_walked_in_that_order(
    page: Path, window: Browser, hostile: tuple[str, ...]
) -> None:
    window.all(".gallery thead button")[3].click()  # third
    values = [float(text) for text in window.texts(".gallery td:nth-child(4)")[:-1]]
    assert values == sorted(values, reverse=True)
    assert names(window)[-1] == hostile[-1]  # no value comes last
    order = names(window)
    open_image(window, order[0])
    window.find("body").send_keys("n")
    window.until(lambda: order[1] in window.find("#inspector-title").text)
    window.find("body").send_keys("pp")
    window.until(lambda: order[-1] in window.find("#inspector-title").text)
    assert "third has no result for this image." in window.find(".stage").text
    window.find("#inspector").send_keys(Keys.ESCAPE)
    window.find("input[type=search]").send_keys("SCRIPT")
    assert sorted(names(window)) == [hostile[0], hostile[6]]


def test_the_divider_moves_by_keyboard_and_by_hand(page: Path, window: Browser) -> None:
    def split() -> float:
        style = "return getComputedStyle(document.querySelector('.pane')).getPropertyValue"
        return float(window.run(f"{style}('--split')").rstrip("%"))

    open_image(window, names(window)[2])
    divider = window.find("input.divider")
    assert split() == 50
    divider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert split() == 51
    divider.send_keys(Keys.HOME)
    assert split() == 0
    window.run("arguments[0].value = 50; arguments[0].dispatchEvent(new Event('input'))", divider)
    from selenium.webdriver import ActionChains

    grip = window.find(".grip")
    ActionChains(window.driver).drag_and_drop_by_offset(grip, 300, 0).perform()
    assert split() > 60


def test_zoom_and_place_are_the_same_in_all_panes(page: Path, window: Browser) -> None:
    open_image(window, names(window)[2])
    press(window, "mode", "all")
    assert [tag.text for tag in window.all(".tag")] == ["LR", "first", "second", "third", "HR"]
    press(window, "zoom", "8")
    before = window.run(PLACES)
    assert len(before) == 5 and len(set(before)) == 1 and "width: 256px" in before[0]
    window.run("document.querySelectorAll('.pane')[3].focus()")
    window.run("return document.activeElement").send_keys(Keys.ARROW_UP, Keys.ARROW_LEFT, "+")
    after = window.run(PLACES)
    assert len(set(after)) == 1 and after != before and "width: 512px" in after[0]


@pytest.mark.parametrize("dense", [1, 2])
def test_one_to_one_is_the_file_pixel_by_pixel(page: Path, window: Browser, dense: int) -> None:
    window.resize(1280, 800, dense=dense)
    open_image(window, "c with space")
    press(window, "mode", "two")
    press(window, "zoom", "1")
    shot = Image.open(io.BytesIO(window.driver.get_screenshot_as_png())).convert("RGB")
    boxes = window.run(
        """return [...document.querySelectorAll('.stage img')].map(image => {
            const box = image.getBoundingClientRect();
            return [box.left, box.top, box.right, box.bottom].map(x => x * devicePixelRatio)})"""
    )
    lr = read_rgb(page / "lr/photos/c-with-space.png")
    sr = read_rgb(page / "results/third/photos/c-with-space.png")
    for box, expected in zip(boxes, (lr.repeat(4, 0).repeat(4, 1), sr), strict=True):
        seen = np.asarray(shot.crop(tuple(round(edge) for edge in box)))
        assert seen.shape == (32, 32, 3)
        assert (seen == expected).all()


def test_an_address_opens_its_image(page: Path, window: Browser, hostile: tuple[str, ...]) -> None:
    open_image(window, hostile[3])
    press(window, "mode", "two")
    address = window.driver.current_url
    window.driver.get("about:blank")
    window.driver.get(address)
    window.wait(".pane")
    assert hostile[3] in window.find("#inspector-title").text
    assert window.find(".stage").get_attribute("data-mode") == "two"
    window.driver.back()


def test_a_phone_scrolls_in_one_direction_only(page: Path, window: Browser) -> None:
    window.resize(390, 844, dense=2)
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert window.run(wide) <= 0
    open_image(window, names(window)[2])
    for mode in ("slider", "two", "all"):
        press(window, "mode", mode)
        over = (
            "const d = document.querySelector('#inspector'); return d.scrollWidth - d.clientWidth"
        )
        assert window.run(over) <= 0


def test_every_control_has_a_name(page: Path, window: Browser) -> None:
    open_image(window, names(window)[2])
    tree = window.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})
    roles = ("button", "combobox", "radio", "slider", "searchbox", "link", "image", "region")
    nameless = [
        node["role"]["value"]
        for node in tree["nodes"]
        if node.get("role", {}).get("value") in roles
        and not node["ignored"]
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
