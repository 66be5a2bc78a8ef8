r"""LaTeX files without what TeX would not read, and the files that they draw in by `\input`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
_SKIPPED = re.compile(
    r"\\begin\{(comment|verbatim\*?|lstlisting|minted|filecontents\*?)\}.*?\\end\{\1\}"
    r"|\\iffalse\b.*?\\fi\b",
    re.DOTALL,
)
_INPUT = re.compile(
    r"\\(?:input|include|subfile|subfileinclude)\s*\{([^{}]+)\}|\\input\s+([^\s{}\\]+)"
)
_MOST_FILES = 500


@dataclass(slots=True)
class Source:
    """One LaTeX file and all that it draws in."""

    texts: dict[Path, str] = field(
        default_factory=dict
    )  # file -> its text, in the order of reading
    absent: list[str] = field(default_factory=list)  # what is drawn in and is not there

    def rows_drawn_in(self, text: str, folder: Path) -> str:
        r"""Return a text in which the `\input` commands within tables are what they draw in.

        Files that hold tables of their own are left out: they are read by themselves. The text
        stays on its lines: what is drawn in comes on one line.
        """

        def drawn(found: re.Match[str]) -> str:
            rows = self.texts.get(_place(found, folder), "")
            return " " if r"\begin{" in rows else " ".join(rows.split("\n"))

        return _INPUT.sub(drawn, text)


def without_comments(source: str) -> str:
    """Return LaTeX without comments and what is skipped; the lines stay where they were."""
    text = _COMMENT.sub(r"\1", source)
    text = _SKIPPED.sub(lambda found: "\n" * found.group().count("\n"), text)
    end = text.find(r"\end{document}")
    return text if end < 0 else text[:end]


def gather(path: Path, read: Callable[[Path], str]) -> Source:
    r"""Return a file and all that it draws in by `\input` and the like, from its own folder.

    Args:
        path: the file.
        read: returns the text of a file; what it raises for the first file is passed on.
    """
    source = Source()
    _gather(path, path.parent, read, source)
    return source


def _gather(path: Path, folder: Path, read: Callable[[Path], str], source: Source) -> None:
    text = without_comments(read(path))
    source.texts[path.resolve()] = text
    for found in _INPUT.finditer(text):
        other = _place(found, folder)
        if other in source.texts or len(source.texts) >= _MOST_FILES:
            continue
        if other.suffix == ".tex" and other.is_file():
            _gather(other, folder, read, source)
        else:
            source.absent.append(found.group())


def _place(found: re.Match[str], folder: Path) -> Path:
    name = (found.group(1) or found.group(2)).strip()
    return (folder / (name if name.endswith(".tex") else f"{name}.tex")).resolve()
