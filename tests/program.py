"""The program as tests start it: in this process, or as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Answer:
    """What the program left behind."""

    returncode: int
    stdout: str
    stderr: str


Program = Callable[..., Answer]


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of `mfsr-bench` as a process, safe from the current folder."""
    # A shell that runs the tests in the background has its children ignore Ctrl-C.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listen}; from benchmarks.cli.app import main; main()"
    return [sys.executable, "-P", "-c", code, *map(str, arguments)]


def in_this_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Return what runs `mfsr-bench` here, where torch is imported once for all tests.

    Runs work inline, unless the test says how many workers there are.
    """
    from benchmarks.cli.app import main

    def run(*arguments: str | Path) -> Answer:
        words = list(map(str, arguments))
        if words[0] in ("run", "score", "verify") and "--workers" not in words:
            words += ["--workers", "0"]
        monkeypatch.setattr(sys, "argv", ["mfsr-bench", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        code = exit_.value.code
        return Answer(code if isinstance(code, int) else 0, *capsys.readouterr())

    return run
