"""Options that several commands share, spelled once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Policy(StrEnum):
    """What to do about metrics whose weights are not on this machine."""

    ERROR = "error"
    SKIP = "skip"
    FETCH = "fetch"


class Precision(StrEnum):
    """The numbers that a network computes with."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


Datasets = Annotated[
    list[str] | None,
    typer.Option("--datasets", "-d", help="Ids, or folder:LR[::HR], as a comma list."),
]
Metrics = Annotated[
    list[str] | None, typer.Option("--metrics", help="Metrics; default: those of the protocol.")
]
ProtocolId = Annotated[str, typer.Option("--protocol", help="Protocol of the table.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Run directory; the same one resumes.")
]
Plan = Annotated[
    bool, typer.Option("--plan", help="Print what would be done and what lacks; do nothing.")
]
Missing = Annotated[
    Policy | None,
    typer.Option(
        "--missing",
        help="Metrics whose weights are not here; the table says what was skipped. "
        "Default: error; skip for the embedded job.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the run.")]
Devices = Annotated[
    list[str] | None,
    typer.Option(
        "--device", help="cpu, cuda, or cuda:0,cuda:1 (one worker each). Default: a GPU if any."
    ),
]
Dtype = Annotated[Precision | None, typer.Option("--dtype", help="For the methods that can.")]
Prompts = Annotated[
    str,
    typer.Option(
        "--prompts", help="Prompts: a folder of <image>.txt, or none; default: extracted."
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N images.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Processes for light metrics; 0: one process for all, to debug.",
    ),
]

DEFAULT_PROTOCOL = "mfsr-paper-v1"
