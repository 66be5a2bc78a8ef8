"""The forms by name, to standard output or into a file: what every command with a table calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import UsageError
from benchmarks.tables import data, latex, markdown, terminal
from benchmarks.tables.text import Highlight

if TYPE_CHECKING:
    from benchmarks.tables.model import Document


class Format(StrEnum):
    """How tables are written down."""

    TERMINAL = "terminal"
    MARKDOWN = "md"
    LATEX = "latex"
    CSV = "csv"
    JSON = "json"


_SUFFIXES = {
    ".md": Format.MARKDOWN,
    ".tex": Format.LATEX,
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".txt": Format.TERMINAL,
}


def chosen_format(form: Format | None, out: Path | None, *, json: bool = False) -> Format:
    """Return the form that is asked for: named, by the suffix of a file, or for people.

    Args:
        form: what `--format` says.
        out: what `--out` says.
        json: whether `--json` is given.

    Raises:
        UsageError: these contradict each other, or the suffix names no form.
    """
    if json and form not in (None, Format.JSON):
        raise UsageError(f"--json and --format {form} exclude each other.", "Give one of them.")
    if json:
        return Format.JSON
    if form or out is None:
        return form or Format.TERMINAL
    if out.suffix not in _SUFFIXES:
        raise UsageError(
            f"The suffix of '{out}' names no format.", f"Give --format, or: {', '.join(_SUFFIXES)}"
        )
    return _SUFFIXES[out.suffix]


def write(
    document: Document, form: Format, out: Path | None = None, highlight: Highlight | None = None
) -> None:
    """Write tables into a file, or print them.

    Args:
        document: the tables.
        form: how.
        out: the file; None for standard output.
        highlight: how marks look; None for what is usual in the form.

    Raises:
        UsageError: the form has no such highlight.
        ResourceError: the disk is full.
    """
    if out is None and form is Format.TERMINAL:
        from benchmarks import console

        terminal.show(document, console.out(), highlight or Highlight.RED_BLUE)
        return
    if out is None and form is Format.JSON:
        from benchmarks import console

        console.print_json(data.as_json(document))
        return
    text = _writer(form, highlight)(document)
    if out is None:
        sys.stdout.write(text)
        return
    from benchmarks.api.images import write_atomic

    write_atomic(out, text.encode())


def _writer(form: Format, highlight: Highlight | None) -> Callable[[Document], str]:
    if form is Format.CSV:
        return data.render_csv
    if form is Format.JSON:
        return data.render_json
    if form is Format.MARKDOWN:
        if highlight is Highlight.RED_BLUE:
            raise UsageError("Markdown has no colours.", "Use: --highlight bold-underline")
        return partial(markdown.render, highlight=highlight or Highlight.BOLD_UNDERLINE)
    render = latex.render if form is Format.LATEX else terminal.render
    return partial(render, highlight=highlight or Highlight.RED_BLUE)
