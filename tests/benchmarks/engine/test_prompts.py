"""The stage that says in words what LR images show: each image once, failures told to methods."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.api.errors import DataError, WeightsMissingError
from benchmarks.api.images import write_png
from benchmarks.api.prompts import PromptCard, PromptExtractor, PromptRuntime
from benchmarks.api.restorer import LRFile
from benchmarks.engine.events import Advanced, Event, ItemFailed, StageBegan
from benchmarks.engine.prompts import add_prompts
from benchmarks.engine.restore import Shard
from benchmarks.plan import PromptSource
from benchmarks.results.cache import ScoreCache
from benchmarks.results.rows import FailureRow, PromptRow
from benchmarks.results.store import RunStore

KIND = "tags:dape"
INLINE: Any = SimpleNamespace(workers=0, devices=("cpu",), cluster=None)


class Brightness(PromptExtractor):
    """Says how bright an image is; refuses black ones."""

    card = PromptCard(kind=KIND, title="Brightness")
    seen: list[float]
    loads = 0
    broken: Exception | None = None

    @classmethod
    def load(cls, runtime: PromptRuntime) -> Brightness:
        cls.loads += 1
        if cls.broken:
            raise cls.broken
        return cls(runtime)

    def _extract(self, images: Sequence[Any]) -> Sequence[str]:
        values = [float(image.mean()) for image in images]
        type(self).seen += values
        if 0.0 in values:
            raise ValueError("too dark\nto see")
        return [f"brightness {value:.1f}" for value in values]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Brightness, "seen", [], raising=False)
    monkeypatch.setattr(Brightness, "loads", 0)
    monkeypatch.setattr(Brightness, "broken", None)


@pytest.fixture
def shard(tmp_path: Path) -> Callable[[str, str], Shard]:
    """A method of a name and a kind of prompt, on three images, of which one is black."""
    files = []
    for number, (name, value) in enumerate((("bright", 255), ("black", 0), ("grey", 102))):
        path = tmp_path / "lr" / f"{name}.png"
        write_png(path, np.full((4, 4, 3), value, np.uint8))
        files.append(LRFile(id=name, path=path, seed=number))

    def make(key: str, prompt: str) -> Shard:
        method: Any = SimpleNamespace(key=key, card=SimpleNamespace(prompt=prompt))
        return Shard(method=method, dataset="d", images=tuple(files), run=tmp_path, seed=0)

    return make


def source(folder: Path | None = None) -> PromptSource:
    if folder:
        return PromptSource(kind=KIND, version="given", folder=folder)
    runtime = PromptRuntime(card=Brightness.card)
    return PromptSource(kind=KIND, version="1", extractor=Brightness, runtime=runtime)


def done(stage: Generator[Event, None, list[Shard]]) -> tuple[list[Event], list[Shard]]:
    events = []
    while True:
        try:
            events.append(next(stage))
        except StopIteration as end:
            return events, end.value


def test_every_image_is_described_once_for_all_methods_and_failures_are_theirs(shard) -> None:
    store, cache = RunStore(None), ScoreCache()
    shards = [shard("a", KIND), shard("b", KIND), shard("c", "none")]
    events, found = done(add_prompts(shards, [source()], store, cache, INLINE))
    assert Brightness.loads == 1 and sorted(Brightness.seen) == pytest.approx([0.0, 0.4, 1.0])
    assert events[0] == StageBegan(f"prompts {KIND}", 3, 0)
    assert sum(isinstance(event, Advanced) for event in events) == 2
    assert sum(isinstance(event, ItemFailed) for event in events) == 2
    for one in found[:2]:
        prompts = {image.id: image.prompt for image in one.images}
        assert prompts == {"bright": "brightness 1.0", "grey": "brightness 0.4"}
        assert one.prompt_seconds.keys() == prompts.keys()
    assert found[2] == shards[2]
    failures = list(store.rows(FailureRow))
    assert [(row.method, row.image) for row in failures] == [("a", "black"), ("b", "black")]
    assert {row.cause for row in failures} == {"no prompt: ValueError: too dark"}


def test_what_the_run_or_the_cache_knows_is_not_extracted_again(shard) -> None:
    store, cache = RunStore(None), ScoreCache()
    list(add_prompts([shard("a", KIND)], [source()], store, cache, INLINE))
    for known in (store, RunStore(None)):
        Brightness.seen.clear()
        _, (one,) = done(add_prompts([shard("a", KIND)], [source()], known, cache, INLINE))
        assert Brightness.seen == [0.0]  # what failed is tried again, and nothing else
        assert [image.id for image in one.images] == ["bright", "grey"]
        assert len(list(known.rows(PromptRow))) == 2


def test_an_extractor_that_does_not_load_is_tried_once_and_every_image_says_why(shard) -> None:
    Brightness.broken = OSError("no such network")
    store = RunStore(None)
    _, (one,) = done(add_prompts([shard("a", KIND)], [source()], store, ScoreCache(), INLINE))
    assert not one.images and Brightness.loads == 1
    causes = [row.cause for row in store.rows(FailureRow)]
    assert causes == ["no prompt: OSError: no such network"] * 3


def test_weights_that_cannot_be_read_end_the_stage(shard) -> None:
    Brightness.broken = WeightsMissingError("gone")
    with pytest.raises(WeightsMissingError, match="gone"):
        list(add_prompts([shard("a", KIND)], [source()], RunStore(None), ScoreCache(), INLINE))


def test_given_prompts_are_read_as_one_line_the_data_sets_own_first(shard, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "d").mkdir(parents=True)
    for name in ("bright", "black", "grey"):
        (folder / f"{name}.txt").write_text(f"any {name}\n")
    (folder / "d" / "grey.txt").write_text(" a grey\n  wall \n")
    asked = [shard("a", KIND)]
    _, (one,) = done(add_prompts(asked, [source(folder)], RunStore(None), ScoreCache(), INLINE))
    assert [image.prompt for image in one.images] == ["any bright", "any black", "a grey wall"]
    assert not Brightness.loads
    (folder / "black.txt").unlink()
    with pytest.raises(DataError, match="no prompt for 'black' of 'd'"):
        list(add_prompts(asked, [source(folder)], RunStore(None), ScoreCache(), INLINE))
