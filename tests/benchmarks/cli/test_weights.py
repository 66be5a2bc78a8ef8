"""`mfsr-bench weights`: licences are shown and asked for once; shared files come once."""

from __future__ import annotations

import sys

import pytest
import typer
import web
from program import Program, in_this_process

from benchmarks.api.card import WeightFile
from benchmarks.api.errors import UsageError
from benchmarks.api.weights import WeightStatus, WeightStore
from benchmarks.cli.weights import fetch_all


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return in_this_process(monkeypatch, capsys)


def _missing(url: str) -> list[WeightStatus]:
    """Two methods that keep a file together, one of which needs a second file."""
    shared = WeightFile(
        name="shared.pth",
        licence="LicenseRef-x",
        urls=(f"{url}/shared.pth",),
        consent="Research only: https://x.example",
        folder="one",
    )
    own = WeightFile(name="own.pth", licence="LicenseRef-y", urls=(f"{url}/own.pth",))
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
    with web.serve(**{"shared.pth": b"shared", "own.pth": b"own"}) as site:
        fetch_all(_missing(site.url))
    assert questions == [
        "These weights come under LicenseRef-x (Research only: https://x.example). Do you agree?",
        "These weights come under LicenseRef-y. Do you agree?",
    ]
    assert [path for path, _ in site.requests] == ["/shared.pth", "/own.pth"]
    assert all(status.state == "present" for status in _missing(site.url))


def test_a_refusal_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda question, **_: "-x" in question)
    with web.serve() as site, pytest.raises(UsageError, match="LicenseRef-y was not agreed to"):
        fetch_all(_missing(site.url))
    assert not site.requests


def test_licences_agreed_to_beforehand_are_still_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with web.serve(**{"shared.pth": b"shared", "own.pth": b"own"}) as site:
        fetch_all(_missing(site.url), accept_licence=True)
    shown = " ".join(capsys.readouterr().err.split())
    assert shown.count("Research only: https://x.example") == 1
    assert shown.count("LicenseRef-y: agreed to by --accept-licence") == 1


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
