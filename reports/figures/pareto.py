"""Quality against latency, with the methods that no other one beats in both.

Latency is what a run took per image, or what `mfsr-bench bench` measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError
from benchmarks.api.images import show
from benchmarks.bench.rows import read
from benchmarks.results.directory import slug
from benchmarks.results.session import read_sessions
from reports.figures.looks import Look, looks
from reports.figures.model import About, Values, arrow, headline, of_means
from reports.figures.points import Axis, Plane, Planes, clouds, front_of, refuse_lonely

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric

_LOGARITHMIC_FROM = 8  # times the shortest latency


def pareto_figures(
    comparison: Comparison,
    latency: Callable[[Dataset], Latency],
    styles: Mapping[str, Look] | None = None,
) -> tuple[Planes, ...]:
    """Return the figures of a comparison, one for each data set where two methods can be placed.

    Args:
        comparison: what is compared; all its metrics become panels.
        latency: data set -> seconds per image.
        styles: looks of its methods; default: by their order.

    Raises:
        DataError: there is nothing to compare.
    """
    values = Values(comparison)
    styles = styles or looks(comparison)
    figures: list[Planes] = []
    refused: list[str] = []
    for dataset in comparison.datasets.values():
        times = latency(dataset)
        notes = [*times.notes, *_about_untimed(comparison, dataset, times)]
        drawn: list[tuple[Metric, Plane]] = []
        for metric in comparison.metrics.values():
            plane = _plane(values, dataset, metric, times, styles)
            notes += values.notes(dataset, metric)
            if len(plane.points) > 1:
                drawn.append((metric, plane))
        if drawn:
            metrics = tuple(metric for metric, _ in drawn)
            about = _about(values, dataset, metrics, times, tuple(notes))
            figures.append(Planes(about=about, planes=tuple(plane for _, plane in drawn)))
        else:
            refused += notes
    refuse_lonely(figures, refused, "a latency and a value of one metric")
    return tuple(figures)


def _plane(
    values: Values,
    dataset: Dataset,
    metric: Metric,
    times: Latency,
    styles: Mapping[str, Look],
) -> Plane:
    every = clouds(values.comparison, times.seconds, values.of(dataset, metric), styles)
    seconds = [point.x for cloud in every for point in cloud.points]
    wide = bool(seconds) and max(seconds) > _LOGARITHMIC_FROM * min(seconds) > 0
    plane = Plane(
        x=Axis(title="seconds per image ↓", higher_is_better=False, is_logarithmic=wide),
        y=Axis(title=arrow(metric), higher_is_better=metric.higher_is_better),
        clouds=every,
    )
    return replace(plane, front=front_of(plane))


def _about(
    values: Values,
    dataset: Dataset,
    metrics: tuple[Metric, ...],
    times: Latency,
    notes: tuple[str, ...],
) -> About:
    counts = [n for metric in metrics for n in values.counts(dataset, metric)]
    return About(
        name=f"pareto-{slug(dataset.id)}",
        title=headline(dataset, counts),
        caption="Quality against latency. Grey: the methods that no other one beats in both; "
        f"numbers beside points are sampling steps. {times.source} "
        f"{of_means(values.comparison, dataset, counts)}",
        notes=notes,
    )


def _about_untimed(comparison: Comparison, dataset: Dataset, times: Latency) -> tuple[str, ...]:
    lacking = [
        method.title
        for key, method in comparison.methods.items()
        if key not in times.seconds and key not in times.explained
    ]
    return (f"{dataset.title}: no times of {', '.join(lacking)}.",) if lacking else ()


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
    return tuple(dict.fromkeys(_machine(one.get("machine") or {}) for one in sessions))


def _machine(facts: Mapping[str, object]) -> str:
    gpus = facts.get("gpus")
    names = [str(gpu).partition(",")[0] for gpu in gpus] if isinstance(gpus, list) else []
    cpu = f"{facts.get('cpu', 'an unknown CPU')} ({facts.get('cores', '?')} cores)"
    return " + ".join([cpu, *dict.fromkeys(names)])
