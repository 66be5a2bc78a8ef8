"""The step sweep: its numbers against pandas, and what it says instead of an empty plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import registry
from benchmarks.api.errors import DataError
from benchmarks.results.rows import RunResults
from reports.comparison import compare
from reports.figures.cli import steps_of_run
from reports.figures.drawing.steps import readable
from reports.figures.steps import Steps, steps_figures

PSNR, NIQE = "psnr@y601", "niqe@pyiqa"
SWEEP = ("mfsr@4", "mfsr@1", "mfsr@2")


@pytest.fixture
def run(make_run) -> RunResults:
    generator = np.random.default_rng(7)
    methods = (*SWEEP, "osediff@1", "bicubic")
    values = {
        ("realsr", method, metric): generator.normal(25, 3, 3).tolist()
        for method in methods
        for metric in (PSNR, NIQE)
    }
    values["realsr", "mfsr@2", PSNR][1] = float("nan")
    return make_run(values)


def figure(run: RunResults) -> Steps:
    (one,) = steps_figures(compare([run]))
    return one


def test_values_are_the_means_over_shared_images(run: RunResults) -> None:
    rows = pd.DataFrame([(s.image, s.method, s.metric, s.value) for s in run.scores])
    rows.columns = ["image", "method", "metric", "value"]
    psnr, niqe = figure(run).panels
    for panel, n in ((psnr, 2), (niqe, 3)):
        wide = rows[rows["metric"] == panel.metric.id].pivot_table(
            index="image", columns="method", values="value"
        )
        means = wide.dropna().mean()
        assert len(wide.dropna()) == n
        (line,) = panel.lines
        assert (line.title, line.steps) == ("MFSR", (1, 2, 4))
        assert line.values == pytest.approx([means[f"mfsr@{step}"] for step in (1, 2, 4)])
        assert {one.title: one.value for one in panel.levels} == pytest.approx(
            {"OSEDiff-1s": means["osediff@1"], "Bicubic": means["bicubic"]}
        )


def test_fewer_images_are_said(run: RunResults) -> None:
    about = figure(run).about
    assert about.title == "RealSR"
    assert any("RealSR, PSNR: n = 2 of 3" in note for note in about.notes)
    assert "n = 2 to 3 images of RealSR, protocol mfsr-paper-v1 (abababababab)" in about.caption


def test_a_set_metric_is_drawn_as_it_is(make_run) -> None:
    sets = {("realsr", f"mfsr@{step}", "fid@clean"): (3, 100.0 - step) for step in (1, 2)}
    (panel,) = figure(make_run({}, sets)).panels
    assert panel.lines[0].values == (99.0, 98.0)


def test_other_options_are_another_line(make_run, make_method) -> None:
    values = {}
    methods = {}
    for option in ("6", "8"):
        for step in (1, 2):
            key = f"w{option}@{step}"  # the fixture takes no options in keys
            title = f"MFSR-{step}s (w={option})"
            methods[key] = make_method("mfsr@1", steps=step, title=title, options={"w": option})
            values["realsr", key, PSNR] = [20.0 + step] * 3
    (panel,) = figure(make_run(values, methods=methods)).panels
    assert [line.title for line in panel.lines] == ["MFSR (w=6)", "MFSR (w=8)"]
    assert len({line.look for line in panel.lines}) == 2


def test_a_step_without_a_value_is_named(make_run) -> None:
    values = {("realsr", f"mfsr@{step}", PSNR): [20.0] * 3 for step in (1, 2)}
    values |= {("realsr", f"mfsr@{step}", NIQE): [5.0] * 3 for step in (1, 2, 4)}
    one = figure(make_run(values))
    assert one.panels[0].lines[0].steps == (1, 2)
    assert "RealSR, PSNR: no value of MFSR-4s." in one.about.notes


def test_one_number_of_steps_is_an_error(make_run) -> None:
    run = make_run({("realsr", one, PSNR): [20.0] * 3 for one in ("mfsr@1", "bicubic")})
    with pytest.raises(DataError, match="two numbers of steps: MFSR-1s, Bicubic"):
        steps_figures(compare([run]))


def test_no_shared_value_is_an_error(make_run) -> None:
    run = make_run({("realsr", f"mfsr@{step}", PSNR): [] for step in (1, 2)})
    with pytest.raises(DataError, match="No metric has values"):
        steps_figures(compare([run]))


def test_labels_keep_the_ends_and_leave_room() -> None:
    assert readable([1, 2, 4, 8, 20, 39, 40], logarithmic=True) == (1, 2, 4, 8, 20, 40)
    assert readable([3], logarithmic=False) == (3,)


def test_a_run_leaves_three_files(run: RunResults, tmp_path: Path) -> None:
    files = steps_of_run(run, tmp_path / "new")
    assert [file.name for file in files] == [f"steps-realsr.{one}" for one in ("png", "pdf", "svg")]
    assert [file.read_bytes()[:4] for file in files] == [b"\x89PNG", b"%PDF", b"<?xm"]


def test_it_is_a_report_of_the_harness() -> None:
    assert registry.load("reports", "steps", what="report", see="") is steps_of_run
