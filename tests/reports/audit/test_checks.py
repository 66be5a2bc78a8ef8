"""Each check, on tables made for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tables.write import Format, write
from reports.audit.checks import audit
from reports.audit.model import Finding, Severity
from reports.audit.read import read_tables
from reports.comparison import compare
from reports.published.values import published_for
from reports.tables.build import build_report
from reports.tables.scope import Layout

HEAD = r"\begin{tabular}{lcc} Method & %s \\ %s \end{tabular}"


@pytest.fixture
def check(tmp_path: Path):
    def run(*sources: str, dataset: str = "RealSR") -> tuple[Finding, ...]:
        paths = []
        for i, source in enumerate(sources):
            path = tmp_path / f"{'abc'[i]}.tex"
            path.write_text(source, encoding="utf-8")
            paths.append(path)
        reading = read_tables(paths, dataset)
        return audit(reading.tables, notes=reading.notes)

    return run


def table(head: str, *rows: str, caption: str = "") -> str:
    body = HEAD % (head, r" \\ ".join(rows))
    return rf"\begin{{table}}\caption{{{caption}}}{body}\end{{table}}" if caption else body


def of(findings: tuple[Finding, ...], check: str) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["A & \\best{3} & 1", "B & \\second{2} & 2", "C & 1 & 3"], None),
        (["A & \\second{3} & 1", "B & \\best{2} & 2", "C & 1 & 3"], "A 3 is marked second; B 2"),
        (["A & \\best{3} & 1", "B & 2 & 2", "C & \\second{1} & 3"], "B 2 is not marked; C 1"),
        (["A & 3 & 1", "B & \\best{3} & 2", "C & \\second{1} & 3"], None),  # prints alike
        (["A & \\second{3} & 1", "B & \\best{3} & 2", "C & 1 & 3"], None),  # likewise
        (["A & \\best{3} & 1", "B & 2 & 2", "C & 1 & 3"], None),  # marks the best alone
    ],
)
def test_marks(check, rows: list[str], said: str | None) -> None:
    found = [f for f in of(check(table("PSNR & NIQE", *rows)), "marks") if "PSNR" in f.place]
    assert [f.evidence.startswith(said or "?") for f in found] == ([True] if said else [])
    assert all(finding.severity is Severity.ERROR for finding in found)


def test_a_column_that_nobody_marked_is_only_warned_of(check) -> None:
    rows = [r"A & \textbf{3} & 1", r"B & \underline{2} & 2", "C & 1 & 3"]
    (finding,) = of(check(table("PSNR & NIQE", *rows)), "marks")
    assert finding.severity is Severity.WARNING
    assert (
        finding.evidence
        == "nothing is marked here, while other columns are; A 1 is best, B 2 second"
    )


def test_noise_counts_for_the_first_three_places_alone(check) -> None:
    rows = ["A & 25.15 & 1", "B & 25.14 & 2", "C & 24.00 & 3", "D & 23.995 & 4"]
    (finding,) = of(check(table("PSNR & MUSIQ", *rows)), "noise")
    assert "A 25.15 and B 25.14 are 0.01 apart; measuring" in finding.evidence


def test_the_same_row_with_other_values(check) -> None:
    first = table("PSNR & NIQE", "ABSR-1s & 25.15 & 5.0")
    same = table("PSNR & NIQE", "ABSR (1 step) & 25.1 & 5.00")
    other = table("PSNR & NIQE", "ABSR-1s & 25.15 & 5.1", "ABSR-2s & 26 & 4.0")
    assert not of(check(first, same), "contradiction")
    (finding,) = of(check(first, other), "contradiction")
    assert finding.severity is Severity.ERROR
    assert finding.evidence == "a.tex, table 1 and b.tex, table 1 differ: NIQE 5.0 and 5.1"


def test_equal_rows_of_two_data_sets_and_of_two_methods(check) -> None:
    first = table("PSNR & SSIM & NIQE", "A & 25.15 & .71 & 5.0", "B & 25.15 & .71 & 5.0")
    (copied,) = of(check(first), "contradiction")
    assert (copied.severity, "equal those of 'A'" in copied.evidence) == (Severity.NOTE, True)
    second = table("PSNR & SSIM & NIQE", "C & 25.15 & .71 & 5.0", caption="On DRealSR, 93 images.")
    errors = [f for f in of(check(first, second), "contradiction") if f.severity == "error"]
    # Nothing says which of the two names is wrong, so both places are said.
    assert {f.place.partition(" (")[0] for f in errors} == {
        "a.tex, table 1, RealSR, A",
        "b.tex, table 1, DRealSR, C",
    }
    assert all(f.remedy.startswith("Find out which of") for f in errors)


@pytest.mark.parametrize(
    ("value", "said"),
    [("73.41", "looks like a percentage"), ("-1.2", "is outside [-1, 1]"), ("0.99", None)],
)
def test_impossible_values(check, value: str, said: str | None) -> None:
    found = of(check(table("PSNR & SSIM", f"A & 25.15 & {value}")), "impossible")
    assert [said in finding.evidence for finding in found if said] == ([True] if said else [])
    assert len(found) == bool(said)


def test_metrics_that_need_references_on_a_set_without_them(check) -> None:
    (finding,) = of(check(table("PSNR & NIQE", "A & 1 & 2"), dataset="RealLQ250"), "impossible")
    assert finding.evidence == "PSNR need references, and RealLQ250 has none"


@pytest.mark.parametrize(
    ("caption", "named"),
    [("FID over 100 crops.", False), ("RealSR, n=100", False), ("Comparison.", True)],
)
def test_fid_without_n(check, caption: str, named: bool) -> None:
    found = of(check(table("PSNR & FID", "A & 1 & 2", caption=caption)), "impossible")
    assert [finding.evidence[:11] for finding in found] == ["FID without"] * named


def test_arrows_the_wrong_way(check) -> None:
    (finding,) = of(check(table(r"PSNR$\uparrow$ & NIQE$\uparrow$", "A & 1 & 2")), "impossible")
    assert finding.evidence == "the arrow says ↑, and better values are ↓"


@pytest.mark.parametrize(
    ("cells", "check_", "said"),
    [
        ("23.83 & .7341", "convention", "could be the gap of psnr@yiq or psnr@yiq-crop4 to psnr@y"),
        ("25.15 & .7073", "convention", "could be the gap of ssim@yiq or"),
        ("23.59 & .7341", "convention", "psnr@rgb to psnr@y601, in this metric alone"),
        ("24.63 & .7341", "published", "PSNR 24.63, published as 25.148"),
    ],
)
def test_known_methods_with_values_of_another_convention(check, cells, check_, said) -> None:
    findings = check(table("PSNR & SSIM", f"OSEDiff-1s & {cells}"))
    (finding,) = of(findings, check_)
    assert said in finding.evidence
    assert not of(check(table("PSNR & SSIM", "OSEDiff & 25.16 & .7340")), "published")


@pytest.mark.parametrize(
    ("cells", "variant", "severity"),
    [
        ("23.83 & .7073", "yiq", Severity.ERROR),  # the luma range: exactly known
        ("23.59 & .6923", "rgb", Severity.WARNING),
    ],
)
def test_a_convention_that_explains_two_metrics_of_a_row_is_the_reason(
    check, cells: str, variant: str, severity: Severity
) -> None:
    psnr, ssim = of(check(table("PSNR & SSIM", f"OSEDiff-1s & {cells}")), "convention")
    assert psnr.severity is severity
    assert f"the gap of psnr@{variant}" in psnr.evidence and "as in another" in psnr.evidence
    assert f"ssim@{variant}" in ssim.evidence and "could be" not in ssim.evidence


def test_a_value_that_equals_any_source_is_not_doubted(check, monkeypatch) -> None:
    from dataclasses import replace

    from reports.audit import impossible
    from reports.published.values import published_rows

    known = published_rows()
    row = next(one for one in known if (one.dataset, one.title) == ("realsr", "OSEDiff-1s"))
    other = replace(row, citation="another paper", texts={"psnr@y601": "24.63"})
    doubted = table("PSNR & SSIM", "OSEDiff-1s & 24.63 & .7341")
    assert of(check(doubted), "published")
    monkeypatch.setattr(impossible, "published_rows", lambda: (*known, other))
    assert not of(check(doubted), "published")
    assert of(check(doubted.replace("24.63", "24.80")), "published")[0].evidence.startswith(
        "PSNR 24.80, published as 24.63 (another paper)"  # the nearest
    )


def test_maniqa_of_the_wrong_weights(check) -> None:
    (finding,) = of(check(table("PSNR & MANIQA", "OSEDiff & 25.15 & .5186")), "convention")
    assert "maniqa@koniq to maniqa@pipal" in finding.evidence


def test_a_name_of_two_sets_is_told_apart_by_a_known_row(check) -> None:
    findings = check(table("PSNR & FID", "OSEDiff & 23.72 & 26.32"), dataset="DIV2K-Val")
    (finding,) = of(findings, "names")
    assert finding.evidence.endswith("by OSEDiff's FID 26.32 it is div2k-val-3k")
    assert not of(findings, "published")


def test_mixed_decimals(check) -> None:
    rows = [f"M{i} & 25.1{i} & 5" for i in range(4)]
    (finding,) = of(check(table("PSNR & NIQE", *rows, "X & 25.2 & 5")), "printed")
    assert finding.evidence == "RealSR X 25.2; the other 4 have 2 decimals"


@pytest.mark.parametrize("form", [Format.LATEX, Format.MARKDOWN, Format.CSV])
def test_our_own_tables_have_nothing_to_object_to(make_run, form: Format, tmp_path: Path) -> None:
    values = {
        ("realsr", method, metric): [base + shift] * 3
        for shift, method in enumerate(("bicubic", "a@1", "b@1"))
        for metric, base in (("psnr@y601", 20.0), ("lpips@alex", 0.1), ("niqe@pyiqa", 3.0))
    }
    sets = {("realsr", f"{m}", "fid@clean"): (3, 90.0 + i) for i, m in enumerate(("a@1",))}
    report = build_report(compare([make_run(values, sets)]))
    path = tmp_path / {"latex": "t.tex", "md": "t.md", "csv": "t.csv"}[form]
    write(report, form, path)
    (read,) = read_tables([path]).tables
    assert {entry.row for entry in read.entries} == {"Bicubic", "a-1s", "b-1s"}
    assert len(read.entries) == 10
    assert [f for f in audit([read]) if f.check not in ("impossible", "names", "printed")] == []


@pytest.mark.parametrize("form", [Format.LATEX, Format.MARKDOWN, Format.CSV])
@pytest.mark.parametrize("layout", [{}, {"rank_published": True}, {"delta": True}])
def test_our_tables_with_published_rows_have_nothing_to_object_to(
    make_run, form: Format, layout: dict[str, bool], tmp_path: Path
) -> None:
    shifts = {"bicubic": 0.3, "osediff@1": 0.123, "tsdsr@1": 0.1, "mfsr@1": 0.05}
    metrics = {"psnr@y601": 23.0, "lpips@alex": 0.3, "niqe@pyiqa": 5.0}
    values = {
        ("realsr", method, metric): [base + shift] * 100
        for method, shift in shifts.items()
        for metric, base in metrics.items()
    }
    sets = {("realsr", m, "fid@clean"): (100, 130.0 + 9 * s) for m, s in shifts.items()}
    datasets = {"realsr": {"title": "RealSR", "n": 100, "has_reference": True}}
    comparison = compare([make_run(values, sets, datasets=datasets)])
    report = build_report(comparison, Layout(published=True, **layout))
    known = published_for("realsr", 100).rows
    path = tmp_path / {"latex": "t.tex", "md": "t.md", "csv": "t.csv"}[form]
    write(report, form, path)
    tables = read_tables([path]).tables
    assert len(tables) == 1  # differences are no scores
    printed = sum(len(row.texts.keys() & {*metrics, "fid@clean"}) for row in known)
    assert sum(entry.quoted for entry in tables[0].entries) == printed
    assert audit(tables) == ()


def test_only_rows_that_a_table_says_it_does_not_rank_are_left_out(check) -> None:
    rows = [r"A & \best{3} & 1", r"B & \second{2} & 2", r"C$^{\dagger}$ & 9 & 3"]
    assert of(check(table("PSNR & NIQE", *rows, caption="Scores.")), "marks")
    said = "Scores. Rows with a sign are not ranked."
    assert not [
        f
        for f in of(check(table("PSNR & NIQE", *rows, caption=said)), "marks")
        if "PSNR" in f.place
    ]
