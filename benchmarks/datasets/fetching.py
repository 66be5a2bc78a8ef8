"""Bringing a data set to this machine: file by file, out of an archive, or by a person's hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote

from benchmarks.api import paths
from benchmarks.api.download import download
from benchmarks.api.errors import ConfigError, DataError, ImageError, WeightsError
from benchmarks.api.images import sha256_file
from benchmarks.datasets import archives, manifests, verifying
from benchmarks.datasets.places import Place, missing

if TYPE_CHECKING:
    from benchmarks.api.dataset import Side, Source
    from benchmarks.datasets.manifests import ManifestRow
    from benchmarks.datasets.verifying import Report

Progress = Callable[[str, int, int], None]  # (what, bytes so far, bytes in all or 0)

_CONNECTIONS = 4


def fetch(place: Place, *, archive: Path | None = None, progress: Progress | None = None) -> Report:
    """Bring a set to where it belongs, unless it is there, and check it.

    Interrupted at any moment and repeated, it goes on with what is lacking.

    Args:
        place: the set.
        archive: an archive that the user has downloaded; nothing else is asked then.
        progress: called as bytes arrive, from several threads.

    Raises:
        DataError: no source gives the set, or what came is not the set.
        ResourceError: the disk is full.
    """
    if place.card.kind == "folder":
        raise ConfigError(f"'{place.card.id}' is a folder: there is nothing to fetch.")
    report = _present(place)
    if report and not report.problems:
        return report
    if place.card.kind == "built-in":
        from benchmarks.datasets import sample

        sample.build(place)
    elif archive:
        _from_archive(place, archive, _unpacked_source(place), progress)
    else:
        _from_sources(place, progress)
    report = verifying.inspect(place)
    if report.problems:
        raise verifying.refuse(report)
    return report


def _present(place: Place) -> Report | None:
    """Return what is known of a set that may be there, or in part, or not."""
    try:
        return verifying.inspect(place)
    except DataError:
        return None


def _unpacked_source(place: Place) -> Source:
    for source in place.card.sources:
        if source.unpack:
            return source
    raise ConfigError(f"'{place.card.id}' does not come as an archive.")


def _from_sources(place: Place, progress: Progress | None) -> None:
    failures = []
    for source in place.card.sources:
        if source.page:
            continue
        try:
            _from_source(place, source, progress)
        except (DataError, WeightsError) as error:
            failures.append(error)
        else:
            return
    if not failures:
        raise missing(place)
    raise DataError(
        f"Cannot fetch '{place.card.id}': {'; '.join(failure.cause for failure in failures)}",
        failures[-1].remedy,
    )


def _from_source(place: Place, source: Source, progress: Progress | None) -> None:
    if source.files:
        _from_files(place, source, progress)
    elif source.hub:
        from benchmarks.api import hub

        file = source.hub
        packed = hub.fetch_file(file.repo, file.filename, file.revision, repo_type="dataset")
        _from_archive(place, packed, source, progress)
    else:
        name = source.archive.rsplit("/", 1)[-1]
        packed = paths.datasets() / ".downloads" / name
        if not packed.is_file():
            download(
                (source.archive,),
                packed,
                progress=progress and (lambda done, total: progress(name, done, total)),
            )
        try:
            _from_archive(place, packed, source, progress)
        except DataError:
            packed.unlink()  # damaged: a repeated command asks for it again
            raise
        packed.unlink()


def _from_archive(place: Place, packed: Path, source: Source, progress: Progress | None) -> None:
    if place.card.kind != "made":
        archives.unpack(packed, source.unpack, place.root)
        return
    from benchmarks.datasets import making

    originals = place.root.with_name(f".{place.root.name}.originals")
    archives.unpack(packed, source.unpack, originals)
    making.make(place, originals / "hr", progress=progress)
    shutil.rmtree(originals)


def _from_files(place: Place, source: Source, progress: Progress | None) -> None:
    rows = manifests.of_card(place.card, place.root)
    assert rows is not None  # a catalogue test holds cards to it
    addresses: dict[Side, str] = dict(source.files)
    tally = _Tally(place.card.id, source.bytes, progress)

    def one(row: ManifestRow) -> None:
        target = place.side(row.side) / row.name
        if not _is_here(row, target):
            url = addresses[row.side].format(name=quote(row.name))
            download((url,), target, sha256=row.sha256, progress=tally.of(target))

    executor = ThreadPoolExecutor(_CONNECTIONS)
    try:
        for future in [executor.submit(one, row) for row in rows]:
            future.result()
    finally:
        executor.shutdown(cancel_futures=True)


def _is_here(row: ManifestRow, path: Path) -> bool:
    try:
        return path.is_file() and row.matches(path, sha256_file)
    except ImageError:
        return False


class _Tally:
    """Adds up the bytes of files that arrive side by side."""

    def __init__(self, what: str, total: int, progress: Progress | None) -> None:
        self._what = what
        self._total = total
        self._progress = progress
        self._arrived: dict[Path, int] = {}
        self._lock = Lock()

    def of(self, path: Path) -> Callable[[int, int], None]:
        """Return the callback of one file's download."""

        def report(done: int, _total: int) -> None:
            with self._lock:
                self._arrived[path] = done
                if self._progress:
                    self._progress(self._what, sum(self._arrived.values()), self._total)

        return report
