"""Parts of one run (`run --shard K/N`) put together, never two kinds of numbers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import ConflictError, DataError, ResourceError, UsageError
from benchmarks.api.images import show, write_atomic
from benchmarks.results.directory import SESSIONS, RunDirectory
from benchmarks.results.identity import join
from benchmarks.results.read import read_run
from benchmarks.results.session import read_sessions

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from benchmarks.results.store import RunStore

_AGAIN = "Run the parts again by one command, with one version of everything."


def read_parts(folders: Sequence[Path], out: Path) -> list[RunResults]:
    """Return the parts, if they are of one run and no image is in two of them.

    Raises:
        UsageError: fewer than two folders, or one of them is the result.
        DataError: a folder holds no run.
        ConflictError: they overlap, or are not parts of one run.
    """
    if len(folders) < 2 or len({path.resolve() for path in (*folders, out)}) <= len(folders):
        raise UsageError("Parts are two folders or more, each once.", "Use: merge OUT RUN RUN ...")
    parts = [read_run(folder) for folder in folders]
    for part in parts[1:]:
        _check_alike(parts[0], part)
    _check_apart(parts)
    return parts


def _check_alike(first: RunResults, part: RunResults) -> None:
    old, new = first.run["identity"], part.run["identity"]
    for kind in ("methods", "datasets"):
        _same(kind, set(old[kind]), set(new[kind]), first, part)
    metrics, theirs = (set(one["protocol"]["metrics"]) for one in (old, new))
    _same("metrics", metrics, theirs, first, part)
    joined = join(old, new, part.path, restored=set(old["methods"]))
    for metric, versions in joined.outdated.items():
        raise ConflictError(f"{metric} is of two versions: {versions}.", _AGAIN)
    _same("program", _program(first), _program(part), first, part)
    _same("packages", _packages(first), _packages(part), first, part)


def _program(part: RunResults) -> set[str]:
    tool: Mapping[str, Any] = part.run.get("tool") or {}
    return {f"{tool.get('version')} at commit {tool.get('commit')}"}


def _packages(part: RunResults) -> set[str]:
    sessions = read_sessions(part.path)
    return {
        f"{name} {version}"
        for session in sessions
        for name, version in session.get("packages", {}).items()
    }


def _same(what: str, old: set[str], new: set[str], first: RunResults, part: RunResults) -> None:
    if old != new:
        there, here = (", ".join(sorted(one)) or "nothing" for one in (old - new, new - old))
        raise ConflictError(
            f"{show(first.path)} and {show(part.path)} have different {what}: {there}; {here}.",
            _AGAIN,
        )


def _check_apart(parts: Sequence[RunResults]) -> None:
    owners: dict[tuple[str, str, str], Path] = {}
    for part in parts:
        keys = {(row.dataset, row.method, row.image) for row in part.images}
        keys |= {(r.dataset, r.method, r.image) for r in part.failures if r.stage == "restore"}
        for key in sorted(keys):
            other = owners.setdefault(key, part.path)
            if other != part.path:
                raise ConflictError(
                    f"{show(other)} and {show(part.path)} both hold '{key[2]}' of '{key[0]}'.",
                    "Name each part once; parts are made by --shard 1/N to N/N.",
                )


def absent(parts: Sequence[RunResults]) -> list[str]:
    """Return the names of the parts ("3/8") that are not among these, as far as it is known."""
    shards = {str(part.run.get("shard") or "") for part in parts}
    totals = {shard.partition("/")[2] for shard in shards}
    (of,) = totals if len(totals) == 1 else ("",)
    return [f"{k}/{of}" for k in range(1, int(of or 0) + 1) if f"{k}/{of}" not in shards]


def sources(parts: Sequence[RunResults]) -> list[str]:
    """Return where the parts lie."""
    return [os.path.realpath(part.path) for part in parts]


def begin(parts: Sequence[RunResults], out: RunDirectory) -> None:
    """Make a run directory, whose lock is held, ready for parts: their sessions are its own.

    Raises:
        ConflictError: the directory holds a run, and not what merging these parts has made of it.
    """
    sessions = read_sessions(out.path)
    merged = sessions[-1].get("merged") if sessions else None
    if merged != sources(parts) and (merged or out.read() is not None):
        raise ConflictError(f"{show(out.path)} holds a run already.", "Choose another folder.")
    found = [session for part in parts for session in read_sessions(part.path)]
    found += [session for session in sessions if session.get("merged")]
    lines = "".join(f"{json.dumps(session)}\n" for session in found)
    write_atomic(out.path / SESSIONS, lines.encode())


def write_whole(parts: Sequence[RunResults], out: RunDirectory, store: RunStore) -> None:
    """Put rows and images of parts into a run directory.

    Images are hard links where the file system has them, else copies. Values of whole sets are
    left out: they are of the images of one part.

    Raises:
        DataError: an image is not there.
        ResourceError: the disk is full or refuses the write.
    """
    first = parts[0].run
    notes = {name: value for name, value in first.items() if name not in ("schema", "identity")}
    identity = first["identity"] | {"datasets": _datasets(parts)}
    for part in parts:
        for row in part.images:
            key = (row.method, row.dataset, row.image)
            _link(RunDirectory(part.path).image(*key), out.image(*key))
        failures = [row for row in part.failures if row.image]
        store.write([*part.images, *part.scores, *part.timings, *part.prompts, *failures])
    out.begin(identity, **notes | {"shard": ""})


def _datasets(parts: Sequence[RunResults]) -> dict[str, Any]:
    """Return what the data sets are; of folders, which have no number of their own, the sum."""
    found: dict[str, Any] = {}
    for part in parts:
        for name, one in part.run["identity"]["datasets"].items():
            known = one["card"].get("n") or 0
            n = known or one["n"] + found.get(name, {}).get("n", 0)
            found[name] = {**one, "n": n}
    return found


def _link(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            shutil.copy2(source, target)
    except FileNotFoundError:
        raise DataError(
            f"{show(source)} is not there.", "Repeat the command that made that part."
        ) from None
    except OSError as error:
        raise ResourceError(
            f"Cannot write {show(target)}: {error.strerror or error}.",
            "Free space or choose another folder, then repeat the command.",
        ) from None
