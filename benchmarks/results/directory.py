"""The run directory: its identity, its lock, and where everything in it lies.

    <run>/run.json        what the run is: protocol, methods, data sets, seed. Written first
    <run>/results.sqlite  all rows, as they are done
    <run>/images/<method>/<dataset>/<image>.png
    <run>/prompts/<kind>/<dataset>.json
    <run>/*.csv           the rows for people, sorted; written at the end of every invocation
    <run>/summary.md      the table
    <run>/sessions.jsonl  one line per invocation: command, packages, machine, exit code

A run directory keeps one identity. New methods, data sets and metrics may join it; anything that
would change a number already in it is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.api.errors import ConflictError, DataError, ResourceError
from benchmarks.api.images import show, write_atomic

SCHEMA = 1
SESSIONS = "sessions.jsonl"
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+=-]")


class RunDirectory:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run_json(self) -> Path:
        """The file that says what the run is."""
        return self.path / "run.json"

    def image(self, method: str, dataset: str, image: str) -> Path:
        """Return where a method's result for one image lies."""
        return self.path / "images" / slug(method) / dataset / f"{image}.png"

    def prompts(self, kind: str, dataset: str) -> Path:
        """Return where the prompts of one kind for one data set lie."""
        return self.path / "prompts" / slug(kind) / f"{dataset}.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process. The system frees it even after kill -9.

        Raises:
            ConflictError: another process holds it.
            ResourceError: the directory cannot be made.
        """
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise ConflictError(
                f"Another run is working in {show(self.path)}.",
                "Wait for it, or choose another folder with --out.",
            ) from None
        except OSError as error:
            raise ResourceError(
                f"Cannot use {show(self.path)}: {error.strerror or error}.",
                "Choose another folder with --out.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def read(self) -> dict[str, Any] | None:
        """Return run.json, or None where the run has not begun.

        Raises:
            DataError: it is there but cannot be read.
            ConflictError: it was written by a program with another schema.
        """
        return read_run_json(self.run_json)

    def begin(self, identity: dict[str, Any], **notes: Any) -> None:
        """Write run.json, or join an existing run of the same identity.

        Args:
            identity: what decides the numbers: see `merge_identity`.
            notes: what does not (tool version, skipped metrics); the newest wins.

        Raises:
            ConflictError: the directory holds a run of another identity.
        """
        identity = json.loads(json.dumps(identity))  # as it will be read back: tuples are lists
        found = self.read()
        if found is not None:
            identity = merge_identity(found["identity"], identity, self.path)
        content = {"schema": SCHEMA, "identity": identity, **notes}
        write_atomic(self.run_json, (json.dumps(content, indent=2) + "\n").encode())

    def log_session(self, session: dict[str, Any]) -> None:
        """Append one line to sessions.jsonl."""
        try:
            with (self.path / SESSIONS).open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(session) + "\n")
        except OSError as error:
            raise ResourceError(
                f"Cannot write {show(self.path / SESSIONS)}: {error.strerror or error}."
            ) from None


def read_run_json(path: Path) -> dict[str, Any] | None:
    """Return the contents of a run.json, or None where there is no such file."""
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        schema = run["schema"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{show(path)} cannot be read: {error}.", "Move the directory away and start again."
        ) from None
    if schema != SCHEMA:
        raise ConflictError(
            f"{show(path)} has schema {schema}; this program reads and writes schema {SCHEMA}.",
            "Use the version of mfsr-bench that made it, or start in another folder.",
        )
    assert isinstance(run, dict)
    return run


def merge_identity(old: dict[str, Any], new: dict[str, Any], where: Path) -> dict[str, Any]:
    """Return the identity of a run that goes on with more methods, data sets or metrics.

    Seed and protocol, and everything known of a method, data set or metric that both name, must be
    equal.

    Raises:
        ConflictError: something is not; the message names it.
    """
    old_protocol, new_protocol = dict(old["protocol"]), dict(new["protocol"])
    metrics = _joined("metric", old_protocol.pop("metrics"), new_protocol.pop("metrics"), where)
    _same("seed", old["seed"], new["seed"], where)
    _same("protocol", old_protocol, new_protocol, where)
    return {
        "protocol": {**new_protocol, "metrics": metrics},
        "methods": _joined("method", old["methods"], new["methods"], where),
        "datasets": _joined("data set", old["datasets"], new["datasets"], where),
        "seed": new["seed"],
    }


def _joined(kind: str, old: dict[str, Any], new: dict[str, Any], where: Path) -> dict[str, Any]:
    for name in old.keys() & new.keys():
        _same(f"{kind} '{name}'", old[name], new[name], where)
    return {**old, **new}


def _same(what: str, old: Any, new: Any, where: Path) -> None:
    if old == new:
        return
    path = _first_difference(old, new)
    name = f"{what}, {path}" if path else what
    raise ConflictError(
        f"{show(where)} holds a run made under other conditions ({name}): "
        f"{_short(_at(old, path))} there, {_short(_at(new, path))} now.",
        "Results of two kinds are never merged: choose another folder with --out.",
    )


def _first_difference(old: Any, new: Any) -> str:
    """Return the dotted path of the first value in which two JSON documents differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) != new.get(key):
                below = _first_difference(old.get(key), new.get(key))
                return f"{key}.{below}" if below else str(key)
    return ""


def _at(value: Any, path: str) -> Any:
    for key in path.split(".") if path else ():
        value = value.get(key) if isinstance(value, dict) else value
    return value


def _short(value: object) -> str:
    text = json.dumps(value) if not isinstance(value, str) else value
    return text if len(text) <= 80 else text[:77] + "..."


def slug(name: str) -> str:
    """Return a row key or kind as a folder name."""
    return _UNSAFE.sub("-", name)
