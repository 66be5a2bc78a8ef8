"""What runs on a node of a Ray cluster: a worker, with a folder of its own for files.

No file system is shared. Paths of the driver become paths below the worker's folder, weights are
looked for where the node has its own, and files travel with tasks and answers.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.api import paths
from benchmarks.api.errors import MFSRBenchError, ResourceError
from benchmarks.api.images import UNFINISHED
from benchmarks.api.weights import WeightStore
from benchmarks.engine.tasks import Raised

_PREFIX = "mfsr-bench-worker-"

Files = dict[str, bytes]  # by path on the driver


class _Packer(pickle.Pickler):
    def persistent_id(self, value: Any) -> tuple[str, str] | None:
        if isinstance(value, Path):
            return "path", str(value.absolute())
        if isinstance(value, WeightStore) and value.root == paths.weights():
            return "weights", ""
        return None


class _Unpacker(pickle.Unpickler):
    def __init__(self, packed: bytes, root: Path) -> None:
        super().__init__(io.BytesIO(packed))
        self._root = root

    def persistent_load(self, found: tuple[str, str]) -> Path | WeightStore:
        kind, text = found
        return WeightStore() if kind == "weights" else below(self._root, text)


def pack(value: Any) -> bytes:
    """Return a value as bytes that mean the same on another machine."""
    packed = io.BytesIO()
    _Packer(packed).dump(value)
    return packed.getvalue()


def unpack(packed: bytes, root: Path) -> Any:
    """Return the value that was packed, its paths below `root`."""
    return _Unpacker(packed, root).load()


def below(root: Path, path: str) -> Path:
    """Return where a worker whose folder is `root` has a file of the driver."""
    return root / path.lstrip("/")


class Worker:
    """Answers tasks on a node; what Ray calls an actor."""

    def __init__(self, name: str, node: str, make: bytes, out: str, cwd: str) -> None:
        os.dup2(2, 1)
        with suppress(OSError):  # where the driver's folders are, relative names mean the same
            os.chdir(cwd)
        _sweep()
        self._name, self._node, self._make = name, node, make
        self._root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._out = below(self._root, out) if out else None
        self._handler: Any = None

    def __repr__(self) -> str:
        return self._name

    def ready(self) -> None:
        """Answer when the worker is there."""

    def do(self, packed: bytes, files: Files) -> tuple[Any, Files]:
        """Answer a task with what the handler answers, and the files that it has written."""
        try:
            given = self._receive(files)
            if self._handler is None:
                self._handler = unpack(self._make, self._root)()
            answer = self._handler(unpack(packed, self._root))
        except MFSRBenchError as error:
            return Raised(type(error)(f"On {self._node}: {error.cause}", error.remedy)), {}
        for path in given:
            path.unlink(missing_ok=True)
        return answer, self._written()

    def _receive(self, files: Files) -> list[Path]:
        given = [below(self._root, name) for name in files]
        try:
            for path, content in zip(given, files.values(), strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        except OSError as error:
            raise ResourceError(
                f"Cannot write {self._root}: {error.strerror or error}.",
                "Free space there, or name other nodes: --nodes",
            ) from None
        return given

    def _written(self) -> Files:
        """Take out of the folder what was written."""
        found = {}
        for path in sorted(self._out.rglob("*")) if self._out and self._out.is_dir() else ():
            if path.is_file() and not path.name.startswith(UNFINISHED):
                found[f"/{path.relative_to(self._root)}"] = path.read_bytes()
                path.unlink()
        return found

    def close(self) -> None:
        """Let go of what is held, and of the folder."""
        if self._handler:
            self._handler.close()
        shutil.rmtree(self._root, ignore_errors=True)


def _sweep() -> None:
    """Remove the folders of workers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def inside(made: Mapping[str, bytes], out: Path | None) -> dict[Path, bytes]:
    """Return the files that a worker has made by their paths here; only below `out`."""
    found = {Path(os.path.normpath(name)): content for name, content in made.items()}
    return {path: one for path, one in found.items() if out and path.is_relative_to(out)}
