"""The start of `mfsr-bench`, under a name that nobody else has.

The packages of the program have plain names, and so have folders of many projects of this field:
where one of these stands before ours on Python's path (`PYTHONPATH=.`), ours cannot be imported.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

PACKAGES = ("mfsr", "baselines", "benchmarks", "reports")
_USAGE = 2


def intruders() -> dict[str, Path]:
    """Return the packages of other projects that hide ours: name -> folder."""
    root = Path(__file__).resolve().parent
    found = {}
    for name in PACKAGES:
        spec = find_spec(name)
        folder = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if folder and folder.parent != root:
            found[name] = folder
    return found


def main() -> NoReturn:
    """Run the program, or say what keeps it from running."""
    for name, folder in intruders().items():
        sys.stderr.write(
            f"Error: the '{name}' of another project hides ours: {folder}\n"
            "Start mfsr-bench in another folder, or take that one off PYTHONPATH.\n"
        )
        sys.exit(_USAGE)
    from benchmarks.cli.app import main as program

    program()
