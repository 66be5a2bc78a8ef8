"""Downloads resume, are checked, and land whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import re
from pathlib import Path

import pytest
import requests
import web

from benchmarks.api import download as module
from benchmarks.api.answers import no_answer
from benchmarks.api.download import download
from benchmarks.api.errors import DataError, ResourceError, WeightsMissingError

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_arrives_whole_and_progress_is_told(tmp_path: Path) -> None:
    told = []
    with web.serve(model=CONTENT) as site:
        path = download(
            (f"{site.url}/model",),
            tmp_path / "deep" / "model.dat",
            sha256=SHA256,
            progress=lambda done, total: told.append((done, total)),
        )
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [p.name for p in path.parent.iterdir()] == ["model.dat"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_continued(tmp_path: Path, ranges: bool) -> None:
    target = tmp_path / "model.dat"
    with web.serve(model=CONTENT) as site:
        site.cut_after, site.ranges = 100_000, ranges
        with pytest.raises(WeightsMissingError, match=r"Cannot download model\.dat"):
            download((f"{site.url}/model",), target, error=WeightsMissingError)
        assert not target.exists()
        have = (tmp_path / "model.dat.part").stat().st_size
        assert 0 < have <= 100_000
        download((f"{site.url}/model",), target, sha256=SHA256)
        assert site.requests[-1] == ("/model", f"bytes={have}-")
    assert target.read_bytes() == CONTENT


def test_a_complete_part_is_not_loaded_again(tmp_path: Path) -> None:
    (tmp_path / "model.dat.part").write_bytes(CONTENT)
    with web.serve(model=CONTENT) as site:
        download((f"{site.url}/model",), tmp_path / "model.dat", sha256=SHA256)
        assert len(site.requests) == 1
    assert (tmp_path / "model.dat").read_bytes() == CONTENT


def test_the_wrong_content_is_thrown_away_and_the_mirror_tried(tmp_path: Path) -> None:
    with web.serve(bad=b"<html>sign in</html>", good=CONTENT) as site:
        urls = (f"{site.url}/none", f"{site.url}/bad", f"{site.url}/good")
        path = download(urls, tmp_path / "model.dat", sha256=SHA256)
        assert path.read_bytes() == CONTENT
        with pytest.raises(DataError, match=r"404.*came is a web page") as error:
            download(urls[:2], tmp_path / "other.dat", sha256=SHA256)
    assert str(tmp_path / "other.dat") in error.value.remedy
    assert [p.name for p in tmp_path.iterdir()] == ["model.dat"]


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
        download((f"{site.url}/model",), tmp_path / "model.dat", progress=progress)
    assert (tmp_path / "model.dat.part").stat().st_size == 300_000


def test_a_mirror_answers_for_every_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with web.serve(**{"mirror/example.org/a/model?b=1": CONTENT}) as site:
        monkeypatch.setenv("MFSR_BENCH_MIRROR", f"{site.url}/mirror/")
        path = download(("https://example.org/a/model?b=1",), tmp_path / "model.dat", sha256=SHA256)
        with pytest.raises(DataError, match=r"https://example.org/none: 404"):
            download(("https://example.org/none",), tmp_path / "none.dat")
    assert path.read_bytes() == CONTENT


PAGE = """<!DOCTYPE html><title>Google Drive - Virus scan warning</title>
<p>is too large for Google to scan for viruses.</p>
<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">
<input type="submit" id="uc-download-link" value="Download anyway"/>
<input type="hidden" name="id" value="1K&amp;x"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"></form>"""
_BEHIND = "drive.usercontent.google.com/download?id=1K%26x&export=download&confirm=t"
_DRIVE = "drive.google.com/uc?id=1K"


def test_a_drive_that_asks_to_confirm_gets_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web.serve(**{_DRIVE: PAGE.encode(), _BEHIND: CONTENT}) as site:
        site.kinds[_DRIVE] = "text/html; charset=utf-8"
        monkeypatch.setenv("MFSR_BENCH_MIRROR", site.url)
        path = download((f"https://{_DRIVE}",), tmp_path / "model.dat", sha256=SHA256)
    assert path.read_bytes() == CONTENT


