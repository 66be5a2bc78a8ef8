"""Published numbers: as printed, of the right set, of the right method."""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from pathlib import Path

import pytest

from benchmarks.api.documents import parse_rows
from benchmarks.api.errors import ConfigError
from benchmarks.conformance.published import Line
from reports.identity import Method
from reports.published.noise import NOISE_FLOOR
from reports.published.values import bibkey, counterparts, published_for, published_rows


def method(title: str, steps: int | None, **options: str) -> Method:
    return Method(key="k", title=title, card_title=title, steps=steps, options=options, facts={})


def long(name: str, keys: tuple[str, ...]) -> dict[tuple[str, ...], float]:
    """A wide table of the package, one entry per number."""
    text = files("benchmarks.conformance").joinpath("papers", name).read_text(encoding="utf-8")
    return {
        (*(row[key] for key in keys), metric): float(value)
        for row in csv.DictReader(text.splitlines())
        for metric, value in row.items()
        if metric not in keys and value
    }


@pytest.mark.parametrize(
    ("name", "other", "keys", "count"),
    [
        (
            "mfsr_tables.csv",
            "mfsr_paper_tables.csv",
            ("table", "dataset", "method", "steps"),
            448,
        ),
        (
            "mfsr_ablations.csv",
            "mfsr_paper_ablations.csv",
            ("table", "velocity", "guidance_scale", "ratio_t_ne_s"),
            65,
        ),
    ],
)
def test_the_tables_equal_a_second_transcription(
    shared_data: Path, name: str, other: str, keys: tuple[str, ...], count: int
) -> None:
    with (shared_data / other).open(encoding="utf-8") as handle:
        expected = {
            (*(row[key] for key in keys), row["metric"]): float(row["value"])
            for row in csv.DictReader(handle)
        }
    assert long(name, keys) == expected
    assert len(expected) == count


def test_the_ablations_are_on_realsr_as_the_source_says() -> None:
    tables = long("mfsr_tables.csv", ("table", "dataset", "method", "steps"))
    ablations = long("mfsr_ablations.csv", ("table", "velocity", "guidance_scale", "ratio_t_ne_s"))
    for key, value in ablations.items():
        table, velocity, scale, ratio, metric = key
        if (velocity, scale, ratio) == ("teacher-cfg-neg", "6", "0.5"):
            assert value == tables["1", "RealSR", "MFSR", "1", metric], table


def test_rows_carry_our_ids_and_titles() -> None:
    rows = {(row.citation[:4], row.dataset, row.title): row for row in published_rows()}
    assert rows["MFSR", "realsr", "TSD-SR-1s"].rounding("psnr@y601") == pytest.approx(0.005)
    tsdsr = rows["MFSR", "realsr", "TSD-SR-1s"]
    assert tsdsr.values["fid@clean"] == 114.56
    assert tsdsr.values["psnr@y601"] == 23.40
    assert "liqe@koniq" in rows["MFSR", "reallq250", "MFSR-2s"].values
    assert ("MFSR", "drealsr", "SUPIR-50s") in rows
    assert rows["set ", "drealsr", "OSEDiff-1s"].values["fid@clean"] == 135.296586


def test_a_data_set_is_matched_by_id_and_size() -> None:
    assert published_for("div2k-val", 100).rows
    assert published_for("div2k-val", 100).notes
    assert not published_for("div2k-val-3k", 100).rows
    assert {row.source for row in published_for("div2k-val-3k", 3000).rows} == {
        "flowsr",
        "tadsr",
        "scaleresfusion",
    }
    partial = published_for("realsr", 17)
    assert not partial.rows
    assert "100 images" in partial.refused


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (method("MFSR", 2), ["MFSR-2s"]),
        (method("MFSR", 4), []),
        (method("MFSR", 2, variant="q"), []),
        (method("OSEDiff", 1), ["OSEDiff-1s"] * 5),  # four papers or pages, and the log
        (method("osediff", None), ["OSEDiff-1s"] * 5),  # a folder of images
        (method("mfsr", None), []),  # of one step or of two?
        (method("mfsr-2s", None), ["MFSR-2s"]),
        (method("TSDSR", 1), ["TSD-SR-1s"] * 3),
        (method("Bicubic", None), []),
    ],
)
def test_counterparts(ours: Method, expected: list[str]) -> None:
    rows = published_for("realsr", 100).rows
    assert [row.title for row in counterparts(ours, rows)] == expected


def test_every_method_that_is_cited_is_in_the_references() -> None:
    references = (Path(__file__).parents[3] / "docs" / "references.bib").read_text("utf-8")
    keys = set(re.findall(r"^@\w+\{([^,]+),", references, re.MULTILINE))
    cited = {bibkey(row.card_title) for row in published_rows()}
    assert "" not in cited and cited <= keys
    assert bibkey("Unknown") == ""
    assert bibkey("MFSR", {"card": {"paper": {"bibkey": "own2026"}}}) == "own2026"


def test_sources_agree_where_they_print_the_same_results() -> None:
    """OSEDiff's own images were scored by several; all are within the noise of its log."""
    rows = {(row.source, row.dataset): row for row in published_rows() if row.title == "OSEDiff-1s"}
    for dataset in ("realsr", "drealsr"):
        log = rows[f"osediff-{dataset}", dataset]
        for source in ("mfsr", "flowsr", "tadsr", "scaleresfusion"):
            row = rows[source, dataset]
            for metric in row.texts:
                gap = abs(row.values[metric] - log.values[metric])
                allowed = 2 * NOISE_FLOOR[metric] + row.rounding(metric) + log.rounding(metric)
                assert gap <= allowed, (source, dataset, metric)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1,RealSR,A,1,25.x", "line 2: psnr is"),
        ("1,RealSR,A,one,25.1", "line 2: steps is"),
        ("1,RealSR,A,1", "line 2: not as many values as names"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(line: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_rows(Line, f"table,dataset,method,steps,psnr\n{line}\n", where="x.csv")
    with pytest.raises(
        ConfigError, match="x.csv, line 2: unknown key 'pnsr'. Did you mean 'psnr'?"
    ):
        parse_rows(Line, "table,dataset,method,steps,pnsr\n1,R,A,1,25.1\n", where="x.csv")
