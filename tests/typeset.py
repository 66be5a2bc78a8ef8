"""A real TeX reads what we write: the check of every table that is LaTeX."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX on this machine")


def typeset(source: str, folder: Path, *, packages: str) -> None:
    """Compile a table in a two-column paper; nothing may fail or stick out."""
    (folder / "table.tex").write_text(source, encoding="utf-8")
    (folder / "main.tex").write_text(
        rf"\documentclass[twocolumn]{{article}}\usepackage{{{packages}}}"
        r"\begin{document}\input{table}Text.\end{document}",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
    assert "Overfull" not in done.stdout
