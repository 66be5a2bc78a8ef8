"""The file holds what was measured, and only that is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench_results import failure, results, row

from benchmarks.api.errors import ConflictError, DataError
from benchmarks.bench.rows import FILE, Part, as_json, read, write


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    whole = results(
        row(parts={"vae": Part(seconds=0.5, macs=3, parameters=2), "other": Part()}),
        failure(batch=4),
        load_average=0.5,
    )
    write(tmp_path, whole)
    assert read(tmp_path) == read(tmp_path / FILE) == whole


@pytest.mark.parametrize("n", [1, 2, 3, 10, 20])
def test_median_and_p90_are_numpys(n: int) -> None:
    seconds = np.random.default_rng(n).random(n)
    one = row(seconds=tuple(seconds), batch=4)
    assert one.median_s == pytest.approx(np.median(seconds))
    assert one.p90_s == pytest.approx(np.quantile(seconds, 0.9))
    assert one.images_per_s == pytest.approx(4 / np.median(seconds))


def test_a_later_measurement_takes_the_place_of_an_earlier_one() -> None:
    whole = results(row("a"), row("b"), row("a", batch=4))
    whole.add(row("a", seconds=(9.0,)))
    assert [(one.method, one.batch, one.seconds) for one in whole.rows] == [
        ("b", 1, (1.0, 2.0)),
        ("a", 4, (1.0, 2.0)),
        ("a", 1, (9.0,)),
    ]
    whole.add(failure("a"))
    assert [one.key for one in whole.rows] == [("b", 1), ("a", 4)]
    whole.add(row("a"))
    assert not whole.failures


def test_a_failed_split_leaves_the_latency() -> None:
    whole = results(row("a"), failure("a", what="split"))
    assert len(whole.rows) == len(whole.failures) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 1, "rows": 3}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(
        DataError, match="bench.json: (not JSON|the document is|'conditions' is missing)"
    ):
        read(tmp_path)


def test_a_measure_of_memory_that_no_report_knows_is_refused(tmp_path: Path) -> None:
    text = json.dumps(as_json(results(row())))
    (tmp_path / FILE).write_text(text.replace("cuda-allocated", "cuda-allocaxed"))
    with pytest.raises(DataError, match="cuda-allocaxed"):
        read(tmp_path)


def test_no_file_and_a_file_of_another_version_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read(tmp_path)
    (tmp_path / FILE).write_text(json.dumps({**as_json(results(row())), "schema": 2}))
    with pytest.raises(ConflictError, match="schema 2"):
        read(tmp_path)
