"""`open_dataset`: the one door between the harness and the test images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.images import sha256_file
from benchmarks.datasets import verifying
from benchmarks.datasets.places import FOLDER, locate, missing

if TYPE_CHECKING:
    from benchmarks.api.dataset import DatasetCard, Sample, Side
    from benchmarks.datasets.places import Place
    from benchmarks.datasets.verifying import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDataset:
    """A data set that is on this machine, complete and, where a manifest is known, verified."""

    card: DatasetCard
    root: Path
    samples: tuple[Sample, ...]  # sorted by id
    manifest_sha256: str  # of (id, hash of LR, hash of HR) over all samples
    spec: str  # what opens the same set again on this machine, from any working folder
    notes: tuple[str, ...] = ()  # what its folders hold that is not used, and the like


def open_dataset(spec: str, *, sha256: Callable[[Path], str] = sha256_file) -> OpenDataset:
    """Open the data set that a spec means (`benchmarks.datasets.places` has the forms).

    Only headers are read and files hashed; images are decoded where a set was encoded again.

    Args:
        spec: what the user wrote.
        sha256: hashes a file; a caching one makes opening cheap.

    Raises:
        UnknownNameError: no set of that id is registered.
        ConfigError: a `folder:` spec is malformed.
        DataError: the set is not on this machine, or not complete and correct.
    """
    report = look(locate(spec), sha256=sha256)
    if report.problems:
        raise verifying.refuse(report)
    card, root = report.place.card, report.place.root
    identity = _identity(report, sha256)
    return OpenDataset(
        card=card,
        root=root,
        samples=report.samples,
        manifest_sha256=identity,
        spec=_spec(report.place),
        notes=report.notes,
    )


def _spec(place: Place) -> str:
    if place.card.kind != "folder":
        return place.card.id
    hr = place.hr.absolute() if place.hr else ""
    return f"{FOLDER}{place.card.id}={place.lr.absolute()}::{hr}"


def look(place: Place, *, sha256: Callable[[Path], str] = sha256_file) -> Report:
    """Return what is in a set's folders, with all that is wrong.

    Raises:
        DataError: the set is not on this machine, or a folder cannot be listed.
    """
    if place.card.kind != "folder" and not place.is_there:
        raise missing(place)
    return verifying.inspect(place, sha256=sha256)


def _identity(report: Report, sha256: Callable[[Path], str]) -> str:
    """Hash the set: by the pixels that its manifest names, else by the bytes of its files."""
    known = {(row.side, Path(row.name).stem): row for row in report.manifest or ()}

    def one(side: Side, stem: str, path: Path | None) -> str:
        row = known.get((side, stem))
        if row:
            return row.sha256_pixels
        return sha256(path) if path else ""

    rows = [
        (sample.id, one("lr", sample.id, sample.lr), one("hr", sample.id, sample.hr))
        for sample in report.samples
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
