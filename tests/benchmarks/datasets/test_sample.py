"""The built-in set: files of the package, which still come about as its README says."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from benchmarks.api.errors import DataError
from benchmarks.api.images import read_rgb
from benchmarks.datasets import verifying
from benchmarks.datasets.catalogue import SAMPLE
from benchmarks.datasets.degrading import recipe_of
from benchmarks.datasets.opening import open_dataset
from benchmarks.datasets.places import of_card
from benchmarks.degradation.parameters import CAMERA_X4
from benchmarks.degradation.pipeline import apply

ROOT = of_card(SAMPLE).root
NAMES = sorted(path.stem for path in (ROOT / "hr").iterdir())


def test_it_is_whole_and_small_enough_to_ship() -> None:
    opened = open_dataset("sample")
    assert [image.id for image in opened.samples] == NAMES
    assert sum(path.stat().st_size for path in ROOT.rglob("*.png")) < 4e6


@pytest.mark.parametrize("name", ["astronaut", "osprey"])  # Gaussian and Poisson noise
def test_lr_images_are_the_seeded_degradation_of_hr_images(name: str) -> None:
    hr, lr = (read_rgb(ROOT / side / f"{name}.png") for side in ("hr", "lr"))
    made = apply(hr, recipe_of(3, "sample", name, CAMERA_X4))
    # Another version of SciPy or NumPy may round a pixel to the other side.
    difference = np.abs(made.astype(int) - lr)
    assert difference.max() <= 2
    assert (difference > 0).mean() < 0.01


def test_hr_images_are_the_photographs() -> None:
    found = read_rgb(ROOT / "hr" / "astronaut.png")
    np.testing.assert_array_equal(found, skimage.data.astronaut())


def test_every_photograph_has_a_free_licence() -> None:
    rows = (ROOT / "README.md").read_text(encoding="utf-8").split("|---|---|---|")[1]
    licences = dict(re.findall(r"^\| (\w+) \|.*\| ([^|]+) \|$", rows, re.MULTILINE))
    assert sorted(licences) == NAMES
    assert set(licences.values()) == {"CC0-1.0", "public domain"}


def test_opening_it_needs_nothing_heavy() -> None:
    code = (
        "import sys; from benchmarks.datasets.opening import open_dataset; open_dataset('sample');"
        "print(*{'torch', 'scipy', 'cv2', 'skimage', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_damaged_installation_is_named(tmp_path: Path) -> None:
    for side in ("lr", "hr"):
        (tmp_path / side).mkdir()
        for name in NAMES[1:]:
            (tmp_path / side / f"{name}.png").symlink_to(ROOT / side / f"{name}.png")
    place = replace(of_card(SAMPLE), root=tmp_path, lr=tmp_path / "lr", hr=tmp_path / "hr")
    with pytest.raises(DataError, match="7 LR images where 8 belong") as caught:
        verifying.require(place)
    assert "install that again" in caught.value.remedy
