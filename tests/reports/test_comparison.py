"""Several runs become one table only where they may."""

from __future__ import annotations

import pytest

from benchmarks.api.errors import ConflictError
from reports.aggregate import estimates
from reports.comparison import compare

PSNR = "psnr@y601"


def test_runs_of_other_methods_and_data_sets_come_together(make_run) -> None:
    first = make_run({("realsr", "bicubic", PSNR): [20.0, 21.0]}, name="first")
    second = make_run(
        {("realsr", "mfsr@1", PSNR): [22.0, 23.0], ("reallq250", "mfsr@1", "niqe@pyiqa"): [5.0]},
        name="second",
    )
    both = compare([first, second])
    assert list(both.methods) == ["bicubic", "mfsr@1"]
    assert list(both.datasets) == ["realsr", "reallq250"]
    assert [run.name for run in both.runs] == ["first", "second"]
    assert estimates(both)["realsr", PSNR, "mfsr@1"].value == 22.5


def test_a_row_that_two_runs_share_counts_once(make_run) -> None:
    values = {("realsr", "bicubic", PSNR): [20.0, 21.0]}
    sets = {("realsr", "bicubic", "fid@clean"): (2, 99.0)}
    both = compare([make_run(values, sets), make_run(values, sets, name="again")])
    assert len(both.scores) == 2
    assert len(both.set_scores) == 1


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"protocol_hash": "99" * 32}, "different protocols.*999999999999"),
        (
            {"datasets": {"realsr": {"title": "RealSR", "n": 2, "has_reference": True}}},
            "two data sets called 'realsr': number of images 3 and 2",
        ),
        (
            {
                "datasets": {
                    "realsr": {
                        "title": "RealSR",
                        "n": 3,
                        "has_reference": True,
                        "manifest_sha256": "0" * 64,
                    }
                }
            },
            "two data sets called 'realsr': manifest",
        ),
        (
            {"metrics": {PSNR: {"title": "PSNR", "higher_is_better": True, "decimals": 3}}},
            "two metrics called 'psnr@y601'; they differ in decimals",
        ),
    ],
)
def test_runs_under_other_conditions_are_refused_with_the_difference(
    make_run, changes, difference
) -> None:
    values = {("realsr", "bicubic", PSNR): [20.0]}
    with pytest.raises(ConflictError, match=difference) as caught:
        compare([make_run(values), make_run(values, name="other", **changes)])
    assert caught.value.exit_code == 6
    assert "'run' and 'other'" in str(caught.value)


def test_another_method_by_the_same_key_is_refused(make_run, make_method) -> None:
    values = {("realsr", "mfsr@1", PSNR): [20.0]}
    changed = {"mfsr@1": make_method("mfsr@1", weights={"mfsr.safetensors": "0" * 64})}
    with pytest.raises(ConflictError, match="two methods called 'mfsr@1'; they differ in weights"):
        compare([make_run(values), make_run(values, name="other", methods=changed)])


def test_other_scores_of_the_same_image_are_refused(make_run) -> None:
    key = ("realsr", "mfsr@1", PSNR)
    with pytest.raises(ConflictError, match="different scores for realsr, mfsr@1, psnr@y601, i0"):
        compare([make_run({key: [20.0]}), make_run({key: [20.5]}, name="other")])


def test_two_methods_of_one_title_show_their_keys(make_run) -> None:
    ours = make_run({("realsr", "osediff@1", PSNR): [20.0]})
    folder = make_run({("realsr", "precomputed:OSEDiff-1s", PSNR): [20.5]}, name="other")
    assert [one.title for one in compare([ours, folder]).methods.values()] == [
        "OSEDiff-1s (osediff@1)",
        "OSEDiff-1s (precomputed:OSEDiff-1s)",
    ]


def test_what_is_not_selected_no_longer_counts(make_run) -> None:
    run = make_run(
        {
            ("realsr", "bicubic", PSNR): [20.0, 30.0],
            ("realsr", "mfsr@1", PSNR): [21.0],
            ("reallq250", "bicubic", "niqe@pyiqa"): [5.0],
        }
    )
    chosen = compare([run]).select(methods=["bicubic"], datasets=["realsr"])
    assert estimates(chosen)["realsr", PSNR, "bicubic"].n == 2
    assert set(chosen.scores["dataset"]) == {"realsr"}
    assert list(chosen.metrics) == list(compare([run]).metrics)


def test_columns_are_in_the_order_of_the_protocol_however_they_joined(make_run) -> None:
    listed = {"with_reference": ["fid@clean", PSNR, "lpips@alex"], "without_reference": []}
    values = {("realsr", "bicubic", metric): [1.0] for metric in ("niqe@pyiqa", PSNR)}
    first = make_run(values, protocol=listed)
    second = make_run({("realsr", "bicubic", "lpips@alex"): [1.0]}, protocol=listed, name="second")
    order = ["fid@clean", PSNR, "lpips@alex", "niqe@pyiqa"]
    assert list(compare([first, second]).metrics) == order
    assert list(compare([second, first]).metrics) == order


def test_the_command_that_goes_on_names_all_that_joined(make_run, make_method) -> None:
    methods = {"a@1": make_method("a@1"), "precomputed:B=/x y": make_method("b")}
    run = make_run({("realsr", "bicubic", PSNR): [1.0]}, methods=methods, skipped={"x": "why"})
    assert compare([run]).finish == (
        "Finish it: mfsr-bench run --out runs/run --methods "
        "'a@1,precomputed:B=/x y,bicubic' --datasets realsr --missing skip"
    )
