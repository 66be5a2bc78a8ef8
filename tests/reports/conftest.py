"""Runs as reports see them, built in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, browser

from benchmarks.results.rows import FailureRow, RunResults, ScoreRow, SetScoreRow

METRICS: dict[str, dict[str, Any]] = {
    "psnr@y601": {"title": "PSNR", "higher_is_better": True, "decimals": 2},
    "lpips@alex": {"title": "LPIPS", "higher_is_better": False, "decimals": 4},
    "fid@clean": {"title": "FID", "higher_is_better": False, "decimals": 2, "level": "set"},
    "niqe@pyiqa": {
        "title": "NIQE",
        "higher_is_better": False,
        "decimals": 4,
        "needs_reference": False,
    },
}
DATASETS: dict[str, dict[str, Any]] = {
    "realsr": {"title": "RealSR", "n": 3, "has_reference": True},
    "reallq250": {"title": "RealLQ250", "n": 3, "has_reference": False},
}
TITLES = {"mfsr": "MFSR", "osediff": "OSEDiff", "bicubic": "Bicubic", "tsdsr": "TSD-SR"}

Values = dict[tuple[str, str, str], list[float]]  # (dataset, method, metric) -> per image
Sets = dict[tuple[str, str, str], tuple[int, float]]


def method(key: str, **changes: Any) -> dict[str, Any]:
    """What run.json says of a method."""
    name, _, steps = key.partition("@")
    title = TITLES.get(name, name.rpartition(":")[2])
    facts = {
        "title": title + (f"-{steps}s" if steps else ""),
        "steps": int(steps) if steps else None,
        "options": {},
        "card": {"name": name, "title": title},
        "weights": {},
        "fingerprint": "",
    }
    return facts | changes


def run_of(
    values: Values,
    sets: Sets | None = None,
    *,
    name: str = "run",
    failures: tuple[FailureRow, ...] = (),
    datasets: dict[str, dict[str, Any]] | None = None,
    methods: dict[str, dict[str, Any]] | None = None,
    metrics: dict[str, dict[str, Any]] | None = None,
    skipped: dict[str, str] | None = None,
    protocol_hash: str = "ab" * 32,
    protocol: dict[str, Any] | None = None,
) -> RunResults:
    """A run with these scores; images are i0, i1, ... and NaN stands for a missing value."""
    keys = [*values, *(sets or {})]
    named = methods or {}
    known = METRICS | (metrics or {})
    found = datasets or {one: DATASETS[one] for one, _, _ in keys}
    identity = {
        "protocol": {
            "id": "mfsr-paper-v1",
            "hash": protocol_hash,
            "rule": "8-bit PNG, no crop",
            "metrics": {
                key: {"level": "sample", "needs_reference": True, "version": "v1"} | facts
                for key, facts in known.items()
            },
            **(protocol or {}),
        },
        "methods": named | {key: method(key) for _, key, _ in keys if key not in named},
        "datasets": {
            key: {"manifest_sha256": "cd" * 32, "card": {}} | facts for key, facts in found.items()
        },
        "seed": 0,
    }
    return RunResults(
        path=Path("runs") / name,
        run={
            "schema": 1,
            "identity": identity,
            "skipped_metrics": skipped or {},
            "tool": {"version": "0.1.0", "commit": "ef" * 20, "dirty": False},
        },
        scores=tuple(
            ScoreRow(dataset=d, method=m, image=f"i{i}", metric=metric, value=value)
            for (d, m, metric), every in sorted(values.items())
            for i, value in enumerate(every)
            if value == value
        ),
        set_scores=tuple(
            SetScoreRow(dataset=d, method=m, metric=metric, n=n, value=value)
            for (d, m, metric), (n, value) in sorted((sets or {}).items())
        ),
        failures=failures,
    )


@pytest.fixture
def make_run() -> Callable[..., RunResults]:
    """The function that builds a run."""
    return run_of


@pytest.fixture
def make_method() -> Callable[..., dict[str, Any]]:
    """The function that builds what run.json says of a method."""
    return method


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One window of a real browser for all tests; skips them where there is none."""
    with browser(tmp_path_factory.mktemp("chromium")) as window:
        yield window


@pytest.fixture
def window(chromium: Browser) -> Iterator[Browser]:
    """The window, 1280 x 800 pixels, which must have nothing to complain about in the end.

    It remembers nothing of the test before: to a browser all files are of one origin.
    """
    chromium.resize(1280, 800)
    chromium.complaints()
    yield chromium
    assert chromium.complaints() == []
    chromium.run("try { localStorage.clear() } catch {}")
    chromium.driver.get("about:blank")
