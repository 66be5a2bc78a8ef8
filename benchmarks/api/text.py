"""Text of others as text that is safe to print."""

from __future__ import annotations

from pathlib import Path


def show(path: Path) -> str:
    """Return a path as text that is safe to print, whatever bytes its name holds."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines and lines[0] else type(error).__name__
