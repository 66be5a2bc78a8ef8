"""The rows of a run as tidy pandas frames: one row per value, one column per fact."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from benchmarks.results.rows import FailureRow, RunResults, ScoreRow, SetScoreRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def scores(results: RunResults) -> pd.DataFrame:
    """Return one row per image and metric: `dataset, method, image, metric, value`."""
    return _frame(results.scores, ScoreRow)


def set_scores(results: RunResults) -> pd.DataFrame:
    """Return one row per set metric: `dataset, method, metric, n, value`."""
    return _frame(results.set_scores, SetScoreRow)


def failures(results: RunResults) -> pd.DataFrame:
    """Return one row per recorded failure: `dataset, method, image, stage, metric, ...`."""
    return _frame(results.failures, FailureRow)


def _frame(rows: Sequence[Any], kind: type) -> pd.DataFrame:
    import pandas as pd

    names = [field.name for field in fields(kind)]
    return pd.DataFrame.from_records(list(map(attrgetter(*names), rows)), columns=names)
