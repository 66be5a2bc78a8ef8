"""Means over shared images, and ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.results.frames import shared
from benchmarks.results.rows import RunResults
from reports.aggregate import estimates, ranks
from reports.comparison import compare

PSNR, FID = "psnr@y601", "fid@clean"
NAN = math.nan


def test_a_mean_is_over_the_images_that_every_method_has(make_run) -> None:
    run = make_run(
        {
            ("realsr", "bicubic", PSNR): [20.0, 30.0, 25.0],
            ("realsr", "mfsr@1", PSNR): [21.0, NAN, 27.0],
            ("realsr", "bicubic", "niqe@pyiqa"): [5.0, 6.0, 7.0],
        }
    )
    found = estimates(compare([run]))
    assert found["realsr", PSNR, "bicubic"].value == 22.5  # without i1, which mfsr@1 lacks
    assert found["realsr", PSNR, "mfsr@1"].value == 24.0
    assert found["realsr", PSNR, "bicubic"].n == 2
    assert found["realsr", "niqe@pyiqa", "bicubic"].n == 3  # each metric for itself


def test_a_method_without_any_value_takes_nothing_from_the_others(make_run, make_method) -> None:
    run = make_run(
        {("realsr", "bicubic", PSNR): [20.0, 30.0]}, methods={"mfsr@1": make_method("mfsr@1")}
    )
    found = estimates(compare([run]))
    assert found["realsr", PSNR, "bicubic"].n == 2
    assert ("realsr", PSNR, "mfsr@1") not in found


def test_no_shared_image_is_no_value(make_run) -> None:
    run = make_run(
        {("realsr", "bicubic", PSNR): [NAN, 30.0], ("realsr", "mfsr@1", PSNR): [20.0, NAN]}
    )
    assert estimates(compare([run])) == {}


def test_set_metrics_keep_their_value_and_their_n(make_run) -> None:
    run = make_run({}, {("realsr", "bicubic", FID): (99, 123.5)})
    found = estimates(compare([run]))["realsr", FID, "bicubic"]
    assert (found.value, found.n) == (123.5, 99)


def test_shared_images_are_pairs_by_name(make_run) -> None:
    run = make_run(
        {
            ("realsr", "bicubic", PSNR): [20.0, NAN, 25.0],
            ("realsr", "mfsr@1", PSNR): [21.0, 31.0, 27.0],
        }
    )
    ((dataset, metric, values),) = shared(compare([run]).scores)
    assert (dataset, metric) == ("realsr", PSNR)
    assert values.index.tolist() == ["i0", "i2"]
    assert values["mfsr@1"].tolist() == [21.0, 27.0]


def test_the_mean_is_numpys_and_does_not_depend_on_the_order_of_the_rows(make_run) -> None:
    values = np.random.default_rng(0).normal(25, 3, 100)
    run = make_run({("realsr", "bicubic", PSNR): values.tolist()})
    shuffled = RunResults(path=run.path, run=run.run, scores=run.scores[::-1])
    first, second = (estimates(compare([one])) for one in (run, shuffled))
    assert first == second
    assert first["realsr", PSNR, "bicubic"].value == pytest.approx(values.mean(), rel=1e-14)


def test_ties_share_a_rank_and_the_next_value_is_second() -> None:
    assert ranks({"a": 1.0, "b": 3.0, "c": 3.0, "d": 2.0}, higher_is_better=True) == {
        "a": 3,
        "b": 1,
        "c": 1,
        "d": 2,
    }
    assert ranks({"a": 1.0, "b": 3.0}, higher_is_better=False) == {"a": 1, "b": 2}
