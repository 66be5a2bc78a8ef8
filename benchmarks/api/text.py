"""Text of others (file names, errors of libraries, output of commands), made safe to keep and show.

It may hold ESC sequences that change a terminal, lone surrogates that no file can take, line breaks
where one line is meant, and megabytes.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.api.errors import MFSRBenchError

_LONGEST = 500  # characters of a cause; what is longer says no more


def printable(text: str) -> str:
    r"""Return a text whose every character can be printed and stored; others are escaped.

    >>> printable("a\x1b[31mred\ud800")
    'a\\x1b[31mred\\ud800'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def show(path: Path) -> str:
    """Return a path as text that is safe to print, whatever bytes its name holds."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def one_line(text: str, *, longest: int = _LONGEST) -> str:
    r"""Return a text as one printable line, cut where it is too long.

    >>> one_line("two\n  lines"), one_line("abcdefgh", longest=6)
    ('two lines', 'abc...')
    """
    line = printable(" ".join(text[: 4 * longest].split()))
    return line if len(line) <= longest else line[: longest - 3] + "..."


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # an error that cannot even say what it is
        lines = []
    return one_line(lines[0]) if lines else type(error).__name__


def cause_of(error: BaseException) -> str:
    """Return why something failed, in one line."""
    return one_line(error.cause) if isinstance(error, MFSRBenchError) else first_line(error)
