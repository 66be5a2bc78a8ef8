"""Sets that are made here: a crop of each DIV2K validation image, and its LR image.

- `div2k-val`      random crops, degraded as in Real-ESRGAN. The MFSR paper reports on "100 random
  512x512 crops" and does not publish them; here a seed defines them
- `div2k-bicubic`  central crops, reduced by a bicubic filter: OFTSR's

Equal originals give equal images on every machine. What was done is written beside them:

- `record.json`   conditions, hashes of the originals, place of each crop and its recipe
- `manifest.csv`  hashes of the pixels of what was made, written last: with it the set is whole
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.api.errors import ConflictError, DataError
from benchmarks.api.folders import look
from benchmarks.api.images import read_rgb, read_size, sha256_file, show, write_atomic
from benchmarks.datasets import manifests
from benchmarks.datasets.degrading import Bicubic, RealESRGAN, pixel_row, write_pair

if TYPE_CHECKING:
    from benchmarks.datasets.degrading import Making
    from benchmarks.datasets.manifests import ManifestRow
    from benchmarks.datasets.places import Place

SEED = 0
CROP = 512  # pixels, of an HR image
RECORD = "record.json"
ORIGINALS = tuple(f"{number:04}" for number in range(801, 901))


def make(
    place: Place, originals: Path, *, progress: Callable[[int, int], None] | None = None
) -> None:
    """Make the set from the folder of DIV2K's validation images. Repeated, it goes on.

    Args:
        place: where the set belongs.
        originals: folder that holds 0801.png to 0900.png.
        progress: called after each image with (images done, images in all).

    Raises:
        DataError: an original is missing, unreadable or too small.
        ConflictError: the place holds a set made under other conditions.
    """
    files, making = _find(originals), _making_of(place)
    crops = {image: _crop_of(making, image, path) for image, path in files.items()}
    _begin(place, _record(place, making, files, crops))
    known = _known(place)
    for done, (image, path) in enumerate(files.items(), start=1):
        if not _is_made(place, image, known):
            top, left = crops[image]
            hr = np.ascontiguousarray(read_rgb(path)[top : top + CROP, left : left + CROP])
            write_pair(place.root, image, hr, making.degrade(image, hr))
        if progress:
            progress(done, len(files))
    rows = [row for image in files for row in _rows(place, image)]
    write_atomic(place.root / manifests.FILE_NAME, manifests.render(rows))


def _making_of(place: Place) -> Making:
    return Bicubic() if place.card.id == "div2k-bicubic" else RealESRGAN(place.card.id, SEED)


def _find(folder: Path) -> dict[str, Path]:
    found, _ = look(folder).by_id()
    absent = [name for name in ORIGINALS if name not in found]
    if absent:
        named = ", ".join(absent[:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
        raise DataError(
            f"{show(folder)} lacks {len(absent)} of the 100 DIV2K validation images: {named}.",
            "Unpack DIV2K_valid_HR.zip and give the folder that holds 0801.png to 0900.png.",
        )
    return {name: found[name] for name in ORIGINALS}


def _crop_of(making: Making, image: str, path: Path) -> tuple[int, int]:
    """Return (top, left) of an image's crop."""
    height, width = read_size(path)
    if min(height, width) < CROP:
        raise DataError(
            f"{show(path)} is {width}x{height}: too small for a crop of {CROP}x{CROP}.",
            "Give the folder of DIV2K's HR validation images, not that of its LR images.",
        )
    return making.corner(image, (height - CROP, width - CROP))


def _record(
    place: Place,
    making: Making,
    files: dict[str, Path],
    crops: dict[str, tuple[int, int]],
) -> dict[str, Any]:
    return {
        "schema": 1,
        "dataset": place.card.id,
        "crop": CROP,
        **making.conditions(),
        "images": {
            image: {
                "original_sha256": sha256_file(path),
                "top": crops[image][0],
                "left": crops[image][1],
                "recipe": making.recipe(image),
            }
            for image, path in files.items()
        },
        "made_with": {name: version(name) for name in ("mfsr-bench", "numpy", "scipy")},
    }


def _begin(place: Place, record: dict[str, Any]) -> None:
    """Write the record before the first image, or see that it is the one of what is there."""
    target = place.root / RECORD
    text = json.dumps(record, indent=1)
    if target.is_file():
        if _conditions(target.read_text("utf-8")) != _conditions(text):
            raise ConflictError(
                f"{show(place.root)} was made from other originals or with other parameters.",
                f"Move it away, then repeat the command: {RECORD} in it says what differs.",
            )
        return
    if place.lr.is_dir() and any(place.lr.iterdir()):
        raise ConflictError(
            f"{show(place.lr)} holds images that this command did not make.", "Move them away."
        )
    write_atomic(target, text.encode())


def _conditions(text: str) -> dict[str, Any] | None:
    """Return what must be equal for work to go on; None for what is no record."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return {key: value for key, value in record.items() if key != "made_with"}


def _known(place: Place) -> dict[tuple[str, str], ManifestRow]:
    """Return the rows of a manifest that is there already, by side and name."""
    target = place.root / manifests.FILE_NAME
    if not target.is_file():
        return {}
    rows = manifests.parse(target.read_text("utf-8"), show(target))
    return {(row.side, row.name): row for row in rows}


def _is_made(place: Place, image: str, known: dict[tuple[str, str], ManifestRow]) -> bool:
    """Return whether both images of a pair are there, and as the manifest says where there is one.

    Images are renamed into place whole, so before the manifest is written being there is enough.
    """
    name = f"{image}.png"
    for side in ("lr", "hr"):
        path = place.root / side / name
        row = known.get((side, name))
        if not path.is_file() or (row and not row.is_at(path)):
            return False
    return True


def _rows(place: Place, image: str) -> list[ManifestRow]:
    name = f"{image}.png"
    return [pixel_row(side, name, read_rgb(place.side(side) / name)) for side in ("lr", "hr")]