def test_a_drive_that_only_says_no_is_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its quota is used up; or the page behind the question is one more page."""
    quota = b"<html><p>Too many users have viewed or downloaded this file recently.</html>"
    for pages in ({_DRIVE: quota}, {_DRIVE: PAGE.encode(), _BEHIND: PAGE.encode()}):
        with web.serve(**pages) as site:
            site.kinds |= dict.fromkeys(pages, "text/html")
            monkeypatch.setenv("MFSR_BENCH_MIRROR", site.url)
            with pytest.raises(DataError, match="a web page came") as caught:
                download((f"https://{_DRIVE}",), tmp_path / "model.dat")
        assert f"Open https://{_DRIVE} and read it" in caught.value.remedy


PLAIN: dict[str, tuple[int, dict[str, str], str, str]] = {
    "login": (401, {}, "wants a sign-in", "and see what it asks for"),
    "licence": (403, {}, "wants a sign-in, or a licence", "and see what it asks for"),
    "gone": (404, {}, "is not there, or no longer", "newer mfsr-bench"),
    "removed": (410, {}, "is not there, or no longer", "newer mfsr-bench"),
    "busy": (429, {"Retry-After": "75"}, "too many requests", r"Wait 75 seconds"),
    "late": (429, {"Retry-After": "Sat, 28 Nov"}, "too many", r"Wait until Sat, 28 Nov"),
    "limited": (429, {"RateLimit": '"api";r=0;t=240'}, "too many", r"Wait 240 seconds"),
    "broken": (500, {}, "server is out of order", "later"),
    "down": (503, {}, "server is out of order", "later"),
    "odd": (418, {}, "does not understand", "in a browser"),
}


@pytest.mark.parametrize("case", PLAIN)
def test_a_refusal_says_what_it_means_and_what_to_do(tmp_path: Path, case: str) -> None:
    status, headers, meaning, remedy = PLAIN[case]
    with web.serve() as site:
        site.refusals["model"] = status, headers
        with pytest.raises(WeightsMissingError, match=rf"{status}: .*{meaning}") as caught:
            download((f"{site.url}/model",), tmp_path / "m.dat", error=WeightsMissingError)
    assert re.search(remedy, caught.value.remedy)
    assert str(tmp_path / "m.dat") in caught.value.remedy


def test_the_remedy_is_that_of_the_address_that_may_answer_yet(tmp_path: Path) -> None:
    with web.serve() as site:
        site.refusals = {"one": (404, {}), "two": (503, {}), "three": (403, {})}
        with pytest.raises(DataError, match=r"404.*503.*403") as caught:
            download(tuple(f"{site.url}/{name}" for name in site.refusals), tmp_path / "m")
    assert "repeat the command later" in caught.value.remedy


@pytest.mark.parametrize("said", ["text/html; charset=utf-8", "application/octet-stream", ""])
def test_a_page_in_the_place_of_a_file_is_refused(tmp_path: Path, said: str) -> None:
    with web.serve(model=b"\n<!DOCTYPE html><title>Sign in</title>") as site:
        site.kinds["model"] = said
        with pytest.raises(DataError, match="web page"):
            download((f"{site.url}/model",), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_another_size_than_the_card_says_is_refused(tmp_path: Path) -> None:
    with web.serve(model=CONTENT) as site, pytest.raises(DataError, match="expected 7 bytes"):
        download((f"{site.url}/model",), tmp_path / "model.dat", size=7)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), "certificate is not accepted"),
        (requests.exceptions.ProxyError("407"), "the proxy refuses"),
        (requests.exceptions.ReadTimeout("..."), "no answer in time"),
        (requests.exceptions.ConnectionError("..."), "no connection"),
        (requests.exceptions.InvalidURL("No host\nsupplied"), "No host supplied"),
    ],
)
def test_what_gets_no_answer_says_why(error: Exception, meaning: str) -> None:
    assert meaning in no_answer(error).what
