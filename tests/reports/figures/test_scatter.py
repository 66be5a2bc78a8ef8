"""Perception against distortion, and quality against latency."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.api.errors import DataError, UsageError
from benchmarks.bench.rows import BenchResults, BenchRow, Conditions, write
from benchmarks.results.rows import TimingRow
from reports.comparison import compare
from reports.figures.looks import look
from reports.figures.pareto import Latency, latency_of_bench, latency_of_runs, pareto_figures
from reports.figures.points import Axis, Cloud, Plane, Point, front_of, scatter_figures

PSNR, LPIPS, NIQE = "psnr@y601", "lpips@alex", "niqe@pyiqa"
VALUES = {
    ("realsr", "mfsr@1", PSNR): [24.0, 26.0, 25.0],
    ("realsr", "mfsr@1", NIQE): [4.0, 5.0, 5.1],
    ("realsr", "mfsr@2", PSNR): [25.0, 26.5, 25.5],
    ("realsr", "mfsr@2", NIQE): [4.2, 5.2, 5.3],
    ("realsr", "bicubic", PSNR): [27.0, 28.0, 29.0],
    ("realsr", "bicubic", NIQE): [7.0, 8.0, 9.0],
}


def test_points_are_the_means_and_families_are_joined(make_run) -> None:
    run = make_run(VALUES)
    (one,) = scatter_figures(compare([run]))
    rows = pd.DataFrame([(s.method, s.metric, s.value) for s in run.scores])
    means = rows.groupby([0, 1])[2].mean()
    (plane,) = one.planes
    assert [cloud.title for cloud in plane.clouds] == ["MFSR", "Bicubic"]
    for method, point in zip(("mfsr@1", "mfsr@2", "bicubic"), plane.points, strict=True):
        assert (point.x, point.y) == pytest.approx((means[method, PSNR], means[method, NIQE]))
    assert [point.steps for point in plane.points] == [1, 2, None]
    assert (plane.x.title, plane.y.title) == ("PSNR ↑", "NIQE ↓")
    assert one.about.name == "scatter-realsr-psnr-niqe"


def test_any_two_metrics_and_no_other_number(make_run) -> None:
    comparison = compare([make_run(VALUES)])
    (one,) = scatter_figures(comparison, (NIQE, PSNR))
    assert one.planes[0].x.title == "NIQE ↓"
    with pytest.raises(UsageError, match="two metrics, not 1"):
        scatter_figures(comparison, (NIQE,))


def test_nothing_to_compare_is_an_error(make_run) -> None:
    only = {key: value for key, value in VALUES.items() if key[1] == "mfsr@1"}
    with pytest.raises(DataError, match="No data set has two methods with PSNR and NIQE"):
        scatter_figures(compare([make_run(only)]))
    psnr = {key: value for key, value in VALUES.items() if key[2] == PSNR}
    with pytest.raises(DataError, match="these runs have values of PSNR"):
        scatter_figures(compare([make_run(psnr)]))
    blind = {("reallq250", *key[1:]): value for key, value in VALUES.items() if key[2] == NIQE}
    with pytest.raises(DataError, match="RealLQ250, PSNR: the data set has no HR images"):
        scatter_figures(compare([make_run(blind)]), (PSNR, NIQE))


def test_a_skipped_metric_says_why(make_run) -> None:
    run = make_run(VALUES, skipped={LPIPS: "weights missing"})
    with pytest.raises(DataError, match="LPIPS: not computed: weights missing"):
        scatter_figures(compare([run]), (PSNR, LPIPS))


def plane(*places: tuple[float, float], higher: bool = True) -> Plane:
    points = tuple(Point(title="", steps=None, x=x, y=y) for x, y in places)
    return Plane(
        x=Axis(title="s", higher_is_better=False),
        y=Axis(title="q", higher_is_better=higher),
        clouds=(Cloud(title="", look=look(0), points=points),),
    )


@pytest.mark.parametrize("higher", [True, False])
def test_the_front_is_what_nothing_beats(higher: bool) -> None:
    places = [(x, (x * 7 + 3) % 11) for x in range(11)]
    sign = 1 if higher else -1
    wanted = [
        (x, y)
        for x, y in places
        if not any(a <= x and sign * b >= sign * y and (a, b) != (x, y) for a, b in places)
    ]
    assert [(p.x, p.y) for p in front_of(plane(*places, higher=higher))] == wanted
    assert 1 < len(wanted) < len(places)


def test_equal_points_are_on_the_front_together() -> None:
    assert len(front_of(plane((1, 5), (1, 5), (2, 5)))) == 2


def timed(run, seconds: dict[str, list[float]]):
    rows = [
        TimingRow(dataset="realsr", method=method, image=f"i{i}", seconds=value)
        for method, every in seconds.items()
        for i, value in enumerate(every)
    ]
    return replace(run, timings=tuple(rows))


BENCH = BenchResults(
    conditions=Conditions(
        lr_width=128, lr_height=96, device="cuda:0", device_name="A GPU", warm_up=2, repeats=3,
        offload=False, machine={}, tool={}, packages={},
    ),
    began="2026-11-21T00:00:00Z",
)  # fmt: skip


def bench_row(method: str, batch: int, seconds: tuple[float, ...]) -> BenchRow:
    return BenchRow(
        method=method, title=method, batch=batch, scale=4, steps=1, nfe=1, dtype="fp32",
        seconds=seconds, load_s=1.0, first_s=1.0, peak_memory_bytes=1, memory="rss",
    )  # fmt: skip


def test_latency_is_the_median_of_what_was_computed_here(make_run) -> None:
    values = {("realsr", m, PSNR): [20.0] * 3 for m in ("mfsr@1", "bicubic", "precomputed:x")}
    run = timed(
        make_run(values),
        {"mfsr@1": [9.0, 1.0, 2.0], "bicubic": [0.1, 0.2, 0.1], "precomputed:x": [0.01] * 3},
    )
    comparison = compare([run])
    found = latency_of_runs(comparison, [run], comparison.datasets["realsr"])
    assert found.seconds == {"mfsr@1": 2.0, "bicubic": 0.1}
    assert found.notes == ("RealSR: x: results were given, not timed.",)
    assert found.source == "Latency: median wall time per image, as the run measured it."


def test_latency_of_a_bench_is_its_median_at_batch_1(tmp_path: Path) -> None:
    rows = [bench_row("mfsr@1", 1, (3.0, 1.0, 2.0)), bench_row("mfsr@1", 4, (9.0,))]
    write(tmp_path, replace(BENCH, rows=rows))
    found = latency_of_bench(tmp_path)
    assert found.seconds == {"mfsr@1": 2.0}
    assert "median of 3 runs at batch 1 after 2 to warm up, LR 128×96, on A GPU" in found.source
    write(tmp_path, replace(BENCH, rows=rows[1:]))
    with pytest.raises(DataError, match="no measurement at batch 1"):
        latency_of_bench(tmp_path)


def test_latency_plots_say_who_is_not_timed(make_run) -> None:
    comparison = compare([make_run(VALUES)])
    latency = Latency(seconds={"mfsr@1": 1.0, "bicubic": 0.01}, source="Measured.")
    (one,) = pareto_figures(comparison, lambda _: latency)
    psnr, niqe = one.planes
    assert [point.title for point in psnr.front] == ["Bicubic"]
    assert [point.title for point in niqe.front] == ["Bicubic", "MFSR-1s"]
    assert psnr.x.is_logarithmic
    assert "RealSR: no times of MFSR-2s." in one.about.notes
    assert "Measured." in one.about.caption


def test_a_latency_plot_without_times_is_an_error(make_run) -> None:
    run = make_run(VALUES)
    comparison = compare([run])
    with pytest.raises(DataError, match="no times of MFSR-1s, MFSR-2s, Bicubic"):
        pareto_figures(comparison, lambda one: latency_of_runs(comparison, [run], one))


def test_looks_of_72_methods_differ() -> None:
    assert len({(look(i).colour, look(i).marker) for i in range(72)}) == 72
    for a, b in product(range(5), range(5)):
        assert (look(a).dashes == look(b).dashes) == (a == b)
