"""Kills every command that writes, again and again: the repeated command finishes what was begun.

    nox -s reliability                      # all, 100 kills each of the quick ones, 20 of the slow
    nox -s reliability -- run train --kills 30

A child process is a fork of this one, in which everything is imported already, so that the time of
a kill falls into the work and not into the imports. Half of the kills come right before each write
in turn: a file that is opened for it, renamed or removed. The others come at a random time between
two writes, as a command measured before had them. What a killed command left is handed to the same
command, whose results must be those of a command that nobody killed, to the byte, but for what
tells of times, and without unfinished files beside them.
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

import cases

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_KILLED = (-signal.SIGKILL, -signal.SIGALRM)
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod")


@dataclass
class Outcome:
    """What became of all kills of one command."""

    kills: int = 0
    too_late: int = 0  # the command had ended before
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Moment:
    """When a command kills itself."""

    write: int  # after how many writes; 0 is its start
    after: float = 0.0  # seconds later; 0 is right before that write is done


def child(
    act: Callable[[], None], *, log: Path, at: Moment | None = None, times: Path | None = None
) -> int:
    """Start `act` in a fork, and return its process id.

    Args:
        act: what it does; its exit code is 0 unless it raises or exits otherwise.
        log: where its output goes.
        at: when it kills itself.
        times: where it writes down when it wrote, in seconds since its start.
    """
    process = os.fork()
    if process:
        return process
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    began = time.monotonic()
    seen = [0.0]

    def die() -> None:
        assert at
        if not at.after or len(seen) > at.write + 1:  # the write after it came sooner than measured
            os.kill(os.getpid(), signal.SIGKILL)
        signal.setitimer(signal.ITIMER_REAL, at.after)  # whose signal ends a process unheard

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if (writes or event in _EVENTS) and os.getpid() == me:
            seen.append(time.monotonic() - began)
            if at and len(seen) > at.write:
                die()

    me = os.getpid()
    sys.addaudithook(hook)
    code = 1
    try:
        if at and not at.write:
            die()
        act()
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    if times:
        moments = json.dumps(seen)
        me = 0
        times.write_text(moments)
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


def moments(times: list[float], kills: int, chance: random.Random) -> Iterator[Moment]:
    """Yield when a command is killed: before each write in turn, and at random times between.

    Args:
        times: of its start and of each write, in seconds.
        kills: how many moments.
        chance: of the random times.
    """
    writes = len(times) - 1
    for number in range(kills):
        if number % 2:
            yield Moment(1 + (number // 2) * writes // max(1, kills // 2))
        else:
            when = chance.uniform(0, times[-1])
            write = bisect.bisect(times, when, hi=writes) - 1
            yield Moment(write, max(1e-5, when - times[write]))


def tried(case: cases.Case, kills: int, seed: int) -> Outcome:
    """Kill a command `kills` times, each in a folder of its own."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        root = Path(place)
        whole = root / "whole"
        log, times = root / "log", root / "times"
        case.prepare(root / "first")
        imported(case.command(root / "first"), log)
        case.prepare(whole)
        code = ended(child(case.command(whole), log=log, times=times))
        assert code == 0, f"{case.name} fails without a kill: {log.read_text()[-2000:]}"
        expected, measured = case.results(whole), json.loads(times.read_text())
        print(f"{case.name}: {measured[-1]:.2f} s, {len(measured) - 1} writes", flush=True)
        for number, at in enumerate(moments(measured, kills, random.Random(seed))):
            folder = root / str(number)
            case.prepare(folder)
            killed = ended(child(case.command(folder), log=log, at=at)) in _KILLED
            outcome.kills += killed
            outcome.too_late += not killed
            code = ended(child(case.command(folder), log=log))
            found = case.results(folder) if code == 0 else {}
            if found != expected:
                why = _difference(expected, found, code, log)
                outcome.failed.append(f"{case.name}, {at} of {len(measured) - 1}: {why}")
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
