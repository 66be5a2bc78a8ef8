"""The rows of a run as tidy pandas frames: one row per value, one column per fact."""

from __future__ import annotations

import math
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from benchmarks.results.rows import FailureRow, ImageRow, RunResults, ScoreRow, SetScoreRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd


def scores(results: RunResults) -> pd.DataFrame:
    """Return one row per image and metric: `dataset, method, image, metric, value`."""
    return _frame(results.scores, ScoreRow)


def images(results: RunResults) -> pd.DataFrame:
    """Return one row per restored image: `dataset, method, image, sha256, width, height, seed`."""
    return _frame(results.images, ImageRow)


def set_scores(results: RunResults) -> pd.DataFrame:
    """Return one row per set metric: `dataset, method, metric, n, value`."""
    return _frame(results.set_scores, SetScoreRow)


def failures(results: RunResults) -> pd.DataFrame:
    """Return one row per recorded failure: `dataset, method, image, stage, metric, ...`."""
    return _frame(results.failures, FailureRow)


def shared(scores: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield (data set, metric, values) with one column per method and one row per shared image.

    An image that one of the methods lacks is left out for all of them. A method that has no value
    at all has no column, and takes nothing from the others.

    Args:
        scores: one row per image and metric.
    """
    for (dataset, metric), rows in scores.groupby(["dataset", "metric"], sort=False):
        values = rows.pivot(index="image", columns="method", values="value")
        yield str(dataset), str(metric), values.dropna()


def mean(values: pd.Series[float]) -> float:
    """Return the mean: the exact sum, rounded once, whatever the order of the images."""
    return math.fsum(values) / len(values)


def means(results: RunResults) -> pd.DataFrame:
    """Return one row per mean over shared images, and per set metric.

    The columns are `dataset, method, metric, value, n`.
    """
    import pandas as pd

    found = [
        (dataset, method, metric, mean(values[method]), len(values))
        for dataset, metric, values in shared(scores(results))
        if len(values)
        for method in values.columns
    ]
    found += [(row.dataset, row.method, row.metric, row.value, row.n) for row in results.set_scores]
    return pd.DataFrame(found, columns=["dataset", "method", "metric", "value", "n"])


def _frame(rows: Sequence[Any], kind: type) -> pd.DataFrame:
    import pandas as pd

    names = [field.name for field in fields(kind)]
    return pd.DataFrame.from_records(list(map(attrgetter(*names), rows)), columns=names)
