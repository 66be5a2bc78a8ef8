"""`div2k-val`, made small: 5 originals and crops of 64 pixels stand for 100 and 512."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from PIL import Image

from benchmarks.api.errors import ConflictError, DataError
from benchmarks.api.images import read_rgb
from benchmarks.datasets import making
from benchmarks.datasets.catalogue import DIV2K_BICUBIC, DIV2K_VAL
from benchmarks.datasets.degrading import recipe_of
from benchmarks.datasets.places import Place
from benchmarks.datasets.verifying import inspect
from benchmarks.degradation.pipeline import apply

NAMES = ("0801", "0802", "0803", "0804", "0805")
SMALL = replace(DIV2K_VAL, n=5, lr_size=(16, 16))


def shrink() -> None:
    """Make the module small; a process of its own calls this too."""
    making.CROP = 64
    making.ORIGINALS = NAMES


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "CROP", making.CROP)  # to be set back
    monkeypatch.setattr(making, "ORIGINALS", making.ORIGINALS)
    shrink()


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    folder = tmp_path / "DIV2K_valid_HR"
    folder.mkdir()
    photo = skimage.data.astronaut()
    for i, name in enumerate(NAMES):
        Image.fromarray(photo[20 * i : 20 * i + 90 + i, 50 : 170 + i]).save(folder / f"{name}.png")
    return folder


def at(root: Path) -> Place:
    return Place(card=SMALL, root=root, lr=root / "lr", hr=root / "hr")


def on_disk(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_it_makes_pairs_a_record_and_a_manifest(originals: Path, tmp_path: Path) -> None:
    place = at(tmp_path / "out")
    seen: list[tuple[int, int]] = []
    making.make(place, originals, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 5) for i in range(1, 6)]
    report = inspect(place)
    assert report.problems == ()
    assert report.checked == "every file"
    record = json.loads((place.root / "record.json").read_text())
    for name in NAMES:
        entry = record["images"][name]
        original = read_rgb(originals / f"{name}.png")
        hr = original[entry["top"] : entry["top"] + 64, entry["left"] : entry["left"] + 64]
        np.testing.assert_array_equal(read_rgb(place.root / "hr" / f"{name}.png"), hr)
        recipe = recipe_of(0, "div2k-val", name)
        assert entry["recipe"] == json.loads(json.dumps(recipe.as_json()))
        np.testing.assert_array_equal(
            read_rgb(place.lr / f"{name}.png"), apply(np.ascontiguousarray(hr), recipe)
        )
    assert len({(e["top"], e["left"]) for e in record["images"].values()}) == 5


def test_the_bicubic_set_is_the_middle_reduced_by_torch(originals: Path, tmp_path: Path) -> None:
    root = tmp_path / "out"
    card = replace(DIV2K_BICUBIC, n=5, lr_size=(16, 16))
    place = Place(card=card, root=root, lr=root / "lr", hr=root / "hr")
    making.make(place, originals)
    assert inspect(place).problems == ()
    for name in NAMES:
        original = read_rgb(originals / f"{name}.png")
        height, width, _ = original.shape
        hr = original[
            (height - 64) // 2 : (height + 64) // 2, (width - 64) // 2 : (width + 64) // 2
        ]
        np.testing.assert_array_equal(read_rgb(root / "hr" / f"{name}.png"), hr)
        pixels = torch.from_numpy(hr.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        lr = F.interpolate(pixels, scale_factor=1 / 4, mode="bicubic", antialias=True)
        lr = ((lr[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy()
        assert np.abs(read_rgb(root / "lr" / f"{name}.png") - lr).max() < 0.501
    record = json.loads((root / "record.json").read_text())
    assert "seed" not in record
    assert record["images"]["0801"]["recipe"] == {}


def test_equal_originals_give_equal_bytes(originals: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        making.make(at(tmp_path / name), originals)
    assert on_disk(tmp_path / "one") == on_disk(tmp_path / "two")


def test_killed_at_any_image_it_goes_on(originals: Path, tmp_path: Path) -> None:
    making.make(at(tmp_path / "whole"), originals)
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, {tests!r})\n"
        "import test_making as t\n"
        "t.shrink()\n"
        "def kill(done, total):\n"
        "    if done == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "t.making.make(t.at(Path({out!r})), Path({originals!r}), progress=kill)\n"
    ).format(tests=str(Path(__file__).parent), out=str(tmp_path / "out"), originals=str(originals))
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    place = at(tmp_path / "out")
    with pytest.raises(DataError, match="is not finished"):
        inspect(place)
    times = {path: path.stat().st_mtime_ns for path in place.root.rglob("*.png")}
    assert len(times) == 6
    making.make(place, originals)
    assert on_disk(place.root) == on_disk(tmp_path / "whole")
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())


def test_a_half_written_pair_is_made_again(originals: Path, tmp_path: Path) -> None:
    place = at(tmp_path / "out")
    making.make(place, originals)
    before = on_disk(place.root)
    (place.lr / "0803.png").unlink()
    (place.root / "manifest.csv").unlink()
    making.make(place, originals)
    assert on_disk(place.root) == before


def test_a_damaged_image_is_made_again_and_not_put_into_the_manifest(
    originals: Path, tmp_path: Path
) -> None:
    place = at(tmp_path / "out")
    making.make(place, originals)
    before = on_disk(place.root)
    Image.new("RGB", (16, 16)).save(place.lr / "0802.png")
    (place.root / "hr" / "0804.png").write_bytes(b"damaged")
    making.make(place, originals)
    assert on_disk(place.root) == before


def test_a_record_that_is_none(originals: Path, tmp_path: Path) -> None:
    place = at(tmp_path / "out")
    place.root.mkdir()
    (place.root / "record.json").write_text("{")
    with pytest.raises(ConflictError, match="other originals"):
        making.make(place, originals)


def test_an_incomplete_folder_is_refused(originals: Path, tmp_path: Path) -> None:
    (originals / "0802.png").unlink()
    with pytest.raises(DataError, match=r"lacks 1 of the 100 .*: 0802\.") as caught:
        making.make(at(tmp_path / "out"), originals)
    assert "DIV2K_valid_HR.zip" in caught.value.remedy
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="No such folder"):
        making.make(at(tmp_path / "out"), tmp_path / "nowhere")


def test_lr_images_in_place_of_originals_are_refused(originals: Path, tmp_path: Path) -> None:
    Image.new("RGB", (63, 100)).save(originals / "0804.png")
    with pytest.raises(DataError, match="too small for a crop of 64x64"):
        making.make(at(tmp_path / "out"), originals)
    assert not (tmp_path / "out").exists()


def test_a_damaged_original_is_refused(originals: Path, tmp_path: Path) -> None:
    content = (originals / "0805.png").read_bytes()
    (originals / "0805.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"0805\.png cannot be read"):
        making.make(at(tmp_path / "out"), originals)


def test_other_originals_do_not_mix(originals: Path, tmp_path: Path) -> None:
    place = at(tmp_path / "out")
    making.make(place, originals)
    Image.new("RGB", (100, 100)).save(originals / "0804.png")
    with pytest.raises(ConflictError, match="other originals"):
        making.make(place, originals)


def test_a_folder_of_somebody_else_is_left_alone(originals: Path, tmp_path: Path) -> None:
    place = at(tmp_path / "out")
    place.lr.mkdir(parents=True)
    (place.lr / "mine.png").write_bytes(b"x")
    with pytest.raises(ConflictError, match="did not make"):
        making.make(place, originals)
    assert [path.name for path in place.root.rglob("*.png")] == ["mine.png"]


def test_changed_pixels_are_noticed(originals: Path, tmp_path: Path) -> None:
    place = at(tmp_path / "out")
    making.make(place, originals)
    Image.new("RGB", (16, 16)).save(place.lr / "0801.png")
    assert [str(problem) for problem in inspect(place).problems] == [
        "lr/0801.png: is another image"
    ]
