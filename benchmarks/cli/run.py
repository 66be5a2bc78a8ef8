"""`mfsr-bench run`: from LR photographs to a table."""

from __future__ import annotations

from benchmarks.cli.command import command
from benchmarks.cli.execution import Plan, carry_out
from benchmarks.options import Json, Quiet
from benchmarks.request import RunRequest


@command(RunRequest)
def run(
    request: RunRequest, *, plan: Plan = False, quiet: Quiet = False, json: Json = False
) -> None:
    """Restore, score and tabulate; with no argument, the embedded job on built-in photographs.

    Whatever is interrupted, the same command finishes it: nothing that is done is done again.
    """
    carry_out(request, plan=plan, quiet=quiet, json=json)
