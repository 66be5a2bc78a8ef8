"""The values of images as one wide table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.api.errors import ConfigError, DataError
from reports.export import export, wide


@pytest.fixture
def two(make_run, monkeypatch: pytest.MonkeyPatch):
    values = {
        ("realsr", "mfsr@2", "psnr@y601"): [20.0, 21.0, 22.0],
        ("realsr", "mfsr@2", "lpips@alex"): [0.1, float("nan"), 0.3],
        ("realsr", "bicubic", "psnr@y601"): [1 / 3, 2.0, 3.0],
    }
    runs = {name: make_run(values, name=name) for name in ("a", "b")}
    monkeypatch.setattr("benchmarks.results.read.read_run", lambda path: runs[path.name])
    return list(runs.values())


def test_a_row_is_an_image_and_a_column_a_metric(two) -> None:
    table = wide(two)
    assert list(table.columns[:5]) == ["run", "dataset", "method", "title", "image"]
    assert list(table.columns[5:]) == ["psnr@y601", "lpips@alex", "seconds"]
    assert len(table) == 2 * 2 * 3
    row = table[(table.run == "a") & (table.method == "mfsr@2") & (table.image == "i1")].iloc[0]
    assert (row["psnr@y601"], row["title"]) == (21.0, "MFSR-2s")
    assert pd.isna(row["lpips@alex"])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_hold_the_same_unrounded(two, tmp_path: Path, suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="no pyarrow here")
    out = tmp_path / f"x.{suffix}"
    export([Path("a"), Path("b")], out=out)
    table = pd.read_csv(out) if suffix == "csv" else pd.read_parquet(out)
    pd.testing.assert_frame_equal(table, wide(two), check_exact=True, check_dtype=False)


def test_what_cannot_be_written_is_refused(two, tmp_path: Path, make_run, monkeypatch) -> None:
    with pytest.raises(ConfigError, match=r"neither \.csv nor \.parquet"):
        export([Path("a")], out=tmp_path / "x.xlsx")
    empty = make_run({("realsr", "bicubic", "psnr@y601"): [float("nan")]})
    monkeypatch.setattr("benchmarks.results.read.read_run", lambda path: empty)
    with pytest.raises(DataError, match="no scores"):
        export([Path("a")], out=tmp_path / "x.csv")
