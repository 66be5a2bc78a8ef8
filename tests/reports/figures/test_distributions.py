"""The values per image, against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.api.errors import DataError
from reports.comparison import compare
from reports.figures.distributions import distribution_figures

PSNR, FID = "psnr@y601", "fid@clean"


def test_boxes_are_those_of_the_shared_values(make_run) -> None:
    generator = np.random.default_rng(3)
    values = {("realsr", m, PSNR): generator.normal(25, 3, 40).tolist() for m in ("a@1", "bicubic")}
    values["realsr", "a@1", PSNR][5] = float("nan")
    values["realsr", "bicubic", PSNR][7] = 90.0  # an outlier
    (one,) = distribution_figures(compare([make_run(values)]))
    (panel,) = one.panels
    table = pd.DataFrame({m: values["realsr", m, PSNR] for m in ("a@1", "bicubic")}).dropna()
    for spread, key in zip(panel.spreads, ("a@1", "bicubic"), strict=True):
        column = table[key]
        assert spread.values.tolist() == sorted(column)
        assert spread.mean == pytest.approx(column.mean())
        low, middle, high = column.quantile([0.25, 0.5, 0.75])
        assert spread.quartiles == pytest.approx((low, middle, high))
        inside = column[column.between(low - 1.5 * (high - low), high + 1.5 * (high - low))]
        assert spread.whiskers == (inside.min(), inside.max())
    assert panel.spreads[1].whiskers[1] < 90


def test_set_metrics_are_left_out_and_alone_refused(make_run) -> None:
    sets = {("realsr", "bicubic", FID): (3, 100.0)}
    (one,) = distribution_figures(
        compare([make_run({("realsr", "bicubic", PSNR): [25.0] * 3}, sets)])
    )
    assert [panel.metric.id for panel in one.panels] == [PSNR]
    assert any("FID: a metric of a whole set" in note for note in one.about.notes)
    with pytest.raises(DataError, match=r"no values per image to draw\. RealSR, PSNR"):
        distribution_figures(compare([make_run({}, sets)]))
