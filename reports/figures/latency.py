"""Seconds per image of each method, as a run measured them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError
from benchmarks.api.images import show
from benchmarks.bench.rows import read
from benchmarks.results.session import read_sessions

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.identity import Dataset

_GIVEN = "precomputed:"  # keys of methods whose results were read from a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Times on one data set."""

    seconds: Mapping[str, float]  # method -> seconds per image
    source: str  # what these are, as the sentence of a caption
    notes: tuple[str, ...] = ()
    explained: frozenset[str] = frozenset()  # methods of which a note says why they are not timed


def latency_of_runs(
    comparison: Comparison, results: Sequence[RunResults], dataset: Dataset
) -> Latency:
    """Return the median wall time per image of every method that computed its results itself.

    The median is over all images that a method restored: the first, which often takes longer,
    weighs no more than another.

    Args:
        comparison: what is compared.
        results: its runs.
        dataset: on which data set.
    """
    seconds: dict[str, list[float]] = {}
    for one in results:
        for row in one.timings:
            if row.dataset == dataset.id and row.method in comparison.methods:
                seconds.setdefault(row.method, []).append(row.seconds)
    given = {key: one.title for key, one in comparison.methods.items() if key.startswith(_GIVEN)}
    machines = _machines(results)
    notes = []
    if given:
        notes.append(
            f"{dataset.title}: {', '.join(given.values())}: results were given, not timed."
        )
    if len(machines) > 1:
        notes.append(f"Times come from different machines: {'; '.join(machines)}.")
    return Latency(
        seconds={key: median(every) for key, every in seconds.items() if key not in given},
        source="Latency: median wall time per image, as the run measured it"
        + (f", on {' and '.join(machines)}." if machines else "."),
        notes=tuple(notes),
        explained=frozenset(given),
    )


def latency_of_bench(path: Path) -> Latency:
    """Return the median latency of every method in a `bench.json`, at batch 1.

    Raises:
        DataError: it is no such file, or holds nothing at batch 1.
        ConflictError: another version of the program wrote it.
    """
    found = read(path)
    seconds = {row.method: row.median_s for row in found.rows if row.batch == 1}
    if not seconds:
        raise DataError(
            f"{show(path)} has no measurement at batch 1.", "Measure: mfsr-bench bench --batch 1"
        )
    facts = found.conditions
    size = f"{facts.lr_width}×{facts.lr_height}"
    return Latency(
        seconds=seconds,
        source=f"Latency: median of {facts.repeats} runs at batch 1 after {facts.warm_up} to warm "
        f"up, LR {size}, on {facts.device_name}.",
    )


def _machines(results: Iterable[RunResults]) -> tuple[str, ...]:
    sessions = (session for one in results for session in read_sessions(one.path))
    return tuple(dict.fromkeys(_machine(one.get("machine", {})) for one in sessions))


def _machine(facts: Mapping[str, object]) -> str:
    gpus = facts.get("gpus")
    names = [str(gpu).partition(",")[0] for gpu in gpus] if isinstance(gpus, list) else []
    cpu = f"{facts.get('cpu', 'an unknown CPU')} ({facts.get('cores', '?')} cores)"
    return " + ".join([cpu, *dict.fromkeys(names)])
