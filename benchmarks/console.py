"""The terminal: results go to stdout, all else to stderr.

On a terminal stderr shows rich progress; elsewhere plain lines. `NO_COLOR`, `FORCE_COLOR` and
`TERM=dumb` are honoured by rich itself.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from benchmarks.api.text import printable

_COMMAND = "mfsr-bench "  # where a line begins that people copy
_PLAIN_INTERVAL = 5.0  # seconds between two lines of progress, likewise

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn

    from benchmarks.api.errors import MFSRBenchError


def out() -> Console:
    """Return a console on stdout, for results."""
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False)


def err() -> Console:
    """Return a console on stderr, for progress and messages."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True, highlight=False)


def hush() -> None:
    """Keep back what libraries say of parts that nobody here asks for.

    bitsandbytes tells of a kernel that it does not find when diffusers looks at what it may
    quantise with; openai-clip imports pkg_resources, which setuptools warns of.
    """
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    for category in (UserWarning, DeprecationWarning):
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=category)


@contextmanager
def foreign_output() -> Iterator[None]:
    """Send to stderr what others' code prints on stdout meanwhile, from Python or from C."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is no stdout
        yield
        return
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _flush_c()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_c() -> None:
    """Write out what C code has printed so far."""
    import ctypes

    ctypes.CDLL(None).fflush(None)


def shows_bars() -> bool:
    """Return whether stderr can show bars: a terminal, or a notebook with `ipywidgets`."""
    console = err()
    if console.is_jupyter:
        return find_spec("ipywidgets") is not None
    return console.is_terminal


def say(message: str, *, style: str = "") -> None:
    """Print a message on stderr."""
    console = err()
    console.print(_folded(_shown(message), console), style=style, markup=False)


def _folded(message: str, console: Console) -> str:
    """Return a message in lines that fit a terminal: broken between words, a command left whole."""
    if not console.is_terminal:
        return message
    return "\n".join(line for text in message.split("\n") for line in _lines(text, console.width))


def _lines(text: str, width: int) -> Iterator[str]:
    import textwrap

    if len(text) <= width:
        yield text
        return
    indent = " " * (len(text) - len(text.lstrip()))
    words, command, rest = text.partition(_COMMAND)
    if words.strip():
        yield from textwrap.wrap(
            words.rstrip(),
            width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        indent += "  "
    if command:
        yield f"{indent}{command}{rest}"


def _shown(message: str) -> str:
    """Return a message without what would do something to a terminal; line breaks stay."""
    return "\n".join(map(printable, message.split("\n")))


@contextmanager
def transfer(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a download on stderr: a bar on a terminal, nothing elsewhere.

    Yields:
        A function of (bytes so far, bytes in all or 0), to be called as data arrives.
    """
    from rich.progress import DownloadColumn

    with _bar(what, DownloadColumn()) as update:
        yield update


@contextmanager
def count(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of a known number are done: a bar on a terminal, now and then a line elsewhere.

    Yields:
        A function of (number done, number in all), to be called after each.
    """
    from rich.progress import MofNCompleteColumn

    if shows_bars():
        with _bar(what, MofNCompleteColumn()) as update:
            yield update
        return
    spoken = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal spoken
        if time.monotonic() - spoken >= _PLAIN_INTERVAL or done == total:
            spoken = time.monotonic()
            say(f"{what}: {done} of {total}")

    yield line


@contextmanager
def _bar(what: str, amount: ProgressColumn) -> Iterator[Callable[[int, int], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), amount)
    console = err()
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not shows_bars()
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def size(n: float) -> str:
    """Return a number of bytes as people read it.

    >>> size(11_850), size(5.4e9)
    ('11.8 kB', '5.4 GB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n:.0f} B"


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> duration(7.4), duration(150), duration(9000)
    ('7 s', '2 min 30 s', '2 h 30 min')
    """
    whole = round(seconds)
    hours, minutes, left = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h" + f" {minutes} min" * bool(minutes)
    return (
        f"{minutes} min" * bool(minutes)
        + " " * bool(minutes and left)
        + (f"{left} s" * (bool(left) or not minutes))
    )


def print_json(value: Any) -> None:
    """Print one JSON document on stdout, its letters escaped where stdout lacks one of them."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, allow_nan=False)
    sys.stdout.write(text + "\n")


def print_error(error: MFSRBenchError) -> None:
    """Print an error's cause and remedy on stderr, one line each."""
    console = err()
    cause = _folded(f"Error: {_shown(error.cause)}", console)
    console.print(cause, style="red", markup=False)
    if error.remedy:
        console.print(_folded(_shown(error.remedy), console), markup=False)
