"""The built-in set: the same on every machine, whole or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from benchmarks.api import paths
from benchmarks.api.errors import DataError, ResourceError
from benchmarks.api.images import read_rgb, sha256_pixels
from benchmarks.datasets import degrading, manifests, sample
from benchmarks.datasets.catalogue import SAMPLE
from benchmarks.datasets.opening import open_dataset
from benchmarks.datasets.places import of_card

KNOWN = "3da19ee2c9f226d34b3bb31f939d05a43f5533dad4a08367bcbf39104fe9f82b"


def test_it_is_built_on_first_use_and_is_the_shipped_one() -> None:
    opened = open_dataset("sample")
    assert [image.id for image in opened.samples] == sorted(p.id for p in sample.PHOTOGRAPHS)
    rows = {(row.side, row.name): row for row in manifests.of_card(SAMPLE, opened.root) or ()}
    for image in opened.samples:
        assert image.hr is not None
        for side, path in (("lr", image.lr), ("hr", image.hr)):
            assert sha256_pixels(read_rgb(path)) == rows[side, path.name].sha256_pixels
    assert opened.manifest_sha256 == KNOWN
    assert open_dataset("sample") == opened


def test_hr_images_are_crops_of_the_photographs() -> None:
    opened = {image.id: image for image in open_dataset("sample").samples}
    assert opened["coffee"].hr is not None
    np.testing.assert_array_equal(
        read_rgb(opened["coffee"].hr), skimage.data.coffee()[60:348, 170:458]
    )


def test_every_photograph_has_a_free_licence_and_a_credit() -> None:
    assert {photo.licence for photo in sample.PHOTOGRAPHS} == {"CC0-1.0", "public domain"}
    assert all(photo.credit for photo in sample.PHOTOGRAPHS)


def test_opening_it_again_needs_nothing_heavy() -> None:
    open_dataset("sample")
    code = (
        "import sys; from benchmarks.datasets.opening import open_dataset; open_dataset('sample');"
        "print(*{'torch', 'scipy', 'cv2', 'skimage', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_two_processes_build_it_at_once() -> None:
    code = (
        "from benchmarks.datasets.opening import open_dataset;"
        "print(open_dataset('sample').manifest_sha256)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert {process.communicate(timeout=60)[0].strip() for process in running} == {KNOWN}
    assert all(process.returncode == 0 for process in running)


def test_killed_while_building_it_is_built_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import os, signal\n"
        "from benchmarks.datasets import sample\n"
        "from benchmarks.datasets.opening import open_dataset\n"
        "write = sample.write_pair\n"
        "def kill(root, image, *rest):\n"
        "    write(root, image, *rest)\n"
        "    if image == 'camera': os.kill(os.getpid(), signal.SIGKILL)\n"
        "sample.write_pair = kill\n"
        "open_dataset('sample')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (paths.datasets() / "sample").exists()
    assert open_dataset("sample").manifest_sha256 == KNOWN
    assert {entry.name for entry in paths.datasets().iterdir()} == {"sample", ".sample.lock"}


def test_other_pixels_are_an_error_and_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "SEED", sample.SEED + 1)
    with pytest.raises(DataError, match="comes out differently on this machine: lr/"):
        open_dataset("sample")
    assert {entry.name for entry in paths.datasets().iterdir()} <= {".sample.lock"}


def test_a_changed_file_is_noticed() -> None:
    opened = open_dataset("sample")
    Image.fromarray(np.zeros((72, 72, 3), np.uint8)).save(opened.samples[0].lr)
    with pytest.raises(DataError, match=r"lr/astronaut\.png: is another image") as caught:
        open_dataset("sample")
    assert str(opened.root) in caught.value.remedy


def test_a_set_without_its_folders_is_noticed() -> None:
    root = open_dataset("sample").root
    (root / "hr").rename(root / "elsewhere")
    with pytest.raises(DataError, match="'sample' is not whole") as caught:
        open_dataset("sample")
    assert f"Delete {root}" in caught.value.remedy


def test_a_file_encoded_again_without_loss_passes() -> None:
    opened = open_dataset("sample")
    target = opened.samples[0].lr
    before = target.read_bytes()
    Image.fromarray(read_rgb(target)).save(target, compress_level=0)
    assert target.read_bytes() != before
    assert open_dataset("sample").manifest_sha256 == KNOWN


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("MFSR_BENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(ResourceError, match="Cannot write") as caught:
        open_dataset("sample")
    assert "MFSR_BENCH_HOME" in caught.value.remedy


def test_recipes_differ_by_image_and_set() -> None:
    recipes = {
        degrading.recipe_of(0, dataset, image)
        for dataset in ("sample", "div2k-val")
        for image in ("a", "b")
    }
    assert len(recipes) == 4
    assert degrading.recipe_of(0, "sample", "a") in recipes


def test_place_of_the_set() -> None:
    assert of_card(SAMPLE).lr == paths.datasets() / "sample" / "lr"
    assert os.environ["MFSR_BENCH_HOME"] in str(paths.datasets())
