"""A real TeX reads what we write: the check of every table that is LaTeX."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def _lacking() -> str:
    """Return what of TeX is not on this machine, or ""."""
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        return "no TeX on this machine"
    for package in ("multirow.sty", "booktabs.sty", "xcolor.sty"):
        if subprocess.run(["kpsewhich", package], capture_output=True, check=False).returncode:
            return f"TeX is here without {package}"
    return ""


needs_tex = pytest.mark.skipif(bool(_lacking()), reason=_lacking())


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
