"""A worker's threads read ahead and write behind, a few images of either."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.api.errors import ImageError, ResourceError
from benchmarks.api.images import write_png
from benchmarks.api.restorer import LRFile
from benchmarks.engine import streams
from benchmarks.engine.streams import Reader, Writer


@pytest.fixture
def files(tmp_path: Path) -> list[LRFile]:
    for k in range(9):
        write_png(tmp_path / f"{k}.png", np.full((4, 5, 3), k, np.uint8))
    return [LRFile(id=str(k), path=tmp_path / f"{k}.png", seed=k) for k in range(9)]


def test_a_few_images_are_read_before_their_batch_and_each_once(
    files: list[LRFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noted(path: Path) -> np.ndarray:
        read.append(path.stem)
        return np.full((4, 5, 3), int(path.stem), np.uint8)

    monkeypatch.setattr(streams, "read_rgb", noted)
    reader = Reader(pinned=False)
    reader.turn_to(files)
    for start in range(0, 9, 3):
        batch = reader.take(start, start + 3)
        levels = (batch[:, 0, 0, 0] * 255).round().int().tolist()
        assert levels == [start, start + 1, start + 2]
        assert len(read) <= start + 6
    assert sorted(read) == list("012345678")


def test_a_file_that_comes_with_its_batch_is_read_then(files: list[LRFile]) -> None:
    late = files[2].path.read_bytes()
    files[2].path.unlink()
    reader = Reader(pinned=False)
    reader.turn_to(files)
    reader.take(0, 1)
    time.sleep(0.05)  # time to be read too early
    with pytest.raises(ImageError):
        reader.take(2, 3)
    files[2].path.write_bytes(late)
    assert reader.take(2, 3).shape == (1, 3, 4, 5)


def test_what_is_done_comes_in_order_and_no_more_waits_than_may() -> None:
    gate = threading.Event()
    writer: Writer[int] = Writer()

    def work(k: int) -> int:
        gate.wait(10)
        return k

    for k in range(4):
        writer.put(lambda k=k: work(k))
    assert list(writer.done(whole=False)) == []
    threading.Timer(0.1, gate.set).start()
    start = time.monotonic()
    writer.wait(1)
    assert time.monotonic() - start > 0.05
    assert list(writer.done(whole=True)) == [0, 1, 2, 3]


def test_a_full_disk_is_raised_where_the_work_is_taken() -> None:
    def full() -> None:
        raise ResourceError("No space left.")

    writer: Writer[None] = Writer()
    writer.put(full)
    with pytest.raises(ResourceError, match="No space"):
        list(writer.done(whole=True))
