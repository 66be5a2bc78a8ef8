"""`mfsr-bench score`: scores of any folder of images, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli.options import Json


def score(
    sr: Annotated[Path, typer.Option("--sr", help="Folder of images to score.")],
    *,
    hr: Annotated[
        Path | None, typer.Option("--hr", help="Folder of their references, of the same names.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metrics", help="Metrics; default: the protocol's. Comma lists work."),
    ] = None,
    protocol: Annotated[str, typer.Option(help="Protocol that the names belong to.")] = (
        "mfsr-paper-v1"
    ),
    conventions: Annotated[
        bool,
        typer.Option(
            "--conventions", help="Every convention of the chosen metrics, and who uses it."
        ),
    ] = False,
    missing: Annotated[
        str, typer.Option(help="Metrics whose weights are not here: error, skip or fetch.")
    ] = "error",
    per_image: Annotated[
        Path | None, typer.Option("--per-image", help="Write a CSV with every image's values.")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="cpu, cuda or cuda:N; default: a GPU if any.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes for light metrics; default: all cores.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    json: Json = False,
) -> None:
    """Score a folder of images: means on stdout, exit code 1 if an image could not be scored.

    What was scored before, here or in a run, is not computed again.
    """
