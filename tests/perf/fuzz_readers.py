"""Readers of other people's files against damaged ones: every file is read or refused.

    python tests/perf/fuzz_readers.py images 10000
    python tests/perf/fuzz_readers.py tables 2000 paper.tex ...

It prints what happened, and keeps the files that ended in anything but a refusal.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutation import mutants

from benchmarks.api.errors import MFSRBenchError
from benchmarks.api.images import read_rgb, read_size
from reports.audit.checks import audit
from reports.audit.read import read_tables

_SLOW_S = 2.0


def encoded() -> Iterator[tuple[str, bytes]]:
    """Yield small files of the five formats, in the modes that each has."""
    photo = np.random.default_rng(0).integers(60, 188, (24, 32, 3), dtype=np.uint8)
    modes = {"PNG": "RGB RGBA L LA P 1", "JPEG": "RGB L CMYK", "BMP": "RGB L P 1"}
    modes |= {"WEBP": "RGB RGBA", "TIFF": "RGB RGBA L P 1 CMYK"}
    for kind, names in modes.items():
        for mode in names.split():
            for options in ({}, {"compression": "tiff_lzw"} if kind == "TIFF" else {"quality": 99}):
                buffer = io.BytesIO()
                Image.fromarray(photo).convert(mode).save(buffer, kind, **options)
                yield f"{kind}.x", buffer.getvalue()


def read_image(path: Path) -> None:
    """Read an image; its size must be the header's."""
    size = read_size(path)
    assert read_rgb(path).shape == (*size, 3)


def read_paper(path: Path) -> None:
    """Read and audit the tables of a file."""
    reading = read_tables([path])
    audit(reading.tables, notes=reading.notes)


def fuzz(read: Callable[[Path], None], seeds: list[tuple[str, bytes]], count: int) -> int:
    """Read `count` damaged copies; return how many ended in neither a result nor a refusal."""
    kept = Path(tempfile.mkdtemp(prefix="fuzz-"))
    outcomes: Counter[str] = Counter()
    each = -(-count // len(seeds))
    for number, (name, content) in enumerate(seeds):
        for i, mutant in enumerate(mutants(content, number, each)):
            path = kept / f"{number}-{i}-{name}"
            path.write_bytes(mutant)
            began = time.monotonic()
            try:
                read(path)
                outcome = "read"
            except MFSRBenchError:
                outcome = "refused"
            except Exception as error:
                outcome = f"failed: {type(error).__name__}"
            slow = time.monotonic() - began > _SLOW_S
            outcomes[outcome] += 1
            outcomes["slow"] += slow
            if outcome in ("read", "refused") and not slow:
                path.unlink()
    print(dict(outcomes), f"kept in {kept}")
    return sum(n for outcome, n in outcomes.items() if outcome.startswith("failed"))


if __name__ == "__main__":
    what, number, *files = sys.argv[1:]
    if what == "images":
        sys.exit(bool(fuzz(read_image, list(encoded()), int(number))))
    seeds = [(Path(file).name, Path(file).read_bytes()) for file in files]
    sys.exit(bool(fuzz(read_paper, seeds, int(number))))
