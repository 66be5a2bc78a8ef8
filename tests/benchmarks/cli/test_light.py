"""Help and lists import nothing heavy: they answer at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks import registry

HEAVY = (
    "torch", "numpy", "scipy", "pandas", "cv2", "PIL", "skimage", "matplotlib", "diffusers",
    "transformers", "pyiqa", "huggingface_hub", "requests",
)  # fmt: skip
CODE = """
import sys
from benchmarks.cli.app import main
heavy = sys.argv.pop(1).split(",")
try:
    main()
finally:
    found = [name for name in heavy if name in sys.modules]
    assert not found, f"imported: {found}"
"""


def words() -> list[tuple[str, ...]]:
    lists = [("list", what) for what in ("methods", "datasets", "metrics", "protocols")]
    return [("--help",), *lists, *((name, "--help") for name in registry.entries("commands"))]


@pytest.mark.parametrize("arguments", words(), ids=" ".join)
def test_nothing_heavy_is_imported(arguments: tuple[str, ...]) -> None:
    answer = subprocess.run(
        [sys.executable, "-P", "-c", CODE, ",".join(HEAVY), *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout
