"""`sample`: eight photographs that scikit-image ships, so that a run needs no download.

HR images are 288 x 288 crops (three NIQE blocks a side, and above the 224 pixels that MANIQA
needs); LR images come from the Real-ESRGAN degradation with a fixed seed. The set is built on
first use, and checked against hashes of pixels that ship with the package.
"""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.errors import DataError, ResourceError
from benchmarks.api.images import read_rgb, show
from benchmarks.datasets import verifying
from benchmarks.datasets.degrading import recipe_of, write_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.datasets.places import Place

SIDE = 288  # pixels of an HR crop
SEED = 3  # of the first few, the one whose LR images a person still recognises at 72 x 72


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """One photograph of scikit-image, the crop that is taken, and whose it is."""

    id: str
    file: str  # below skimage/data
    top: int
    left: int
    licence: str
    credit: str


# Licences as scikit-image states them in the docstrings of skimage.data.
PHOTOGRAPHS = (
    Photograph(
        id="astronaut",
        file="astronaut.png",
        top=0,
        left=110,
        licence="public domain",
        credit="NASA Great Images database (portrait of Eileen Collins)",
    ),
    Photograph(
        id="brick",
        file="brick.png",
        top=112,
        left=112,
        licence="CC0-1.0",
        credit="CC0Textures, Bricks25",
    ),
    Photograph(
        id="camera",
        file="camera.png",
        top=60,
        left=100,
        licence="CC0-1.0",
        credit="Lav Varshney",
    ),
    Photograph(
        id="chelsea",
        file="chelsea.png",
        top=8,
        left=80,
        licence="CC0-1.0",
        credit="Stefan van der Walt",
    ),
    Photograph(
        id="coffee",
        file="coffee.png",
        top=60,
        left=170,
        licence="CC0-1.0",
        credit="Rachel Michetti, courtesy of Pikolo Espresso Bar",
    ),
    Photograph(
        id="hubble",
        file="hubble_deep_field.jpg",
        top=300,
        left=300,
        licence="public domain",
        credit="NASA, HubbleSite (eXtreme Deep Field)",
    ),
    Photograph(
        id="retina",
        file="retina.jpg",
        top=520,
        left=180,
        licence="CC0-1.0",
        credit="Mikael Häggström, Wikimedia Commons",
    ),
    Photograph(
        id="rocket",
        file="rocket.jpg",
        top=139,
        left=0,
        licence="public domain",
        credit="SpaceX (launch of DSCOVR)",
    ),
)


def crop(photograph: Photograph) -> NDArray[np.uint8]:
    """Return the HR image of a photograph, of shape (288, 288, 3).

    Raises:
        DataError: scikit-image does not hold it.
    """
    spec = importlib.util.find_spec("skimage")  # finds without importing
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise DataError("scikit-image is not installed.", "Run: pip install scikit-image")
    image = read_rgb(Path(folders[0]) / "data" / photograph.file)
    top, left = photograph.top, photograph.left
    return np.ascontiguousarray(image[top : top + SIDE, left : left + SIDE])


def build(place: Place) -> None:
    """Build the set where it belongs, unless it is there. Two processes may do so at once.

    Raises:
        DataError: what was built is not what the shipped manifest says; nothing is left behind.
        ResourceError: the folder cannot be written.
    """
    if place.root.is_dir():
        return
    import filelock

    lock = place.root.with_name(f".{place.root.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(lock):
            if not place.root.is_dir():
                _build(place)
    except OSError as error:
        raise ResourceError(
            f"Cannot write {show(place.root)}: {error.strerror or error}.",
            "Set MFSR_BENCH_HOME to a folder that can be written.",
        ) from error


def _build(place: Place) -> None:
    """Build beside the final folder and rename: the folder is there whole or not at all."""
    scratch = place.root.with_name(f".{place.root.name}.building")
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    for photograph in PHOTOGRAPHS:
        recipe = recipe_of(SEED, place.card.id, photograph.id)
        write_pair(scratch, photograph.id, crop(photograph), recipe)
    built = replace(place, root=scratch, lr=scratch / "lr", hr=scratch / "hr")
    problems = verifying.inspect(built).problems
    if problems:
        shutil.rmtree(scratch, ignore_errors=True)
        raise DataError(
            f"Data set '{place.card.id}' comes out differently on this machine: {problems[0]}.",
            "Another version of NumPy, SciPy, Pillow or scikit-image may be the cause: "
            "try the newest ones, and report it with the output of: mfsr-bench doctor",
        )
    scratch.replace(place.root)
