"""A command as a method: `external:FILE.toml`, run in its own environment.

    name = "SUPIR"                      # the row's name
    command = ["/envs/supir/bin/python", "test.py", "--input", "{input}", "--output", "{output}"]
    output = "{id}.png"                 # name of each result below {output}; the default
    scale = 4                           # the default
    cwd = "/code/supir"                 # where it runs; default: the folder of this file
    timeout_s = 86400                   # for one data set; default: none
    [env]                               # added to the environment
    CUDA_VISIBLE_DEVICES = "0"

`{input}` is a folder with one `<id>.png` per LR image, `{output}` an empty one, `{seed}` a number
that depends on the run's seed and the data set. The command is run once per data set (again for the
missing images after a resume); what it leaves is checked like the output of any other method.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

from baselines.precomputed import method_id
from benchmarks.api.card import MethodCard
from benchmarks.api.errors import ConfigError, MethodError, OutputError, UsageError
from benchmarks.api.images import read_rgb, show, to_tensor, write_png
from benchmarks.api.restorer import LRBatch, LRFile, Restorer, Runtime

if TYPE_CHECKING:
    from torch import Tensor

_LAST_LINES = 3  # of the command's output, shown when it fails
_SEED_RANGE = 2**31  # what every program accepts


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalConfig:
    """The contents of the TOML file."""

    name: str
    command: tuple[str, ...]
    folder: Path  # of the file
    output: str = "{id}.png"
    scale: int = 4
    cwd: str = ""
    timeout_s: float | None = None
    env: dict[str, str] = field(default_factory=dict)


def read_config(path: Path) -> ExternalConfig:
    """Read and check the TOML file of an external method.

    Raises:
        ConfigError: it cannot be read, is not TOML, lacks a key, has an unknown one, or one of a
            wrong type.
    """
    from benchmarks.api import documents

    table = documents.read_toml(path)
    known = {f.name for f in fields(ExternalConfig)} - {"folder"}
    for key in table:
        if key not in known:
            raise ConfigError(
                f"{show(path)}: unknown key '{key}'.", f"Keys: {', '.join(sorted(known))}"
            )
    _check_types(path, table)
    table["command"] = tuple(table["command"])
    return ExternalConfig(folder=path.parent.absolute(), **table)


def _check_types(path: Path, table: dict[str, Any]) -> None:
    def is_words(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(w, str) for w in value)

    def is_env(value: Any) -> bool:
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())

    rules: dict[str, tuple[bool, Callable[[Any], object], str]] = {
        "name": (True, lambda v: isinstance(v, str) and v.strip(), "a text"),
        "command": (True, is_words, "a list of words"),
        "output": (False, lambda v: isinstance(v, str) and "{id}" in v, "a text with {id} in it"),
        "scale": (False, lambda v: type(v) is int and v >= 1, "a whole number from 1"),
        "cwd": (False, lambda v: isinstance(v, str), "a folder"),
        "timeout_s": (False, lambda v: type(v) in (int, float) and v > 0, "a number above 0"),
        "env": (False, is_env, "a table of texts"),
    }
    for key, (needed, valid, what) in rules.items():
        if key not in table and not needed:
            continue
        if key not in table or not valid(table[key]):
            raise ConfigError(f"{show(path)}: '{key}' must be {what}.")
    if not any("{input}" in word for word in table["command"]) or not any(
        "{output}" in word for word in table["command"]
    ):
        raise ConfigError(f"{show(path)}: 'command' must hold {{input}} and {{output}}.")


class External(Restorer):
    """Run a command over a folder and take what it leaves in another."""

    card: ClassVar[MethodCard] = MethodCard(
        name="external",
        title="External",
        licence="LicenseRef-of-the-command",
        stochastic=True,
        deviations=("one command sees a whole data set: seeds per image are the command's affair",),
        note="external:FILE.toml runs the file's command with {input} and {output} folders",
    )
    computes = False

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._config = read_config(Path(runtime.argument).expanduser())
        self._work: Path | None = None
        self._failure = ""

    @classmethod
    def card_for(cls, argument: str) -> MethodCard:
        """Return a card that carries the file's name and scale."""
        from dataclasses import replace

        config = _config(argument)
        return replace(cls.card, name=method_id(config.name), title=config.name, scale=config.scale)

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Return a hash of the file: another command is another method."""
        return hashlib.sha256(Path(argument).expanduser().read_bytes()).hexdigest()

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Return the method; the command runs when a data set begins."""
        return cls(runtime)

    def begin(self, dataset: str, images: Sequence[LRFile], *, seed: int) -> None:
        """Run the command over all pending images of a data set."""
        self.close()
        self._work = Path(tempfile.mkdtemp(prefix="mfsr-bench-external-"))
        source, result = self._work / "input", self._work / "output"
        source.mkdir()
        result.mkdir()
        for image in images:
            write_png(source / f"{image.id}.png", read_rgb(image.path))
        values = {
            "input": str(source),
            "output": str(result),
            "dataset": dataset,
            "seed": str(seed % _SEED_RANGE),
        }
        self._failure = _run(self._config, values, self._work / "log.txt")

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        if self._work is None:
            raise MethodError("an external method restores data sets, not single batches")
        return torch.stack([to_tensor(self._result(image)) for image in batch.ids])

    def _result(self, image: str) -> Any:
        assert self._work is not None
        path = self._work / "output" / self._config.output.replace("{id}", image)
        if path.is_file():
            return read_rgb(path)
        reason = f": {self._failure}" if self._failure else ""
        raise OutputError(f"the command left no {path.name}{reason}")

    def close(self) -> None:
        """Remove the working folder."""
        if self._work:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None


def _config(argument: str) -> ExternalConfig:
    if not argument:
        raise UsageError("'external' needs a file.", "Use: external:FILE.toml")
    return read_config(Path(argument).expanduser())


def _run(config: ExternalConfig, values: dict[str, str], log: Path) -> str:
    """Run the command; return why it failed, or an empty text."""
    words = [_fill(word, values) for word in config.command]
    with log.open("wb") as output:
        try:
            return _wait(config, words, output, log)
        except OSError as error:
            return f"cannot run {words[0]}: {error.strerror or error}"


def _wait(config: ExternalConfig, words: list[str], output: IO[bytes], log: Path) -> str:
    process = subprocess.Popen(
        words,
        cwd=config.folder / config.cwd,
        env={**os.environ, **config.env},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,
    )
    try:
        code = process.wait(config.timeout_s)
    except subprocess.TimeoutExpired:
        return f"stopped after {config.timeout_s} s"
    finally:  # whatever it has started ends with it: a child may hold the device
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if code == 0:
        return ""
    tail = " / ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:])
    return f"the command ended with {code}: {tail}"


def _fill(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word
