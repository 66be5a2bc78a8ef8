"""Restoring goes on past everything that a method can do to its process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest

from benchmarks.api.errors import ResourceError
from benchmarks.api.images import read_rgb, sha256_file, write_png
from benchmarks.api.restorer import LRFile, Restorer, Runtime
from benchmarks.api.seeds import seed_for
from benchmarks.engine import restore
from benchmarks.engine.batches import Shard
from benchmarks.engine.restore import Outcome, Restored
from benchmarks.methods import Method
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import FailureRow

NAMES = ("a", "b", "c-bad", "d", "e")


def method(kind: type[Restorer]) -> Method:
    card = kind.card
    return Method(
        key=card.name,
        title=card.title,
        restorer=kind,
        runtime=Runtime(card=card),
        steps=card.default_steps,
    )


def shard(folder: Path, kind: type[Restorer], names: tuple[str, ...] = NAMES, **changes) -> Shard:
    generator = np.random.default_rng(3)
    files = []
    for name in names:
        path = folder / "lr" / f"{name}.png"
        if not path.exists():
            size = (8, 10) if name != "d" else (9, 10)
            write_png(path, generator.integers(0, 256, (*size, 3), dtype=np.uint8))
        files.append(LRFile(id=name, path=path, seed=seed_for(0, "set", name)))
    made = Shard(
        method=method(kind),
        dataset="set",
        images=tuple(files),
        run=folder / "run",
        seed=seed_for(0, "set"),
    )
    return replace(made, **changes)


def outcomes(shards: list[Shard], *, workers: int = 0, batch_size: int = 1) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    done = restore.restore([shards], ["cpu"], batch_size=batch_size, inline=workers == 0)
    for outcome in done:
        row = outcome.image if isinstance(outcome, Restored) else outcome
        assert row.image not in found, "an image was reported twice"
        found[row.image] = outcome
    return found


def test_every_image_is_saved_as_its_row_says(tmp_path: Path) -> None:
    found = outcomes([shard(tmp_path, fakes.Fake)])
    assert set(found) == set(NAMES)
    for name, report in found.items():
        assert isinstance(report, Restored)
        path = RunDirectory(tmp_path / "run").image("fake", "set", name)
        assert sha256_file(path) == report.image.sha256
        assert read_rgb(path).shape == (report.image.height, report.image.width, 3)
        assert report.image.seed == seed_for(0, "set", name)
        assert report.timing.seconds > 0


@pytest.mark.parametrize("batch_size", [2, 3, 8])
def test_results_do_not_depend_on_batches_or_workers(tmp_path: Path, batch_size: int) -> None:
    alone = outcomes([shard(tmp_path, fakes.Fake)])
    batched = outcomes([shard(tmp_path, fakes.Fake)], workers=1, batch_size=batch_size)
    for name in NAMES:
        one, other = alone[name], batched[name]
        assert isinstance(one, Restored) and isinstance(other, Restored)
        assert one.image == other.image


@pytest.mark.parametrize("kind", [fakes.WrongSize, fakes.NotFinite])
def test_bad_outputs_are_recorded_for_each_image(tmp_path: Path, kind: type[Restorer]) -> None:
    found = outcomes([shard(tmp_path, kind)], batch_size=3)
    for report in found.values():
        assert isinstance(report, FailureRow)
        assert report.error == "OutputError"
        assert kind.card.name in report.cause
    assert set(found) == set(NAMES)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_one_hard_image_fails_alone(tmp_path: Path, batch_size: int) -> None:
    found = outcomes([shard(tmp_path, fakes.Raises)], batch_size=batch_size)
    failed = found.pop("c-bad")
    assert isinstance(failed, FailureRow)
    assert failed.cause == "this image is too hard"
    assert failed.error == "RuntimeError"
    assert all(isinstance(report, Restored) for report in found.values())


@pytest.mark.parametrize("batch_size", [1, 4])
def test_an_image_that_kills_the_worker_fails_alone(tmp_path: Path, batch_size: int) -> None:
    found = outcomes([shard(tmp_path, fakes.Kills)], workers=1, batch_size=batch_size)
    failed = found.pop("c-bad")
    assert isinstance(failed, FailureRow)
    assert failed.error == "WorkerDied"
    assert "SIGKILL" in failed.cause
    assert {name for name, report in found.items() if isinstance(report, Restored)} == set(
        NAMES
    ) - {"c-bad"}


def test_a_method_that_kills_on_load_fails_for_all_and_others_go_on(tmp_path: Path) -> None:
    bad = shard(tmp_path, fakes.KillsOnLoad, ("a", "b"))
    good = shard(tmp_path, fakes.Fake, ("d", "e"))
    found = outcomes([bad, good], workers=1)
    assert all(isinstance(found[name], FailureRow) for name in ("a", "b"))
    assert all(isinstance(found[name], Restored) for name in ("d", "e"))
    assert "exit code 3" in found["a"].cause  # type: ignore[union-attr]


def test_an_unreadable_lr_is_a_failure_of_that_image(tmp_path: Path) -> None:
    work = shard(tmp_path, fakes.Fake)
    work.images[1].path.write_bytes(work.images[1].path.read_bytes()[:40])
    found = outcomes([work], batch_size=4)
    failed = found.pop("b")
    assert isinstance(failed, FailureRow)
    assert failed.error == "ImageError"
    assert all(isinstance(report, Restored) for report in found.values())


def test_a_full_disk_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise ResourceError("No space left.", "Free space.")

    work = shard(tmp_path, fakes.Fake)
    monkeypatch.setattr(restore, "write_png", full)
    with pytest.raises(ResourceError, match="No space left"):
        outcomes([work])


def test_the_time_of_begin_is_shared_out(tmp_path: Path) -> None:
    import time

    class Prepares(fakes.Fake):
        def begin(self, dataset: str, images: object, *, seed: int) -> None:
            assert seed == seed_for(0, "set")
            time.sleep(0.2)

    found = outcomes([shard(tmp_path, Prepares, ("a", "b"))])
    assert all(isinstance(r, Restored) and r.timing.seconds >= 0.1 for r in found.values())


def test_a_method_that_begins_knows_every_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[str, str | None]] = []

    def begin(self: object, dataset: str, images: list[LRFile], *, seed: int) -> None:
        begun.extend((image.id, image.prompt) for image in images)

    monkeypatch.setattr(fakes.Fake, "begin", begin)
    made = shard(tmp_path, fakes.Fake)
    outcomes([made])
    prompted = tuple(replace(file, prompt=f"a {file.id}") for file in made.images)
    outcomes([replace(made, images=prompted)])
    names = [file.id for file in made.images]
    assert begun == [(n, None) for n in names] + [(n, f"a {n}") for n in names]
