"""Runs on disk, images and all, as the engine leaves them: for reports that show images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.api.images import write_png
from benchmarks.datasets.opening import open_dataset
from benchmarks.results.directory import SESSIONS, RunDirectory
from benchmarks.results.rows import FailureRow, ImageRow, ScoreRow
from benchmarks.results.store import RunStore

METRICS: dict[str, dict[str, Any]] = {
    "psnr@y601": {"title": "PSNR", "higher_is_better": True, "decimals": 2},
    "lpips@alex": {"title": "LPIPS", "higher_is_better": False, "decimals": 4},
}
SCALE = 4


def photographs(folder: Path, images: Sequence[str], *, side: int = 32) -> str:
    """Write HR images with their LR images, and return the spec of the data set."""
    generator = np.random.default_rng(7)
    for image in images:
        coarse = generator.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
        hr = coarse.repeat(8, 0).repeat(8, 1)
        write_png(folder / "hr" / f"{image}.png", hr)
        write_png(folder / "lr" / f"{image}.png", hr[::SCALE, ::SCALE])
    return f"folder:photos={folder}/lr::{folder}/hr"


def method(key: str) -> dict[str, Any]:
    """Return what run.json says of a method; its title is its key."""
    return {
        "title": key,
        "steps": None,
        "options": {},
        "dtype": "fp32",
        "faithful": False,
        "fingerprint": "",
        "weights": {},
        "card": {"name": key, "title": key},
    }


def write_run(
    path: Path,
    spec: str,
    methods: Sequence[str],
    *,
    missing: Sequence[tuple[str, str]] = (),
    metrics: Mapping[str, dict[str, Any]] = METRICS,
    seed: int = 0,
) -> Path:
    """Write a finished run: each method adds its own noise to the HR image.

    Args:
        path: the run directory.
        spec: the data set.
        methods: keys; later ones are noisier, and have worse scores.
        missing: (method, image) that failed.
        metrics: id -> what run.json says of it.
        seed: of the noise.
    """
    dataset = open_dataset(spec)
    directory = RunDirectory(path)
    generator = np.random.default_rng(seed)
    rows: list[Any] = []
    for sample in dataset.samples:
        for rank, key in enumerate(methods):
            name = {"dataset": dataset.card.id, "method": key, "image": sample.id}
            if (key, sample.id) in missing:
                failure = {"stage": "restore", "metric": "", "error": "OutputError"}
                rows.append(FailureRow(**name, **failure, cause="<b>no</b> result"))
                continue
            rows.append(_restored(directory, name, sample.hr, rank, generator))
            for metric, facts in metrics.items():
                value = 30.0 - rank if facts["higher_is_better"] else 0.1 + 0.05 * rank
                value += generator.normal(0, 0.01)
                rows.append(ScoreRow(**name, metric=metric, value=value))
    directory.begin(_identity(dataset, methods, metrics), tool=_TOOL, skipped_metrics={})
    store = RunStore(path)
    store.write(rows)
    store.close()
    line = json.dumps(_SESSION | {"datasets": {dataset.card.id: dataset.spec}})
    with (path / SESSIONS).open("a", encoding="utf-8") as sessions:
        sessions.write(f"{line}\n")
    return path


def _restored(
    directory: RunDirectory,
    name: dict[str, str],
    hr: Path | None,
    rank: int,
    generator: np.random.Generator,
) -> ImageRow:
    from benchmarks.api.images import read_rgb

    assert hr is not None
    pixels = read_rgb(hr) + generator.normal(0, 4.0 * (1 + rank), read_rgb(hr).shape)
    file = directory.image(name["method"], name["dataset"], name["image"])
    sha256 = write_png(file, pixels.clip(0, 255).astype(np.uint8))
    return ImageRow(**name, sha256=sha256, width=pixels.shape[1], height=pixels.shape[0], seed=1)


def _identity(
    dataset: Any, methods: Sequence[str], metrics: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    facts = {"level": "sample", "needs_reference": True, "version": "v1"}
    return {
        "protocol": {
            "id": "mfsr-paper-v1",
            "hash": "ab" * 32,
            "rule": "8-bit PNG, no crop",
            "metrics": {key: facts | known for key, known in metrics.items()},
        },
        "methods": {key: method(key) for key in methods},
        "datasets": {
            dataset.card.id: {
                "title": dataset.card.title,
                "n": len(dataset.samples),
                "has_reference": True,
                "manifest_sha256": dataset.manifest_sha256,
                "card": {},
            }
        },
        "seed": 0,
    }


_TOOL = {"version": "0.1.0", "commit": "ef" * 20, "dirty": False}
_SESSION = json.loads(
    """{"argv": ["run", "--out", "a b"], "started": "2026-11-21T02:56:38Z",
    "finished": "2026-11-21T02:56:54Z", "exit_code": 0,
    "tool": {"version": "0.1.0", "commit": "efef", "dirty": true},
    "packages": {"numpy": "2.4.6"}, "machine": {"cpu": "AMD EPYC", "cores": 2, "gpus": []}}"""
)
