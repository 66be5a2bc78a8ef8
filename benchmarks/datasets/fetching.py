"""Bringing a data set to this machine: file by file, out of an archive, or by a person's hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote

from benchmarks.api import paths
from benchmarks.api.addresses import address
from benchmarks.api.download import download
from benchmarks.api.errors import ConfigError, DataError, WeightsError
from benchmarks.datasets import archives, manifests, verifying
from benchmarks.datasets.places import Place, missing

if TYPE_CHECKING:
    from benchmarks.api.dataset import Side, Source
    from benchmarks.api.download import Progress
    from benchmarks.datasets.manifests import ManifestRow
    from benchmarks.datasets.verifying import Report

_CONNECTIONS = 4


def fetch(place: Place, *, archive: Path | None = None, progress: Progress | None = None) -> Report:
    """Bring a set to where it belongs, unless it is there, and check it.

    Interrupted at any moment and repeated, it goes on with what is lacking.

    Args:
        place: the set; one that is made comes by `originals` and `benchmarks.datasets.making`.
        archive: an archive that the user has downloaded; nothing else is asked then.
        progress: called as data arrives, from several threads.

    Raises:
        DataError: no source gives the set, or what came is not the set.
        ResourceError: the disk is full.
    """
    if place.card.kind not in ("fetched", "built-in"):
        raise ConfigError(f"'{place.card.id}' is not a data set that can be fetched.")
    if place.card.kind == "fetched" and not is_here(place):
        _bring(place, place.root, archive, progress)
    return verifying.require(place)


@contextmanager
def originals(
    place: Place, *, archive: Path | None = None, progress: Progress | None = None
) -> Iterator[Path]:
    """Bring the images that a set is made from; once it is made they are deleted.

    Args:
        place: the set.
        archive: as for `fetch`.
        progress: as for `fetch`.

    Yields:
        The folder that holds them.

    Raises:
        DataError: no source gives them.
        ResourceError: the disk is full.
    """
    root = place.root.with_name(f".{place.root.name}.originals")
    _bring(place, root, archive, progress)
    yield root / "hr"
    shutil.rmtree(root)


def asked_at(place: Place) -> tuple[str, ...]:
    """Return the addresses that are asked for a set; none where its folders are here."""
    found: list[str] = []
    for source in () if place.is_there else place.card.sources:
        if source.hub:
            from benchmarks.api import hub

            found += filter(None, [hub.endpoint()])
        found += [address(one) for one in (source.archive, *dict(source.files).values()) if one]
    return tuple(found)


def is_here(place: Place) -> bool:
    """Return whether a set is on this machine, complete and correct."""
    try:
        return not verifying.inspect(place).problems
    except DataError:
        return False


def _bring(place: Place, root: Path, archive: Path | None, progress: Progress | None) -> None:
    """Put the images of a set, or its originals, into `<root>/lr` and `<root>/hr`."""
    if archive:
        archives.unpack(archive, _unpacked_source(place).unpack, root)
        return
    failures = []
    for source in place.card.sources:
        if source.page:
            continue
        try:
            _from_source(place, root, source, progress)
        except (DataError, WeightsError) as error:
            failures.append(error)
        else:
            return
    if not failures:
        raise missing(place)
    raise DataError(
        f"Cannot fetch '{place.card.id}': {'; '.join(failure.cause for failure in failures)}",
        failures[0].remedy,
    )


def _unpacked_source(place: Place) -> Source:
    for source in place.card.sources:
        if source.unpack:
            return source
    raise ConfigError(f"'{place.card.id}' does not come as an archive.")


def _from_source(place: Place, root: Path, source: Source, progress: Progress | None) -> None:
    if source.files:
        _from_files(place, source, progress)
    elif source.hub:
        from benchmarks.api import hub

        file = source.hub
        packed = hub.fetch_file(file.repo, file.filename, file.revision, repo_type="dataset")
        archives.unpack(packed, source.unpack, root)
    else:
        packed = paths.datasets() / ".downloads" / source.archive.rsplit("/", 1)[-1]
        if not packed.is_file():
            download((source.archive,), packed, progress=progress)
        try:
            archives.unpack(packed, source.unpack, root)
        except DataError:
            packed.unlink()  # damaged: a repeated command asks for it again
            raise
        packed.unlink()


def _from_files(place: Place, source: Source, progress: Progress | None) -> None:
    rows = manifests.of_card(place.card, place.root)
    assert rows is not None  # a test holds the catalogue to it
    addresses: dict[Side, str] = dict(source.files)
    tally = _Tally(source.bytes, progress)

    def one(row: ManifestRow) -> None:
        target = place.side(row.side) / row.name
        if not row.is_at(target):
            url = addresses[row.side].format(name=quote(row.name))
            download((url,), target, sha256=row.sha256, progress=tally.of(target))

    executor = ThreadPoolExecutor(_CONNECTIONS)
    try:
        for future in [executor.submit(one, row) for row in rows]:
            future.result()
    finally:
        executor.shutdown(cancel_futures=True)


class _Tally:
    """Adds up the bytes of files that arrive side by side."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._arrived: dict[Path, int] = {}
        self._lock = Lock()

    def of(self, path: Path) -> Progress:
        """Return the callback of one file's download."""

        def report(done: int, _total: int) -> None:
            with self._lock:
                self._arrived[path] = done
                if self._progress:
                    self._progress(sum(self._arrived.values()), self._total)

        return report
