"""CSV and JSON for other programs."""

from __future__ import annotations

import csv
import io
import json
import math

from benchmarks.tables.data import as_json, render_csv
from reports.comparison import compare
from reports.tables.build import build_report
from reports.tables.scope import Layout

PSNR, LPIPS, FID = "psnr@y601", "lpips@alex", "fid@clean"
REALSR = {"realsr": {"title": "RealSR", "n": 100, "has_reference": True}}


def test_csv_has_unrounded_values_and_every_n_that_differs(make_run) -> None:
    run = make_run(
        {
            ("realsr", "mfsr@1", PSNR): [20.123456789] * 100,
            ("realsr", "mfsr@1", "niqe@pyiqa"): [5.0] * 100,
            ("realsr", "mfsr@1", LPIPS): [0.25] * 98,
        },
        {("realsr", "mfsr@1", FID): (99, 123.456789)},
        datasets=REALSR,
    )
    layout = Layout(published=True, sources={"mfsr", "osediff-realsr"})
    text = render_csv(build_report(compare([run]), layout))
    rows = list(csv.DictReader(io.StringIO(text)))
    ours, theirs = rows[0], rows[-1]
    assert (ours["dataset"], ours["method"], ours["n"]) == ("realsr", "mfsr@1", "100")
    assert float(ours[PSNR]) == 20.123456789
    assert (ours[f"n:{FID}"], ours[f"n:{LPIPS}"]) == ("99", "98")
    assert f"n:{PSNR}" not in ours
    assert ours["published"] == ""
    assert theirs["title"] == "OSEDiff-1s"
    assert "log" in theirs["published"]
    assert {row["protocol_hash"] for row in rows} == {"ab" * 32}


def test_json_is_json_even_of_what_is_not_finite(make_run) -> None:
    run = make_run({("realsr", "bicubic", PSNR): [math.inf, 20.0, 21.0]})
    data = json.loads(json.dumps(as_json(build_report(compare([run]))), allow_nan=False))
    (table,) = data["tables"]
    assert table["groups"][0]["rows"][0]["cells"][0]["value"] is None
    assert table["groups"][0]["n"] == 3
