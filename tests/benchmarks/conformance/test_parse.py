"""Logs and CSV files -> values per image, or an error that names the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.api.errors import DataError
from benchmarks.conformance.columns import METRIC_OF_COLUMN
from benchmarks.conformance.logs import logs
from benchmarks.conformance.parse import PublishedScores, read_published

PSNR, NIQE, FID = "psnr@y601", "niqe@pyiqa", "fid@clean"


def read(path: Path, text: str) -> PublishedScores:
    path.write_text(text, encoding="utf-8")
    return read_published(path)


def test_a_log(tmp_path: Path, log_text: str) -> None:
    found = read(tmp_path / "x.log", log_text)
    assert found.samples == {PSNR: {"a": 25.5, "b c": 24.0}, NIQE: {"a": 5.25, "b c": 6.0}}
    assert found.sets == {FID: 123.493817}
    assert found.images == ("a", "b c")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("NIQE: 5.250000 |", "NIQE: nan |", r"line 4, niqe@pyiqa: the value is nan"),
        ("NIQE: 5.250000 |", "NIQE: five |", r"line 4, niqe@pyiqa: 'five' is not a number"),
        ("NIQE: 5.250000 |", "NIQE 5.25 |", r"line 4: 'NIQE 5.25' is not 'NAME: value'"),
        ("; NIQE: 5.250000", "", r"has no niqe@pyiqa for 1 of 2 images: a|mean of niqe"),
        ("b c.png", "a.png", r"line 5: a second psnr@y601 of 'a'"),
        ("PSNR: 25.500000", "SPEED: 25.500000", r"no metric is known as 'SPEED'"),
        (" | Runtime: 1.06 sec", " | Runt", r"line 4: not a line of scores"),
        ("PSNR: 24.7500;", "PSNR: 24.7600;", r"contradicts itself: the mean of psnr@y601"),
        ("| FID: 123.493817 |", "| FID: inf |", r"the value is inf"),
    ],
)
def test_a_damaged_log_is_refused(tmp_path: Path, log_text: str, old, new, message) -> None:
    assert old in log_text
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.log", log_text.replace(old, new, 1))


def test_a_log_that_was_cut_short_is_refused(tmp_path: Path, log_text: str) -> None:
    with pytest.raises(DataError, match="cut short"):
        read(tmp_path / "x.log", log_text.partition("=====\nPSNR")[0])
    with pytest.raises(DataError, match="no scores of images"):
        read(tmp_path / "x.log", "24-10-23 - INFO: something else\n")


def test_both_kinds_of_csv(tmp_path: Path) -> None:
    wide = read(tmp_path / "w.csv", "image,PSNR,psnr@rgb\nx/a.png,25.5,24\nb.jpg,24.0,23\n")
    assert wide.samples == {PSNR: {"a": 25.5, "b": 24.0}, "psnr@rgb": {"a": 24.0, "b": 23.0}}
    long = read(
        tmp_path / "l.csv",
        "dataset,method,image,metric,value\nrealsr,m@1,a.1,psnr@y601,25.5\n",
    )
    assert long.samples == {PSNR: {"a.1": 25.5}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first line is neither"),
        ("name,PSNR\na,1\n", "the first line is neither"),
        ("image,PSNR\n", "holds no scores"),
        ("image,PSNR\na.png,1,2\n", "row 2 has 3 cells where the header has 2"),
        ("image,PSNR\na.png,\n", "row 2, psnr@y601: '' is not a number"),
        ("image,PSNR\na.png,1\na.jpg,1\n", "row 3: a second psnr@y601 of 'a'"),
        ("image,WARMTH\na.png,1\n", "no metric is known as 'WARMTH'"),
        ('image,PSNR\n"a.png,1\n', "is not CSV"),
        (
            "dataset,method,image,metric,value\nr,m@1,a,psnr@y601,1\nr,m@2,a,psnr@y601,1\n",
            "scores of several sets: m@1 on r, m@2 on r",
        ),
        (
            "dataset,method,image,metric,value\nr,m,a,psnr@y601,1\nr,m,b,niqe@pyiqa,1\n",
            "no psnr@y601 for 1 of 2 images: b",
        ),
    ],
)
def test_a_damaged_csv_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.csv", text)


def test_what_cannot_be_read_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read"):
        read_published(tmp_path / "absent.csv")
    (tmp_path / "x.csv").write_bytes(b"image,PSNR\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="Cannot read"):
        read_published(tmp_path / "x.csv")


@pytest.mark.parametrize("name", ["realsr", "drealsr"])
def test_the_published_scores_have_the_means_that_their_log_prints(
    shared_data: Path, name: str
) -> None:
    log = logs()[f"osediff-{name}"]
    found = read_published(shared_data / f"osediff_{name}_published.csv")
    assert len(found.images) == log.n
    for column, printed in log.means.items():
        metric = METRIC_OF_COLUMN[column.casefold()]
        if metric != FID:
            values = found.samples[metric].values()
            assert sum(values) / len(values) == pytest.approx(printed, abs=5.1e-5)


def test_a_column_is_rounded_to_the_most_decimals_that_it_prints(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("image,PSNR,SSIM,NIQE\na,25.1,0.75,5\nb,24.25,7.5e-3,6\n")
    found = read_published(path)
    assert found.rounding == {"psnr@y601": 0.005, "ssim@y601": 0.00005, "niqe@pyiqa": 0.5}


def test_a_log_may_print_means_more_finely_than_rounded_scores_allow(
    tmp_path: Path, log_text: str
) -> None:
    path = tmp_path / "x.log"
    rounded = log_text.replace("PSNR: 25.500000", "PSNR: 25.5").replace("24.000000", "24.0")
    path.write_text(rounded.replace("PSNR: 24.7500", "PSNR: 24.7900"))  # of 25.54 and 24.04
    assert read_published(path).rounding["psnr@y601"] == 0.05
    path.write_text(rounded.replace("PSNR: 24.7500", "PSNR: 24.8100"))
    with pytest.raises(DataError, match="contradicts itself"):
        read_published(path)


def test_columns_are_those_of_the_arithmetic_that_made_them(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("image,LPIPS,dists@vgg16\na,0.25,0.125\n")
    tf32 = read_published(path, arithmetic="tf32")
    assert list(tf32.samples) == ["lpips@alex-tf32", "dists@vgg16"]
    both = tf32.read_as(["lpips@alex", "psnr@y601"])
    assert both.samples["lpips@alex"] == both.samples["lpips@alex-tf32"] == {"a": 0.25}
    assert both.rounding["lpips@alex"] == 0.005
    assert "psnr@y601" not in both.samples
