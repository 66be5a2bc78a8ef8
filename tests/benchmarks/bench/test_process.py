"""One process per measurement: what dies costs itself and nothing else."""

from __future__ import annotations

import costs
import fakes

from benchmarks.bench.process import measure
from benchmarks.bench.rows import BenchFailure, BenchRow


def test_a_row_comes_at_once_and_again_with_its_parts() -> None:
    (first, facts), (second, _) = measure([costs.case()], inline=True)
    assert isinstance(first, BenchRow)
    assert isinstance(second, BenchRow)
    assert (first.method, first.batch, first.steps, first.nfe) == ("costs", 1, 2, 4)
    assert (first.parts, first.macs, len(first.seconds)) == ({}, None, 4)
    assert list(second.parts) == ["prompt", "vae", "network", "other"]
    assert (second.macs, second.parameters) == (108 * 48, 103)
    assert second.seconds == first.seconds
    assert facts["threads"] >= 1


def test_a_dead_process_is_one_failure_and_the_next_measurement_is_made() -> None:
    cases = [costs.case(fakes.KillsOnLoad), costs.case(fakes.Fake, split=False)]
    (failed, _), (row, _) = measure(cases)
    assert isinstance(failed, BenchFailure)
    assert (failed.method, failed.what, failed.error) == ("kills-on-load", "latency", "Died")
    assert "exit code 3" in failed.cause
    assert isinstance(row, BenchRow)
    assert row.method == "fake"
    assert row.nfe == 1


def test_a_death_in_the_split_leaves_the_latency() -> None:
    (row, _), (failed, _) = measure([costs.case(costs.DiesInTheSplit)])
    assert isinstance(row, BenchRow)
    assert isinstance(failed, BenchFailure)
    assert (failed.what, failed.error) == ("split", "Died")
