"""Options that several commands share, spelled once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Originals = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="SPEC",
        help="Where a data set lies now: folder:NAME=LR,HR. Default: where the run found it.",
    ),
]


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


class TableForm(StrEnum):
    """How tables of measurements are written down."""

    TERMINAL = "terminal"
    MARKDOWN = "md"
    LATEX = "latex"
    CSV = "csv"
