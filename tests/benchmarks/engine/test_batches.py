"""Images of one size are restored together, as many as fit, and none comes twice."""

from __future__ import annotations

from pathlib import Path

import fakes
import numpy as np
import pytest
import torch

from benchmarks.api.images import write_png
from benchmarks.api.restorer import LRBatch, LRFile, Runtime
from benchmarks.engine import fitting
from benchmarks.engine.batches import Batch, BatchSize, Feed, Shard, grouped
from benchmarks.engine.restore import Restored, restore
from benchmarks.methods import Method

SMALL, LARGE = (8, 8), (8, 12)
SIZES = (SMALL, LARGE, SMALL, SMALL, LARGE, SMALL, SMALL)


class Limited(fakes.Fake):
    """Notes its batches, and has no memory for more than three images."""

    batches: list[tuple[str, ...]] = []  # noqa: RUF012  # emptied by the fixture
    estimates = 0

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        cls.estimates += 1
        return 100 + 10 * batch

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        self.batches.append(batch.ids)
        if len(batch) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super()._restore(batch, steps)


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    Limited.batches, Limited.estimates = [], 0
    files = []
    for k, size in enumerate(SIZES):
        write_png(tmp_path / f"{k}.png", np.full((*size, 3), k, np.uint8))
        files.append(LRFile(id=str(k), path=tmp_path / f"{k}.png", seed=k))
    card = Limited.card
    method = Method(
        key=card.name, title=card.title, restorer=Limited, runtime=Runtime(card=card), steps=1
    )
    return Shard(method=method, dataset="set", images=tuple(files), run=tmp_path / "run", seed=0)


def lengths(
    shard: Shard, batch_size: BatchSize, fits: dict[tuple[str, tuple[int, int]], int]
) -> list[int]:
    """Restore a shard whole, and return the lengths of the batches that were tried."""
    Limited.batches = []
    done = list(restore([[shard]], ["cpu"], batch_size=batch_size, fits=fits, inline=True))
    assert all(isinstance(one, Restored) for one in done)
    assert sorted(one.image.image for one in done if isinstance(one, Restored)) == list("0123456")
    return [len(batch) for batch in Limited.batches]


def test_images_of_one_size_are_restored_together_wherever_they_are(shard: Shard) -> None:
    lengths(shard, 3, {})
    assert Limited.batches == [("0", "2", "3"), ("5", "6"), ("1", "4")]


def test_a_batch_that_does_not_fit_is_halved_and_the_next_one_fits(shard: Shard) -> None:
    fits: dict[tuple[str, tuple[int, int]], int] = {}
    assert lengths(shard, 4, fits) == [4, 2, 2, 1, 2]
    assert fits == {("fake", SMALL): 2}
    assert lengths(shard, 4, fits) == [2, 2, 1, 2]


@pytest.mark.parametrize(("room", "expected"), [(150, [3, 2, 2]), (30, [1] * 7)])
def test_as_many_fit_as_the_method_estimates(
    shard: Shard, monkeypatch: pytest.MonkeyPatch, room: int, expected: list[int]
) -> None:
    monkeypatch.setattr(fitting, "_room", lambda _device: room)
    fits: dict[tuple[str, tuple[int, int]], int] = {}
    assert lengths(shard, "auto", fits) == expected
    assert set(fits) == {("fake", SMALL), ("fake", LARGE)}
    asked = Limited.estimates
    assert lengths(shard, "auto", fits) == expected
    assert Limited.estimates == asked, "what is known is not estimated again"


def test_what_a_method_does_not_estimate_is_measured_at_one_image(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_room", lambda _device: 1000)
    monkeypatch.setattr(Limited, "memory_estimate", lambda *_, **__: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _device: 400)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _device: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _device: 600)
    assert lengths(shard, "auto", {}) == [1, 2, 2, 1, 1]  # 600 + 200 <= .9 * 1000


def test_on_a_cpu_one_image_is_a_batch(shard: Shard) -> None:
    assert lengths(shard, "auto", {}) == [1] * 7


def test_what_was_under_way_comes_again_alone_and_only_the_last_one_is_blamed(
    shard: Shard,
) -> None:
    images = grouped(shard, 2).images
    feed = Feed(enumerate([grouped(shard, 2)]), 2, {})

    def given() -> tuple[Batch, str]:
        batch = next(feed)
        return batch, "".join(file.id for file in images[batch.start : batch.stop])

    def load() -> None:
        batch, names = given()
        assert names == ""
        with pytest.raises(StopIteration):
            next(feed)  # nothing follows what loads, before it is known whether that went well
        feed.answered(batch, [])

    load()
    (first, names), (_, others) = given(), given()
    assert (names, others) == ("02", "35")
    feed.answered(first, ["0"])
    assert feed.died() == []  # 2, 3 or 5
    assert feed.died() == []  # the second answer of the same death
    load()
    for image in "23":
        alone, names = given()
        assert names == image
        with pytest.raises(StopIteration):
            next(feed)
        feed.answered(alone, image)
    assert given()[1] == "5"
    assert [file.id for file in feed.died()] == ["5"]
    load()
    (first, names), (last, others) = given(), given()
    assert (names, others) == ("6", "14")
    feed.answered(first, [])
    feed.answered(last, "14")
    assert given()[1] == "6"  # its worker was replaced before it was written
    feed.answered(last, "6")
    with pytest.raises(StopIteration):
        next(feed)


def test_all_that_are_left_die_of_a_method_that_dies_while_it_loads(shard: Shard) -> None:
    feed = Feed(enumerate([shard, shard]), 1, {})
    next(feed)
    assert [file.id for file in feed.died()] == list("0123456")
    assert next(feed).shard == 1


def test_nothing_follows_the_last_image_that_comes_alone(shard: Shard) -> None:
    feed = Feed(enumerate([shard]), 1, {})
    feed.answered(next(feed), [])
    assert [next(feed).start, next(feed).start] == [0, 1]
    assert feed.died() == []
    feed.answered(next(feed), [])
    for at in (0, 1):
        alone = next(feed)
        assert (alone.start, alone.whole) == (at, True)
        with pytest.raises(StopIteration):
            next(feed)
        feed.answered(alone, [str(at)])
    assert [next(feed).start for _ in range(5)] == [2, 3, 4, 5, 6]
