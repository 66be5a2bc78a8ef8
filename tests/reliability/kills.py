"""Kills every command that writes, again and again: the repeated command finishes what was begun.

    nox -s reliability                      # all, 100 kills each of the quick ones, 20 of the slow
    nox -s reliability -- run train --kills 30

A child process is a fork of this one, in which everything is imported already, so that the time of
a kill falls into the work and not into the imports. Half of the kills come at a random time; the
others at each point in turn at which the command has opened a file to write, or renamed or removed
one. What a killed command left is handed to the same command, whose results must be those of a
command that nobody killed, to the byte, but for what tells of times.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

import cases

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod")


@dataclass
class Outcome:
    """What became of all kills of one command."""

    kills: int = 0
    too_late: int = 0  # the command had ended before
    failed: list[str] = field(default_factory=list)


def child(
    act: Callable[[], None], *, log: Path, at_event: int = 0, count: Path | None = None
) -> int:
    """Start `act` in a fork, and return its process id.

    Args:
        act: what it does; its exit code is 0 unless it raises or exits otherwise.
        log: where its output goes.
        at_event: the write before which it kills itself; 0 for none.
        count: where it writes down how many writes there were.
    """
    process = os.fork()
    if process:
        return process
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if writes or event in _EVENTS:
            seen += 1
            if seen == at_event:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    code = 1
    try:
        act()
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    if count:
        found, seen = seen, -(10**9)
        count.write_text(str(found))
    os._exit(code)


def imported(act: Callable[[], None], log: Path) -> None:
    """Do something here, so that all that it imports is there for those that are forked."""
    ended_well = suppress(SystemExit)
    with log.open("w") as output, redirect_stdout(output), redirect_stderr(output), ended_well:
        act()
    os.chdir(TESTS)


def ended(process: int, deadline: float = 600.0) -> int:
    """Wait for a child, and return its exit code; a signal is negative."""
    limit = time.monotonic() + deadline
    while time.monotonic() < limit:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return -99


def tried(case: cases.Case, kills: int, seed: int) -> Outcome:
    """Kill a command `kills` times, each in a folder of its own."""
    chance = random.Random(seed)
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        root = Path(place)
        whole = root / "whole"
        log, count = root / "log", root / "count"
        case.prepare(root / "first")
        imported(case.command(root / "first"), log)
        case.prepare(whole)
        began = time.monotonic()
        code = ended(child(case.command(whole), log=log, count=count))
        length = time.monotonic() - began
        assert code == 0, f"{case.name} fails without a kill: {log.read_text()[-2000:]}"
        expected, writes = case.results(whole), int(count.read_text())
        print(f"{case.name}: {length:.2f} s, {writes} writes", flush=True)
        for number in range(kills):
            folder = root / str(number)
            case.prepare(folder)
            at = 1 + (number // 2) * writes // max(1, kills // 2) if number % 2 else 0
            process = child(case.command(folder), log=log, at_event=at)
            if not at:
                time.sleep(chance.uniform(0, length))
                with suppress(ProcessLookupError):
                    os.killpg(process, signal.SIGKILL)
            killed = ended(process) == -signal.SIGKILL
            outcome.kills += killed
            outcome.too_late += not killed
            code = ended(child(case.command(folder), log=log))
            found = case.results(folder) if code == 0 else {}
            if found != expected:
                where = f"write {at} of {writes}" if at else "a random time"
                why = _difference(expected, found, code, log)
                outcome.failed.append(f"{case.name}, {where}: {why}")
                print(outcome.failed[-1], flush=True)
            cases.remove(folder)
    return outcome


def _difference(expected: dict[str, Any], found: dict[str, Any], code: int, log: Path) -> str:
    if code:
        return f"exit code {code}: {log.read_text(errors='replace').strip()[-400:]}"
    names = sorted(one for one in expected.keys() | found if expected.get(one) != found.get(one))
    return f"differs in {', '.join(names[:5])}"


def main() -> int:
    """Return the number of commands that lost something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(cases.CASES))
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    failed = 0
    with tempfile.TemporaryDirectory(prefix="kills-home-") as home:
        cases.begin(Path(home))
        for name in given.names or cases.CASES:
            case = cases.CASES[name]
            outcome = tried(case, given.kills or case.kills, given.seed)
            failed += bool(outcome.failed)
            print(
                f"{name}: {outcome.kills} killed, {outcome.too_late} had ended before, "
                f"{len(outcome.failed)} lost something",
                flush=True,
            )
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
