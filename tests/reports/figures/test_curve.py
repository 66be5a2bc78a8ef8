"""Two metrics over an option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import registry
from benchmarks.api.errors import DataError, UsageError
from benchmarks.results.rows import RunResults
from reports.comparison import compare
from reports.figures.cli import curves_of_run
from reports.figures.curve import curve_figures

PSNR, LPIPS, NIQE = "psnr@y601", "lpips@alex", "niqe@pyiqa"
T = ("1", "0.5", "0.99", "0")
OPTION = {"name": "t", "default": "0.99", "help": "", "choices": []}


@pytest.fixture
def run(make_run, make_method) -> RunResults:
    values: dict[tuple[str, str, str], list[float]] = {}
    methods: dict[str, Any] = {}
    for t in T:
        given = {} if t == "0.99" else {"t": t}
        key = "oftsr" + "".join(f"+t={t}" for t in given.values())
        title = "OFTSR-1s" + "".join(f" +t={t}" for t in given.values())
        card = {"name": "oftsr", "title": "OFTSR", "options": [OPTION]}
        methods[key] = make_method("oftsr@1", steps=1, title=title, options=given, card=card)
        values["realsr", key, PSNR] = [29.0 - 2 * float(t)] * 3
        values["realsr", key, LPIPS] = [0.27 - 0.14 * float(t)] * 3
        values["realsr", key, NIQE] = [8.0 - 4 * float(t)] * 3
    values["realsr", "bicubic", PSNR] = [28.0] * 3
    values["realsr", "bicubic", LPIPS] = [0.4] * 3
    return make_run(values, methods=methods)


def test_a_curve_goes_along_the_option_and_the_default_is_on_it(run: RunResults) -> None:
    (one,) = curve_figures(compare([run]))
    (plane,) = one.planes
    curve, single = plane.clouds
    assert (curve.title, single.title) == ("OFTSR-1s", "Bicubic")
    assert [point.label for point in curve.points] == ["0", "0.5", "0.99", "1"]
    assert [point.x for point in curve.points] == pytest.approx([29.0, 28.0, 27.02, 27.0])
    assert [point.y for point in curve.points] == pytest.approx([0.27, 0.2, 0.1314, 0.13])
    assert single.points[0].label == ""
    assert (plane.x.title, plane.y.title) == ("PSNR ↑", "LPIPS ↓")
    assert one.about.name == "curve-realsr-t-psnr-lpips"
    assert "over the option t" in one.about.caption


def test_any_two_metrics_and_no_other_number(run: RunResults) -> None:
    (one,) = curve_figures(compare([run]), "t", (PSNR, NIQE))
    assert [len(cloud.points) for cloud in one.planes[0].clouds] == [4]
    with pytest.raises(UsageError, match="two metrics, not 1"):
        curve_figures(compare([run]), "t", (PSNR,))


def test_what_makes_no_curve_is_an_error(run: RunResults, make_run) -> None:
    with pytest.raises(DataError, match="two values of option 'w': OFTSR"):
        curve_figures(compare([run]), "w")
    plain = {("realsr", one, PSNR): [20.0] * 3 for one in ("mfsr@1", "bicubic")}
    with pytest.raises(DataError, match="has an option that is not its default"):
        curve_figures(compare([make_run(plain)]))


def test_without_values_of_both_it_asks_for_metrics(make_run, make_method) -> None:
    values = {("realsr", f"a{t}", PSNR): [20.0] * 3 for t in "01"}
    methods = {f"a{t}": make_method("a", title=f"A +t={t}", options={"t": t}) for t in "01"}
    with pytest.raises(DataError, match="No curve over 't' has two points with PSNR and LPIPS"):
        curve_figures(compare([make_run(values, methods=methods)]))


def test_a_run_leaves_three_files(run: RunResults, tmp_path: Path) -> None:
    files = curves_of_run(run, tmp_path / "new")
    name = "curve-realsr-t-psnr-lpips"
    assert [file.name for file in files] == [f"{name}.{one}" for one in ("png", "pdf", "svg")]
    assert registry.load("reports", "curve", what="report", see="") is curves_of_run
