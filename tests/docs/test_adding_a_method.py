"""The walk-through of docs/adding-a-method.md works as it stands there."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-method.md"
BLOCK = re.compile(r"^```(\w+) (file=(\S+)|run)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_walk_through_works(tmp_path: Path) -> None:
    environment = prepared(tmp_path)
    for _, kind, name, text in BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")):
        if kind != "run":
            (tmp_path / name).write_text(text)
            continue
        answer = subprocess.run(
            ["sh", "-e", "-c", text],
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stderr
        assert "Sharpened" in answer.stdout
    with (tmp_path / "runs" / "first" / "scores.csv").open() as handle:
        methods = {row["method"] for row in csv.DictReader(handle)}
    assert methods == {"bicubic", "sharpened", "sharpened+amount=0.5"}
    summary = (tmp_path / "runs" / "first" / "summary.md").read_text()
    assert "Sharpened +amount=0.5" in summary


def prepared(folder: Path) -> dict[str, str]:
    """Return an environment in which the document's commands use this project and no network."""
    bin_ = folder / "bin"
    bin_.mkdir()
    python = shlex.quote(sys.executable)
    main = "from benchmarks.cli.app import main; main()"
    for name, command in (
        ("mfsr-bench", f"{python} -P -c {shlex.quote(main)}"),
        ("pip", f"{python} -m pip"),
    ):
        (bin_ / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (bin_ / name).chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "site"),
        "PIP_TARGET": str(folder / "site"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this one upside down: 0 means no isolation
    }
