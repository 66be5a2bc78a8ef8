"""Prompts: one text per LR image for the methods that ask for one.

They are artifacts: extracted once per image and kind, whatever the number of methods, kept with the
run and in the user's cache; or given by the user as files; or left empty on purpose.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, MFSRBenchError
from benchmarks.api.images import first_line, read_rgb, show, to_tensor
from benchmarks.engine import pool
from benchmarks.engine.events import Advanced, Event, ItemFailed, StageBegan
from benchmarks.engine.restore import failure
from benchmarks.results.rows import PromptRow

if TYPE_CHECKING:
    from benchmarks.api.prompts import PromptExtractor, PromptRuntime
    from benchmarks.api.restorer import LRFile
    from benchmarks.engine.restore import Shard
    from benchmarks.results.cache import ScoreCache
    from benchmarks.results.store import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSource:
    """Where the prompts of one kind come from."""

    kind: str  # "tags:dape"
    version: str  # what identifies the source: extractor and weights, "none", or a hash of files
    folder: Path | None = (
        None  # given prompts: <folder>/<data set>/<image>.txt or <folder>/<image>.txt
    )
    extractor: type[PromptExtractor] | None = None
    runtime: PromptRuntime | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    dataset: str
    image: LRFile
    lr_sha256: str


class _Handler:
    """Extracts prompts in a worker."""

    def __init__(self, source: PromptSource) -> None:
        self._source = source
        self._extractor: PromptExtractor | None = None

    def close(self) -> None:
        """Let go of the extractor."""
        if self._extractor:
            self._extractor.close()

    def __call__(self, task: _Task) -> Iterator[tuple[str, float] | MFSRBenchError]:
        """Yield the prompt and the seconds that it took, or why there is none."""
        try:
            if self._extractor is None:
                assert self._source.extractor and self._source.runtime
                self._extractor = self._source.extractor.load(self._source.runtime)
            lr = to_tensor(read_rgb(task.image.path))
            start = time.perf_counter()
            (prompt,) = self._extractor.extract([lr])
            yield prompt, time.perf_counter() - start
        except MFSRBenchError as error:
            yield error
        except Exception as error:
            yield MFSRBenchError(f"{type(error).__name__}: {first_line(error)}")


def add_prompts(
    shards: Sequence[Shard],
    sources: Iterable[PromptSource],
    store: RunStore,
    cache: ScoreCache,
    *,
    inline: bool = False,
) -> Generator[Event, None, list[Shard]]:
    """Yield what happens, and return the shards with their prompts.

    Images for which there is no prompt fail for the methods that need one, and leave their shards.
    """
    for source in sources:
        wanted = [shard for shard in shards if shard.method.card.prompt == source.kind]
        tasks = list(_missing(source, wanted, store, cache))
        if tasks:
            yield StageBegan(f"prompts {source.kind}", len(tasks), 0)
            for task, outcome in _outcomes(source, tasks, inline):
                if isinstance(outcome, MFSRBenchError):
                    yield from _fail(task, outcome, wanted, store)
                    continue
                store.write([_row(source, task, *outcome)])
                if source.extractor:
                    cache.add_prompt(task.lr_sha256, source.kind, source.version, *outcome)
                yield Advanced(f"{source.kind} {task.dataset}/{task.image.id}")
    return [_with_prompts(shard, store) for shard in shards]


def _missing(
    source: PromptSource, shards: Sequence[Shard], store: RunStore, cache: ScoreCache
) -> Iterator[_Task]:
    """Yield what neither the run nor the cache knows."""
    seen = set()
    for shard in shards:
        known = set(_prompts(shard, store))
        for image in shard.images:
            key = (shard.dataset, image.id)
            if image.id in known or key in seen:
                continue
            seen.add(key)
            task = _Task(shard.dataset, image, cache.sha256(image.path))
            found = cache.prompt(task.lr_sha256, source.kind, source.version)
            if found:
                store.write([_row(source, task, *found)])
            else:
                yield task


def _fail(
    task: _Task, error: MFSRBenchError, shards: Sequence[Shard], store: RunStore
) -> Iterator[Event]:
    """Record that every method that needs the prompt fails on its image."""
    for shard in shards:
        if shard.dataset == task.dataset and task.image in shard.images:
            row = failure(shard, task.image.id, type(error).__name__, f"no prompt: {error.cause}")
            store.write([row])
            yield ItemFailed(row)


def _outcomes(
    source: PromptSource, tasks: Sequence[_Task], inline: bool
) -> Iterator[tuple[_Task, tuple[str, float] | MFSRBenchError]]:
    if source.extractor is None:
        for task in tasks:
            yield task, (given(source.folder, task.dataset, task.image.id), 0.0)
        return
    for event in pool.run(tasks, [partial(_Handler, source)], inline=inline):
        if isinstance(event, pool.Message):
            yield event.task, event.payload
        elif isinstance(event, pool.Died):
            yield event.task, MFSRBenchError(event.cause)


def given(folder: Path | None, dataset: str, image: str) -> str:
    """Return the user's prompt for an image, as one line; empty where there is no folder.

    Raises:
        DataError: there is no file for it, or it is not UTF-8 text.
    """
    if folder is None:
        return ""
    for path in (folder / dataset / f"{image}.txt", folder / f"{image}.txt"):
        if path.is_file():
            try:
                return " ".join(path.read_text(encoding="utf-8").split())
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"Cannot read {show(path)}: {error}.") from None
    raise DataError(
        f"There is no prompt for '{image}' of '{dataset}' in {show(folder)}.",
        f"Write it to {show(folder / dataset / image)}.txt, or leave --prompts out.",
    )


def _prompts(shard: Shard, store: RunStore) -> dict[str, PromptRow]:
    rows = store.rows(PromptRow, dataset=shard.dataset, kind=shard.method.card.prompt)
    return {row.image: row for row in rows}


def _row(source: PromptSource, task: _Task, prompt: str, seconds: float) -> PromptRow:
    return PromptRow(
        dataset=task.dataset,
        kind=source.kind,
        image=task.image.id,
        lr_sha256=task.lr_sha256,
        source=source.version,
        prompt=prompt,
        seconds=seconds,
    )


def _with_prompts(shard: Shard, store: RunStore) -> Shard:
    if shard.method.card.prompt in ("none", "fixed"):
        return shard
    rows = _prompts(shard, store)
    images = tuple(image for image in shard.images if image.id in rows)
    return replace(
        shard,
        images=images,
        prompts={image.id: rows[image.id].prompt for image in images},
        prompt_seconds={image.id: rows[image.id].seconds for image in images},
    )
