"""`mfsr-bench pack`: a run as one file for others, and checking such a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.api.errors import DataError
from benchmarks.api.images import show
from benchmarks.commands import subgroup
from benchmarks.console import say

app = subgroup("Pack a run into one file that others can check, and check one.")


@app.command()
def run(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run directory.")],
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: RUN.zip, beside it.")
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="With the restored images.")] = False,
) -> None:
    """Write scores, provenance and hashes of a run as one file; images only if asked for.

    Examples:
        mfsr-bench pack run runs/x
        mfsr-bench pack run runs/x --images --out x.zip
    """
    from benchmarks.results.bundle import pack

    place = out or run.resolve().with_name(run.resolve().name + ".zip")
    count = pack(run, place, images=images)
    say(f"{count} files, {place.stat().st_size / 1e6:.1f} MB: {show(place)}")


@app.command()
def check(
    bundles: Annotated[list[Path], typer.Argument(metavar="FILE", help="Packed runs.")],
) -> None:
    """Compare each file of packed runs with its hash, and each image with the one that was scored.

    Examples:
        mfsr-bench pack check x.zip
    """
    from benchmarks.results.bundle import check

    wrong = 0
    for path in bundles:
        problems = check(path)
        wrong += bool(problems)
        say(f"{show(path)}: {'; '.join(problems) or 'as it was packed'}")
    if wrong:
        raise DataError(f"{wrong} of {len(bundles)} packed runs are damaged or were changed.")
