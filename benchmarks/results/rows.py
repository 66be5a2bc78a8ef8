"""The rows of a run.

The four words `dataset`, `method`, `image`, `metric` keep these names in code, file columns, JSON
keys and options: one search walks the whole chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """One restored image: `images.csv`."""

    dataset: str
    method: str  # the row key: "mfsr@2", "precomputed:osediff"
    image: str
    sha256: str  # of the PNG file: is it the one that was written?
    width: int
    height: int
    seed: int
    sha256_pixels: str = ""  # is it the same image? Empty in runs from before it was recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One value of one metric on one image: `scores.csv`."""

    dataset: str
    method: str
    image: str
    metric: str  # metric id: "psnr@y601"
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetScoreRow:
    """One value of a set metric: `set_scores.csv`."""

    dataset: str
    method: str
    metric: str
    n: int  # number of images it was computed from
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """One thing that failed while the run went on: `failures.csv`."""

    dataset: str
    method: str
    image: str  # empty where a whole set is concerned
    stage: str  # "restore" or "score"
    metric: str  # empty where the image itself is missing
    error: str  # class of the error
    cause: str  # its first line


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRow:
    """The prompt of one LR image: `prompts.csv`."""

    dataset: str
    kind: str  # "tags:dape"
    image: str
    lr_sha256: str
    source: str  # what it comes from: extractor and weights, files, or nothing
    prompt: str
    seconds: float  # that extracting it took; 0 where it was given


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingRow:
    """How long one image took: `timings.csv`. The only rows that differ from run to run."""

    dataset: str
    method: str
    image: str
    seconds: float  # wall time of the method alone, per image of its batch
    stages: dict[str, float] = field(default_factory=dict)  # seconds per named part


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResults:
    """All that a report needs of a run, read from its directory. Rows are sorted by their keys."""

    path: Path
    run: dict[str, Any]  # run.json
    images: tuple[ImageRow, ...] = ()
    scores: tuple[ScoreRow, ...] = ()
    set_scores: tuple[SetScoreRow, ...] = ()
    failures: tuple[FailureRow, ...] = ()
    timings: tuple[TimingRow, ...] = ()
    prompts: tuple[PromptRow, ...] = ()
