"""`mfsr-bench run`: from LR photographs to a table."""

from __future__ import annotations

from benchmarks.cli.command import command
from benchmarks.cli.execution import Plan, carry_out
from benchmarks.cli.sweep import drawn
from benchmarks.options import Form, Json, Quiet
from benchmarks.request import RunRequest


@command(RunRequest)
def run(
    request: RunRequest,
    *,
    plan: Plan = False,
    quiet: Quiet = False,
    form: Form = None,
    json: Json = False,
) -> None:
    """Restore, score and tabulate; with no argument, small methods on the built-in photographs.

    Whatever is interrupted, the same command finishes it: nothing that is done is done again.

    Examples:
        mfsr-bench run
        mfsr-bench run -m bicubic,osediff,mfsr@2 -d realsr,drealsr -o runs/x
        mfsr-bench run -m precomputed:Mine=results -d folder:LR::HR
        mfsr-bench run -m osediff -d realsr --plan
        mfsr-bench run --preset mfsr-table1
    """
    carry_out(request, plan=plan, quiet=quiet, json=json, form=form, then=drawn(request))
