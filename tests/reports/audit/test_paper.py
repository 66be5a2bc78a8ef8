"""The audit of the MFSR paper's own tables."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from reports.audit.checks import audit
from reports.audit.model import Finding, Severity
from reports.audit.paper import citation, paper
from reports.cli import app
from reports.published.values import published_rows


@pytest.fixture(scope="module")
def findings() -> tuple[Finding, ...]:
    return audit(paper(), citation())


def of(findings: tuple[Finding, ...], check: str) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]


def test_it_holds_every_value_of_the_five_tables() -> None:
    tables = {table.name: table for table in paper()}
    assert list(tables) == [f"Table {i}" for i in range(1, 6)]
    assert sum(len(tables[f"Table {i}"].entries) for i in (1, 2, 5)) == 448
    (row,) = [e for e in tables["Table 3"].entries if e.text == "121.78"]
    assert (row.dataset, row.method, row.name) == ("RealLQ250", "z1-z0 r=0.5", "FID")


def test_both_ablations_are_found_to_be_on_realsr(findings: tuple[Finding, ...]) -> None:
    errors = [f for f in findings if f.severity is Severity.ERROR]
    third, fourth = of(findings, "contradiction")
    for finding, number, metrics in ((third, 3, 7), (fourth, 4, 4)):
        assert finding.severity is Severity.ERROR
        assert finding.place.startswith(f"Table {number}, RealLQ250")
        assert f"equals MFSR-1s on RealSR (Table 1, Table 5) in all digits of {metrics}" in (
            finding.evidence
        )
        assert "on RealLQ250 MFSR-1s has NIQE 3.5309" in finding.evidence
        assert finding.remedy.startswith(f"Table {number} is on RealSR, not on RealLQ250")
    # That LPIPS cannot be measured on RealLQ250 at all shows it a second time.
    (impossible,) = [f for f in errors if f.check == "impossible"]
    assert impossible.place == "Table 3, RealLQ250"
    assert impossible.evidence.startswith("LPIPS, DISTS, FID need references")
    assert len(errors) == 3


def test_the_marks_that_are_known_are_wrong_and_said_to_be_unconfirmed(
    findings: tuple[Finding, ...],
) -> None:
    found = {finding.place: finding for finding in of(findings, "marks")}
    assert set(found) == {f"Table 1, DIV2K-Val, {name}" for name in ("SSIM", "LPIPS", "FID")}
    assert "SinSR-1s 0.6136 is marked; CTMSR-1s 0.6349 is best, OSEDiff-1s 0.6233 second" in (
        found["Table 1, DIV2K-Val, SSIM"].evidence
    )
    assert "S3Diff-1s 0.2545 is not marked" in found["Table 1, DIV2K-Val, LPIPS"].evidence
    assert "OSEDiff-1s 100.53 second" in found["Table 1, DIV2K-Val, FID"].evidence
    for finding in found.values():
        assert finding.severity is Severity.WARNING
        assert "confirm it in the PDF" in finding.evidence


def test_div2k_val_names_two_sets_and_this_is_the_smaller(findings: tuple[Finding, ...]) -> None:
    (finding,) = of(findings, "names")
    assert "'DIV2K-Val' names two sets" in finding.evidence
    assert finding.evidence.endswith("n = 100; by OSEDiff-1s's FID 100.53 it is div2k-val")


def test_gaps_below_the_noise_of_measuring_again(findings: tuple[Finding, ...]) -> None:
    places = {finding.place: finding.evidence for finding in of(findings, "noise")}
    assert (
        "MFSR-1s 0.6256 and S3Diff-1s 0.6252 are 0.0004 apart"
        in (places["Table 1, DIV2K-Val, MANIQA"])
    )
    assert "Table 1, RealSR, SSIM" in places
    assert "Table 1, RealSR, PSNR" not in places  # 26.23, 25.98, 25.18


def test_it_is_not_held_against_itself_but_against_other_publications(
    findings: tuple[Finding, ...],
) -> None:
    assert not of(findings, "convention")
    assert any(row.citation != citation() for row in published_rows())
    said = {finding.place: finding.evidence for finding in of(findings, "published")}
    assert all(citation() not in evidence for evidence in said.values())
    assert not any("OSEDiff" in place for place in said)  # its log, and three more
    assert "FID 130.70, published as 134.98 (ScaleResf" in said["Table 1, DRealSR, TSDSR-1s"]


def test_the_command_prints_it_in_any_form_and_exits_with_1() -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["audit", "paper", *arguments])
        assert done.exit_code == 1
        return done.stdout

    assert "Table 4 is on RealSR, not on RealLQ250" in run()
    assert run().endswith(
        "5 tables, 513 values: 3 errors, 27 warnings, 0 notes; marks judged in 3 of 66 columns\n"
    )
    assert "| error | Table 3, RealLQ250" in run("--format", "md")
    document = json.loads(run("--json"))
    assert document["tables"][0] == "Table 1"
    assert set(document["findings"][0]) == {"check", "severity", "place", "evidence", "remedy"}
