"""Printed rows of methods that run here: what `mfsr-bench reproduce` has to arrive at."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from benchmarks.conformance.columns import metric_of
from benchmarks.conformance.logs import logs

# How far a row moves when somebody restores and scores the same set again: other seeds, another
# GPU, 8 bits by rounding or truncation. A printed FID moves most, being of 100 images.
NOISE = {
    "psnr@y601": 0.05,
    "ssim@y601": 0.002,
    "lpips@alex": 0.003,
    "dists@vgg16": 0.002,
    "fid@clean": 2.0,
    "niqe@pyiqa": 0.1,
    "musiq@koniq": 0.5,
    "maniqa@pipal": 0.01,
    "clipiqa@rn50": 0.01,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedRow:
    """One method on one data set, as its authors or those who followed them print it."""

    method: str  # our method, at its defaults
    dataset: str
    n: int  # images
    source: str
    values: Mapping[str, float]  # by metric id, rounded as printed


@cache
def printed_rows() -> tuple[PrintedRow, ...]:
    """Return all rows that can be reproduced here, by method."""
    text = files("benchmarks.conformance").joinpath("rows.toml").read_text(encoding="utf-8")
    typed = [_row(**facts) for facts in tomllib.loads(text)["row"]]
    logged = [
        _row(
            method=log.method.lower(),
            dataset=log.dataset,
            n=log.n,
            source=log.title,
            values=log.means,
        )
        for log in logs().values()
    ]
    return tuple(sorted((*typed, *logged), key=lambda row: row.method))


def _row(*, values: Mapping[str, float], **facts: object) -> PrintedRow:
    named = {metric_of(column): value for column, value in values.items()}
    return PrintedRow(values={m: v for m, v in named.items() if m in NOISE}, **facts)  # type: ignore[arg-type]
