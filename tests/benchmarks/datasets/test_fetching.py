"""Fetching from a web server on this machine, that behaves and that does not."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import web
from PIL import Image

from benchmarks.api import paths
from benchmarks.api.card import HubFile
from benchmarks.api.dataset import DatasetCard, Side, Source
from benchmarks.api.errors import ConfigError, DataError, WeightsMissingError
from benchmarks.api.images import read_rgb, sha256_pixels
from benchmarks.datasets.catalogue import REALLQ250, SAMPLE
from benchmarks.datasets.fetching import fetch, is_here
from benchmarks.datasets.manifests import ManifestRow, render
from benchmarks.datasets.places import of_card
from benchmarks.datasets.verifying import inspect

N = 6
SIZES: dict[Side, int] = {"lr": 16, "hr": 64}


def png(seed: int, size: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


FILES: dict[tuple[Side, str], bytes] = {
    (side, f"img {i}.png"): png(100 * i + size, size)
    for side, size in SIZES.items()
    for i in range(N)
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of a stranger that holds the manifest."""
    folder = tmp_path / "tiny_set"
    folder.mkdir()
    (folder / "__init__.py").touch()
    rows = []
    for (side, name), content in FILES.items():
        (tmp_path / "x.png").write_bytes(content)
        pixels = read_rgb(tmp_path / "x.png")
        rows.append(
            ManifestRow(
                side,
                name,
                hashlib.sha256(content).hexdigest(),
                sha256_pixels(pixels),
                *pixels.shape[:2],
            )
        )
    (folder / "manifest.csv").write_bytes(render(rows))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("tiny_set", None)


def card(url: str) -> DatasetCard:
    return DatasetCard(
        id="tiny",
        title="Tiny",
        n=N,
        has_reference=True,
        lr_size=(16, 16),
        manifest="tiny_set:manifest.csv",
        sources=(Source(files=(("lr", url + "/lr/{name}"), ("hr", url + "/hr/{name}"))),),
    )


def site() -> dict[str, bytes]:
    return {f"{side}/{name.replace(' ', '%20')}": data for (side, name), data in FILES.items()}


def on_disk(root: Path) -> dict[tuple[str, str], bytes]:
    return {
        (path.parent.name, path.name): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_files_are_fetched_checked_and_not_fetched_again(package: Path) -> None:
    seen: list[tuple[int, int]] = []
    with web.serve(**site()) as server:
        place = of_card(card(server.url))
        assert not is_here(place)
        report = fetch(place, progress=lambda done, total: seen.append((done, total)))
        assert report.checked == "every file"
        assert on_disk(place.root) == FILES
        assert seen[-1][0] == sum(map(len, FILES.values()))
        asked = len(server.requests)
        assert asked == 2 * N
        assert not fetch(place).problems
        assert len(server.requests) == asked


def test_only_what_is_lacking_or_wrong_is_fetched(package: Path) -> None:
    with web.serve(**site()) as server:
        place = of_card(card(server.url))
        fetch(place)
        server.requests.clear()
        (place.lr / "img 1.png").unlink()
        (place.lr / "img 2.png").write_bytes(b"damaged")
        (place.side("hr") / "img 3.png").write_bytes(FILES["hr", "img 4.png"])
        fetch(place)
        assert on_disk(place.root) == FILES
        assert sorted(path for path, _ in server.requests) == [
            "/hr/img%203.png",
            "/lr/img%201.png",
            "/lr/img%202.png",
        ]


def test_a_missing_file_names_its_address(package: Path) -> None:
    files = site()
    del files["lr/img%202.png"]
    with web.serve(**files) as server:
        place = of_card(card(server.url))
        with pytest.raises(DataError, match=r"Cannot fetch 'tiny': .*img%202\.png: 404") as caught:
            fetch(place)
        assert "Look for it from" in caught.value.remedy
        server.files.update(site())
        fetch(place)
        assert on_disk(place.root) == FILES


def test_a_wrong_file_is_never_put_in_place(package: Path) -> None:
    with web.serve(**site() | {"hr/img%200.png": png(1234, 64)}) as server:
        place = of_card(card(server.url))
        with pytest.raises(DataError, match="expected sha256"):
            fetch(place)
        assert ("hr", "img 0.png") not in on_disk(place.root)


def test_a_broken_connection_loses_nothing_that_is_whole(package: Path) -> None:
    with web.serve(**site()) as server:
        server.cut_after = 100
        place = of_card(card(server.url))
        with pytest.raises(DataError, match="Cannot fetch 'tiny'"):
            fetch(place)
        server.requests.clear()
        whole = set(place.root.rglob("*.png"))
        fetch(place)
        assert on_disk(place.root) == FILES
        assert len({path for path, _ in server.requests}) == 2 * N - len(whole)


def test_a_broken_archive_is_resumed(package: Path) -> None:
    packed = zipped({"padding": bytes(3 << 20)} | MEMBERS)
    with web.serve(**{"sets.zip": packed}) as server:
        server.cut_after = (2 << 20) + 5
        place = of_card(from_archive(f"{server.url}/sets.zip"))
        with pytest.raises(DataError, match="Cannot fetch 'tiny'"):
            fetch(place)
        fetch(place)
        assert on_disk(place.root) == FILES
        assert [wanted for _, wanted in server.requests] == [None, f"bytes={2 << 20}-"]


def test_nobody_there_is_one_line(package: Path) -> None:
    with pytest.raises(DataError, match="no connection") as caught:
        fetch(of_card(card("http://127.0.0.1:9")))
    assert len(caught.value.cause) < 250


def test_killed_while_fetching_it_goes_on(package: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "sys.path.insert(0, {tests!r})\n"
        "from test_fetching import card, fetch, of_card\n"
        "place = of_card(card({url!r}))\n"
        "def kill(done, total):\n"
        "    if done > 40_000 and any(place.root.rglob('*.png')):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "fetch(place, progress=kill)\n"
    )
    tests = str(Path(__file__).parent)
    with web.serve(**site()) as server:
        done = subprocess.run(
            [sys.executable, "-c", code.format(tests=tests, url=server.url)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(package), str(Path(web.__file__).parent)]),
            },
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        place = of_card(card(server.url))
        finished = set(place.root.rglob("*.png"))
        assert 0 < len(finished) < 2 * N
        server.requests.clear()
        fetch(place)
        assert on_disk(place.root) == FILES
        # The server may meet the killed process's last requests only now: of the same files.
        assert len({path for path, _ in server.requests}) == 2 * N - len(finished)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


