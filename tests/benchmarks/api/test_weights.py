"""Weights are found where they lie, fetched where they can be, and never mistaken."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import web

from benchmarks.api import images, paths
from benchmarks.api.card import HubFile, WeightFile, WeightFolder
from benchmarks.api.errors import (
    ConfigError,
    WeightsCorruptError,
    WeightsGatedError,
    WeightsMissingError,
)
from benchmarks.api.weights import WeightStore, check

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def file(**changes: object) -> WeightFile:
    return WeightFile(
        **{"name": "net.dat", "licence": "MIT", "urls": ("http://127.0.0.1:9/net.dat",), **changes}
    )


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def put_in_hub(repo: str, name: str) -> Path:
    """Write a file into the Hugging Face cache as the hub library lays it out."""
    import os

    root = Path(os.environ["HF_HOME"]) / "hub" / f"models--{repo.replace('/', '--')}"
    put(root / "refs" / "main", b"0" * 40)
    return put(root / "snapshots" / ("0" * 40) / name)


@pytest.fixture(autouse=True)
def _hub_reads_its_cache_folder_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", os.environ["HF_HOME"] + "/hub")


def test_found_in_the_weights_folder_then_in_shared_caches_then_in_the_hub() -> None:
    store = WeightStore()
    weight = file(
        caches=("torch:checkpoints/net.dat", "torch:pyiqa/net.dat"),
        hub=HubFile(repo="a/b", filename="n.pth"),
    )
    assert store.find("m", weight) is None
    hub = put_in_hub("a/b", "n.pth")
    assert store.find("m", weight) == hub
    cached = put(paths.torch_hub() / "pyiqa" / "net.dat")
    assert store.find("m", weight) == cached
    own = put(store.place("m", weight))
    assert store.find("m", weight) == own


def test_a_folder_is_found_only_when_complete() -> None:
    store = WeightStore()
    weight = WeightFolder(
        name="base", repo="a/gone", mirrors=("c/d",), licence="x", files=("u/w.st", "config.json")
    )
    put_in_hub("c/d", "config.json")
    assert store.find("m", weight) is None
    found = put_in_hub("c/d", "u/w.st").parents[1]
    assert store.find("m", weight) == found
    for name in weight.files:
        put(store.place("m", weight) / name)
    assert store.find("m", weight) == store.place("m", weight)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    with pytest.raises(WeightsMissingError, match="mfsr-bench weights fetch m"):
        store.require("m", file())
    page = file(urls=(), page="https://drive.example/x")
    with pytest.raises(WeightsMissingError, match=r"drive\.example") as by_hand:
        store.require("m", page)
    assert str(tmp_path / "m" / "net.dat") in by_hand.value.remedy
    with pytest.raises(WeightsGatedError, match="hf auth login"):
        store.require("m", file(gated=True, page="https://huggingface.co/a/b"))


def test_fetch_downloads_checks_and_then_finds(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    with web.serve(net=CONTENT) as site:
        weight = file(urls=(f"{site.url}/net",), sha256=SHA256)
        assert store.fetch("m", weight).read_bytes() == CONTENT
        store.fetch("m", weight)
        assert len(site.requests) == 1
        with pytest.raises(WeightsMissingError, match="expected sha256"):
            store.fetch("m", file(name="other", urls=(f"{site.url}/net",), sha256="0" * 64))


def test_fetching_from_the_hub_offline_is_a_clear_error(tmp_path: Path) -> None:
    weight = file(urls=(), hub=HubFile(repo="a/b", filename="n.pth"))
    with pytest.raises(WeightsMissingError, match=r"Cannot download n\.pth of a/b"):
        WeightStore(tmp_path).fetch("m", weight)
    folder = WeightFolder(name="f", repo="a/b", mirrors=("c/d",), licence="x", files=("x",))
    with pytest.raises(WeightsMissingError, match="of a/b"):
        WeightStore(tmp_path).fetch("m", folder)


def test_what_only_a_browser_gets_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match="Download it at https"):
        WeightStore(tmp_path).fetch("m", file(urls=(), page="https://drive.example/x"))


def test_status_tells_present_missing_and_corrupt(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    weight = file(sha256=SHA256, bytes=len(CONTENT))
    assert store.status("m", weight).state == "missing"
    path = put(store.place("m", weight))
    assert store.status("m", weight, sha256=images.sha256_file).state == "present"
    path.write_bytes(b"weightz")
    assert store.status("m", weight).state == "present"  # not read unless asked
    status = store.status("m", weight, sha256=images.sha256_file)
    assert status.state == "corrupt"
    assert SHA256 in status.detail
    assert status.as_json()["path"] == str(path)
    with pytest.raises(WeightsCorruptError, match="9 bytes where 7"):
        check(weight, put(path, b"truncated"), images.sha256_file)


@pytest.mark.parametrize(
    "bad",
    [{"urls": ()}, {"sha256": "12"}, {"name": "../x"}, {"name": "/etc/x"}, {"name": "a/../../x"}],
)
def test_impossible_weight_files_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        file(**bad)


def test_the_first_digits_of_a_hash_are_checked_too(tmp_path: Path) -> None:
    path = put(tmp_path / "net.dat")
    assert check(file(sha256_prefix=SHA256[:8]), path, images.sha256_file) == SHA256
    with pytest.raises(WeightsCorruptError, match="00000000"):
        check(file(sha256_prefix="0" * 8), path, images.sha256_file)
    with pytest.raises(ConfigError, match="xyz"):
        file(sha256_prefix="xyz")


def test_a_size_that_is_roughly_known_shows_what_was_cut_short(tmp_path: Path) -> None:
    weight = file(about_bytes=2_000)
    check(weight, put(tmp_path / "net.dat", b"x" * 1_930), images.sha256_file)
    with pytest.raises(WeightsCorruptError, match="900 bytes where about 2000 were expected"):
        check(weight, put(tmp_path / "net.dat", b"x" * 900), images.sha256_file)
    status = WeightStore(tmp_path).status("metrics", weight)
    assert status.as_json()["bytes"] is None
    assert status.as_json()["about_bytes"] == 2_000


def test_the_mirror_that_was_used_is_told() -> None:
    folder = WeightFolder(
        name="base",
        repo="home/base",
        mirrors=("mirror/base",),
        licence="MIT",
        files=("unet/w.dat",),
    )
    store = WeightStore()
    assert store.status("osediff", folder).source == "https://huggingface.co/home/base"
    put_in_hub("mirror/base", "unet/w.dat")
    status = store.status("osediff", folder)
    assert status.state == "present"
    assert status.source == f"https://huggingface.co/mirror/base/tree/{'0' * 40}"
    assert status.as_json()["source"] == status.source


def test_the_known_hashes_of_a_folder_are_checked() -> None:
    folder = WeightFolder(
        name="base",
        repo="a/b",
        licence="MIT",
        files=("w.dat", "c.txt"),
        sha256=(("w.dat", SHA256),),
    )
    store = WeightStore()
    for name in folder.files:
        put(store.place("osediff", folder) / name)
    status = store.status("osediff", folder, sha256=images.sha256_file)
    assert (status.state, status.source) == ("present", "https://huggingface.co/a/b")
    put(store.place("osediff", folder) / "w.dat", b"other")
    status = store.status("osediff", folder, sha256=images.sha256_file)
    assert status.state == "corrupt"
    assert "w.dat has sha256" in status.detail


def test_a_hash_of_a_file_that_is_not_in_the_folder_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no sha256 of x\.bin"):
        WeightFolder(name="b", repo="a/b", licence="MIT", files=(), sha256=(("x.bin", SHA256),))


def test_methods_can_share_a_folder(tmp_path: Path) -> None:
    store = WeightStore(tmp_path)
    shared = file(folder="base", urls=(), page="https://drive.example/x", note="folder 'a/b'")
    put(tmp_path / "base" / "net.dat")
    assert store.find("one", shared) == store.find("other", shared) == tmp_path / "base/net.dat"
    (tmp_path / "base" / "net.dat").unlink()
    with pytest.raises(WeightsMissingError) as caught:
        store.require("one", shared)
    assert caught.value.remedy.startswith("Download it at https://drive.example/x (folder 'a/b')")
    folder = WeightFolder(name="n", folder="base", repo="a/b", licence="x", files=("f",))
    assert store.place("one", folder) == tmp_path / "base" / "n"
    with pytest.raises(ConfigError, match="leaves its folder"):
        file(folder="../x")


def test_weights_of_one_option_say_which_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"weights fetch m\+variant=f"):
        WeightStore(tmp_path).require("m", file(only_with="variant=f"))
