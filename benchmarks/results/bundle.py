"""A run as one file that others can check: rows, provenance and hashes, images if asked for.

A bundle is a zip archive of the files that a run directory has for people, and `manifest.json` with
the sha256 of each. The same run makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.api.errors import DataError
from benchmarks.api.images import atomic_file, show
from benchmarks.api.text import first_line
from benchmarks.results.directory import SCHEMA, SESSIONS, RunDirectory
from benchmarks.results.export import export
from benchmarks.results.read import check_names, read_run
from benchmarks.results.record import RunRecord
from benchmarks.results.rows import FailureRow, ImageRow, RunResults, ScoreRow, SetScoreRow
from benchmarks.results.store import RunStore

MANIFEST = "manifest.json"
# What zipfile answers a damaged archive with; an encrypted one, or another method, RuntimeError.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, RuntimeError, ValueError, OverflowError),
)
_MOST = 2**30  # bytes of a file of a bundle that is read
_DATE = (1980, 1, 1, 0, 0, 0)


def pack(run: Path, out: Path, *, images: bool = False) -> int:
    """Write a run as a bundle; return how many files that holds.

    Args:
        run: the run directory, finished or not.
        out: the file to write.
        images: hold the restored images too.

    Raises:
        DataError: there is no run, or one of its images is missing.
    """
    results = read_run(run)
    with TemporaryDirectory() as folder, atomic_file(out) as binary:
        store = RunStore(run, read_only=True)
        try:
            export(store, Path(folder))
        finally:
            store.close()
        named = {path.name: path for path in sorted(Path(folder).iterdir())}
        named |= {name: run / name for name in ("run.json", SESSIONS) if (run / name).is_file()}
        if images:
            named |= dict(_images(results))
        hashes = {}
        with zipfile.ZipFile(binary, "w") as archive:
            for name, path in named.items():
                content = path.read_bytes()
                hashes[name] = hashlib.sha256(content).hexdigest()
                _add(archive, name, content)
            manifest = {"schema": SCHEMA, "sha256": hashes}
            _add(archive, MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return len(named)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    packed = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
    archive.writestr(zipfile.ZipInfo(name, _DATE), content, compress_type=packed)


def _images(results: RunResults) -> Iterator[tuple[str, Path]]:
    directory = RunDirectory(results.path)
    for row in results.images:
        path = directory.image(row.method, row.dataset, row.image)
        if not path.is_file():
            raise DataError(f"A recorded image is missing: {show(path)}", "Repeat the run.")
        yield path.relative_to(results.path).as_posix(), path


def check(path: Path) -> tuple[str, ...]:
    """Return what is wrong with a bundle: files that are not those of its manifest or its rows.

    Raises:
        DataError: it is no bundle.
    """
    with _opened(path) as archive:
        wanted = _manifest(archive, path)
        names = {one for one in archive.namelist() if one != MANIFEST}
        problems = [f"{name} is missing" for name in wanted.keys() - names]
        problems += [f"{name} is not in the manifest" for name in names - wanted.keys()]
        found = {}
        for name in sorted(names & wanted.keys()):
            found[name] = hashlib.sha256(_member(archive, name, path)).hexdigest()
            if found[name] != wanted[name]:
                problems.append(f"{name} is not the file of the manifest")
    results = read_bundle(path)
    directory = RunDirectory(Path())
    for row in results.images:
        name = directory.image(row.method, row.dataset, row.image).as_posix()
        if found.get(name, row.sha256) != row.sha256:
            problems.append(f"{name} is not the image that was scored")
    return tuple(problems)


def read_bundle(path: Path) -> RunResults:
    """Return the run in a bundle; its `path` is the bundle without its suffix.

    Raises:
        DataError: it is no bundle, or a file of it does not read.
        ConflictError: another version of this program wrote it.
    """
    from benchmarks.api import documents

    with _opened(path) as archive:

        def text(name: str) -> str:
            return _member(archive, name, path).decode("utf-8", errors="replace")

        def rows(kind: type[Any], name: str) -> tuple[Any, ...]:
            where = f"{show(path)}, {name}"
            return documents.parse_rows(kind, text(name), where=where, error=DataError)

        where = f"{show(path)}, run.json"
        run = documents.parse(dict[str, Any], text("run.json"), where=where, error=DataError)
        if run.get("schema") != SCHEMA:
            raise DataError(f"{where} has schema {run.get('schema')!r}; {SCHEMA} is read.")
        documents.check(RunRecord, run, where=where, error=DataError)
        found = RunResults(
            path=path.with_suffix(""),
            run=run,
            images=rows(ImageRow, "images.csv"),
            scores=rows(ScoreRow, "scores.csv"),
            set_scores=rows(SetScoreRow, "set_scores.csv"),
            failures=rows(FailureRow, "failures.csv"),
        )
    check_names(found)
    return found


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise DataError(
            f"{show(path)} is not a packed run: {first_line(error)}.",
            "Write one: mfsr-bench pack run RUN",
        ) from None


def _manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, str]:
    try:
        wanted = json.loads(_member(archive, MANIFEST, path))["sha256"]
        return {str(name): str(value) for name, value in wanted.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(f"{show(path)}: {MANIFEST} names no files and hashes.") from None


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        if archive.getinfo(name).file_size > _MOST:
            raise DataError(f"{show(path)}: {name} is larger than {_MOST / 2**30:.0f} GiB.")
        return archive.read(name)
    except (KeyError, *_DAMAGED) as error:
        raise DataError(f"{show(path)}: {name} cannot be read: {first_line(error)}.") from None