MEMBERS = {
    f"sets/{'lq' if side == 'lr' else 'gt'}/{name}": data for (side, name), data in FILES.items()
}
PACKED = zipped(MEMBERS)
UNPACK: tuple[tuple[Side, str], ...] = (("lr", "sets/lq"), ("hr", "sets/gt"))


def from_archive(url: str) -> DatasetCard:
    return replace(card(""), sources=(Source(archive=url, unpack=UNPACK),))


def test_an_archive_is_downloaded_unpacked_and_deleted(package: Path) -> None:
    with web.serve(**{"sets.zip": PACKED}) as server:
        place = of_card(from_archive(f"{server.url}/sets.zip"))
        fetch(place)
        assert on_disk(place.root) == FILES
        assert not list((paths.datasets() / ".downloads").iterdir())


def test_a_damaged_archive_is_asked_for_again(package: Path) -> None:
    with web.serve(**{"sets.zip": PACKED[:-100]}) as server:
        place = of_card(from_archive(f"{server.url}/sets.zip"))
        with pytest.raises(DataError, match=r"sets\.zip"):
            fetch(place)
        server.files["sets.zip"] = PACKED
        fetch(place)
        assert on_disk(place.root) == FILES


def test_the_next_source_is_tried(package: Path) -> None:
    with web.serve(**{"sets.zip": PACKED}) as server:
        sources = (
            *card("http://127.0.0.1:9").sources,
            Source(archive=f"{server.url}/sets.zip", unpack=UNPACK),
        )
        place = of_card(replace(card(""), sources=sources))
        assert not fetch(place).problems


def test_an_archive_from_the_hub(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from benchmarks.api import hub

    asked: list[tuple[object, ...]] = []

    def fetch_file(*names: str, **options: str) -> Path:
        asked.append((*names, options))
        (tmp_path / "cached.zip").write_bytes(PACKED)
        return tmp_path / "cached.zip"

    monkeypatch.setattr(hub, "fetch_file", fetch_file)
    source = Source(hub=HubFile(repo="a/b", filename="sets.zip"), unpack=UNPACK)
    place = of_card(replace(card(""), sources=(source,)))
    fetch(place)
    assert on_disk(place.root) == FILES
    assert asked == [("a/b", "sets.zip", "main", {"repo_type": "dataset"})]
    assert (tmp_path / "cached.zip").is_file()  # the cache is the hub's

    def offline(*names: str, **options: str) -> Path:
        raise WeightsMissingError("Cannot download sets.zip of a/b: offline", "Check HF_ENDPOINT")

    monkeypatch.setattr(hub, "fetch_file", offline)
    with pytest.raises(DataError, match="offline") as caught:
        fetch(of_card(replace(card(""), id="other", sources=(source,))))
    assert caught.value.exit_code == 3


def test_an_archive_of_the_users(package: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(PACKED)
    source = Source(page="https://drive", note="download sets.zip", unpack=UNPACK)
    place = of_card(replace(card(""), sources=(source,)))
    fetch(place, archive=tmp_path / "mine.zip")
    assert on_disk(place.root) == FILES
    assert (tmp_path / "mine.zip").is_file()


def test_an_archive_of_another_set_is_noticed(package: Path, tmp_path: Path) -> None:
    others = {f"sets/lq/{i}.png": png(i, 16) for i in range(N)}
    others |= {f"sets/gt/{i}.png": png(i, 64) for i in range(N)}
    (tmp_path / "mine.zip").write_bytes(zipped(others))
    place = of_card(from_archive("https://drive/sets.zip"))
    with pytest.raises(DataError, match="not complete and correct"):
        fetch(place, archive=tmp_path / "mine.zip")
    assert len(inspect(place).problems) == 4 * N  # each file is missing, or does not belong


def test_a_page_is_for_a_person() -> None:
    with pytest.raises(DataError, match="'reallq250' is missing at") as caught:
        fetch(of_card(REALLQ250))
    for part in ("https://drive.google.com/", "--archive FILE", "datasets verify reallq250", "lr/"):
        assert part in caught.value.remedy


def test_the_built_in_set_is_built() -> None:
    assert not fetch(of_card(SAMPLE)).problems


def test_a_folder_is_not_fetched() -> None:
    with pytest.raises(ConfigError, match="not a data set that can be fetched"):
        fetch(of_card(replace(card(""), kind="folder")))
