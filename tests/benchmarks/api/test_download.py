"""Downloads resume, are checked, and land whole or not at all."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest
import web

from benchmarks.api import download as module
from benchmarks.api.download import download
from benchmarks.api.errors import DataError, ResourceError, WeightsMissingError

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_arrives_whole_and_progress_is_told(tmp_path: Path) -> None:
    told = []
    with web.serve(model=CONTENT) as site:
        path = download(
            (f"{site.url}/model",),
            tmp_path / "deep" / "model.pth",
            sha256=SHA256,
            progress=lambda done, total: told.append((done, total)),
        )
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [p.name for p in path.parent.iterdir()] == ["model.pth"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_continued(tmp_path: Path, ranges: bool) -> None:
    target = tmp_path / "model.pth"
    with web.serve(model=CONTENT) as site:
        site.cut_after, site.ranges = 100_000, ranges
        with pytest.raises(WeightsMissingError, match=r"Cannot download model\.pth"):
            download((f"{site.url}/model",), target, error=WeightsMissingError)
        assert not target.exists()
        have = (tmp_path / "model.pth.part").stat().st_size
        assert 0 < have <= 100_000
        download((f"{site.url}/model",), target, sha256=SHA256)
        assert site.requests[-1] == ("/model", f"bytes={have}-")
    assert target.read_bytes() == CONTENT


def test_a_complete_part_is_not_loaded_again(tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(CONTENT)
    with web.serve(model=CONTENT) as site:
        download((f"{site.url}/model",), tmp_path / "model.pth", sha256=SHA256)
        assert len(site.requests) == 1
    assert (tmp_path / "model.pth").read_bytes() == CONTENT


def test_the_wrong_content_is_thrown_away_and_the_mirror_tried(tmp_path: Path) -> None:
    with web.serve(bad=b"<html>sign in</html>", good=CONTENT) as site:
        urls = (f"{site.url}/none", f"{site.url}/bad", f"{site.url}/good")
        path = download(urls, tmp_path / "model.pth", sha256=SHA256)
        assert path.read_bytes() == CONTENT
        with pytest.raises(DataError, match=r"404.*expected sha256") as error:
            download(urls[:2], tmp_path / "other.pth", sha256=SHA256)
    assert str(tmp_path / "other.pth") in error.value.remedy
    assert [p.name for p in tmp_path.iterdir()] == ["model.pth"]


def test_no_server_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot download x"):
        download(("http://127.0.0.1:9/x",), tmp_path / "x")


def test_a_full_disk_keeps_what_has_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", 100_000)

    def progress(done: int, _: int) -> None:
        if done >= 300_000:
            raise OSError(errno.ENOSPC, "No space left on device")

    with web.serve(model=CONTENT) as site, pytest.raises(ResourceError, match="No space left"):
        download((f"{site.url}/model",), tmp_path / "model.pth", progress=progress)
    assert (tmp_path / "model.pth.part").stat().st_size == 300_000
