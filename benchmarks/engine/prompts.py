"""Prompts: one text per LR image for the methods that ask for one.

They are artifacts: extracted once per image and kind, whatever the number of methods, kept with the
run and in the user's cache; or given by the user as files; or left empty on purpose.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, MFSRBenchError, WeightsError
from benchmarks.api.images import read_rgb, show, to_tensor
from benchmarks.api.text import first_line
from benchmarks.engine import pool
from benchmarks.engine.events import Advanced, Event, ItemFailed, StageBegan
from benchmarks.engine.restore import failure
from benchmarks.results.rows import PromptRow

if TYPE_CHECKING:
    from benchmarks.api.prompts import PromptExtractor
    from benchmarks.api.restorer import LRFile
    from benchmarks.engine.batches import Shard
    from benchmarks.plan import PromptSource, Scoring
    from benchmarks.results.cache import ScoreCache
    from benchmarks.results.store import RunStore


_Found = tuple[str, float] | MFSRBenchError  # a prompt and its seconds, or why there is none


@dataclass(frozen=True, slots=True)
class _Task:
    dataset: str
    image: LRFile
    lr_sha256: str


class _Extracting:
    """Extracts prompts in a worker; no task: it loads the extractor."""

    def __init__(self, source: PromptSource) -> None:
        self._source = source
        self._extractor: PromptExtractor | None = None
        self._error: MFSRBenchError | None = None  # why it did not load

    def close(self) -> None:
        """Let go of the extractor."""
        if self._extractor:
            self._extractor.close()

    def __call__(self, task: _Task | None) -> _Found | None:
        """Return the prompt of one LR image, or why there is none.

        Raises:
            WeightsError: a weight file cannot be read, whatever the image.
        """
        try:
            if self._error:
                return self._error
            if self._extractor is None:
                assert self._source.extractor and self._source.runtime
                self._extractor = self._source.extractor.load(self._source.runtime)
            return self._extract(self._extractor, task.image.path) if task else None
        except WeightsError:
            raise
        except Exception as error:
            found = (
                error
                if isinstance(error, MFSRBenchError)
                else MFSRBenchError(f"{type(error).__name__}: {first_line(error)}")
            )
            self._error = None if self._extractor else found
            return found

    def _extract(self, extractor: PromptExtractor, path: Path) -> tuple[str, float]:
        lr = to_tensor(read_rgb(path))
        start = time.perf_counter()
        (prompt,) = extractor.extract([lr])
        # Lone surrogates, which no file can hold, are escaped.
        prompt = prompt.encode(errors="backslashreplace").decode()
        return prompt, time.perf_counter() - start


def add_prompts(
    shards: Sequence[Shard],
    sources: Iterable[PromptSource],
    store: RunStore,
    cache: ScoreCache,
    scoring: Scoring,
) -> Generator[Event, None, list[Shard]]:
    """Yield what happens, and return the shards, their images with prompts.

    Images for which there is no prompt fail for the methods that need one, and leave their shards.
    """
    for source in sources:
        wanted = [shard for shard in shards if shard.method.card.prompt == source.kind]
        tasks = list(_missing(source, wanted, store, cache))
        if tasks:
            yield StageBegan(f"prompts {source.kind}", len(tasks), 0)
            for task, found in _found(source, tasks, scoring):
                if isinstance(found, MFSRBenchError):
                    yield from _fail(task, found, wanted, store)
                    continue
                store.write([_row(source, task, *found)])
                if source.extractor:
                    cache.add_prompt(task.lr_sha256, source.kind, source.version, *found)
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


def _found(
    source: PromptSource, tasks: Sequence[_Task], scoring: Scoring
) -> Iterator[tuple[_Task, _Found]]:
    if source.extractor is None:
        for task in tasks:
            yield task, (given(source.folder, task.dataset, task.image.id), 0.0)
        return
    # Loading is a task of its own: where it kills the process, no image is tried.
    left = iter(tasks)
    devices = scoring.devices if scoring.cluster else scoring.devices[:1]
    workers: list[pool.Worker[_Task | None]] = [
        (partial(_Extracting, source), chain([None], left)) for _ in devices
    ]
    job = pool.Job(
        name=source.kind, reads=_reads, gpus=float(devices[0].startswith("cuda")), whole=True
    )
    inline = scoring.workers == 0
    for image, answer in pool.run(workers, inline=inline, cluster=scoring.cluster, job=job):
        died = MFSRBenchError(answer.cause) if isinstance(answer, pool.Died) else None
        if image:
            yield image, died or answer
        elif died:
            yield from ((task, died) for task in left)


def _reads(task: _Task | None, _fresh: bool) -> Iterator[Path]:
    if task:
        yield task.image.path


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
    images = tuple(
        replace(image, prompt=rows[image.id].prompt) for image in shard.images if image.id in rows
    )
    seconds = {image.id: rows[image.id].seconds for image in images}
    return replace(shard, images=images, prompt_seconds=seconds)
