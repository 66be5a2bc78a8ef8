"""Known logs: fetched once, checked every time."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import web

from benchmarks.api import paths
from benchmarks.api.errors import DataError, UnknownNameError
from benchmarks.conformance import logs as module
from benchmarks.conformance.logs import fetch, find, logs, recognise


def test_a_log_is_pinned_to_a_commit_and_a_hash() -> None:
    assert set(logs()) == {"osediff-realsr", "osediff-drealsr"}
    for log in logs().values():
        assert log.url.startswith("https://raw.githubusercontent.com/cswry/OSEDiff/fcc4f09c7ed66a")
        assert len(log.sha256) == 64
        assert len(log.means) == 9
        assert log.arithmetic == "tf32"


def test_an_unknown_log_is_met_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'osediff-realsr'"):
        find("osedif-realsr")


def test_a_log_is_fetched_once_and_again_when_the_copy_is_damaged(log_text: str) -> None:
    content = log_text.encode()
    with web.serve(log=content) as site:
        log = replace(
            find("osediff-realsr"),
            url=f"{site.url}/log",
            sha256=hashlib.sha256(content).hexdigest(),
        )
        place = fetch(log)
        assert place.read_bytes() == content
        assert paths.cache() in place.parents
        fetch(log)
        assert len(site.requests) == 1
        place.write_bytes(b"damaged")
        assert fetch(log).read_bytes() == content


def test_other_bytes_are_refused(log_text: str) -> None:
    refused = pytest.raises(DataError, match="expected sha256 634ec3e7")
    with web.serve(log=log_text.encode()) as site, refused:
        fetch(replace(find("osediff-realsr"), url=f"{site.url}/log"))
    assert not list(paths.cache().rglob("*.log"))


def test_a_copy_of_a_known_log_is_recognised_by_its_bytes(tmp_path, monkeypatch) -> None:
    path = tmp_path / "copy.log"
    path.write_bytes(b"a log")
    assert recognise(path) is None
    log = replace(find("osediff-realsr"), sha256=hashlib.sha256(b"a log").hexdigest())
    monkeypatch.setattr(module, "logs", lambda: {"x": log})
    assert recognise(path) is log
    assert recognise(tmp_path / "none.log") is None
