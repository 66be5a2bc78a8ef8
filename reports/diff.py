"""What changed between two runs: files, means, and the images that lost most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.errors import DataError
from benchmarks.api.images import read_rgb, sha256_file, sha256_pixels
from benchmarks.results import frames
from benchmarks.results.directory import RunDirectory
from benchmarks.tables.model import Cell, Column, Document, Footnote, Group, Row, Table, cells
from benchmarks.tables.text import signed
from reports.identity import identity_of
from reports.statistics.model import ALPHA
from reports.statistics.pairs import flips_for, holm, sign_flip_test

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from benchmarks.results.rows import ImageRow, RunResults
    from reports.identity import Identity, Metric

_KEY = ["dataset", "method", "metric"]
_NAMES = (
    Column(title="data set", key="dataset"),
    Column(title="method"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One method's values of one metric on the images of a data set that both runs have."""

    dataset: str
    method: str
    metric: Metric
    images: tuple[str, ...]
    before: NDArray[np.float64]  # (images,)
    after: NDArray[np.float64]
    p: float = 1.0  # of "the means are equal", Holm over the table

    @property
    def gain(self) -> NDArray[np.float64]:
        """What each image gained: above zero is better."""
        change = self.after - self.before
        return change if self.metric.higher_is_better else -change

    @property
    def verdict(self) -> str:
        """Whether the mean moved by more than its images' own differences would move it."""
        if not self.gain.any():
            return "equal"
        if self.p >= ALPHA:
            return "not told apart"
        return "better" if self.gain.mean() > 0 else "worse"


def changes_between(runs: tuple[RunResults, RunResults], worst: int) -> tuple[Document, bool]:
    """Return the tables of what changed between two runs, and whether a mean became worse.

    Images are compared by their files' hashes, scores by a paired sign-flip test over the images
    that both runs have, with Holm's correction over the table.

    Args:
        runs: the earlier and the later one.
        worst: how many of the images that lost most are named.

    Raises:
        DataError: they share no scores.
    """
    first, second = map(identity_of, runs)
    metrics = {key: one for key, one in first.metrics.items() if key in second.metrics}
    changes = _tested(list(_changes(runs, metrics)))
    if not changes:
        raise DataError(
            "The two runs share no scores.", "Compare runs of the same methods and data sets."
        )
    tables = [_scores(changes, _footnotes(first, second)), _images(runs)]
    if worst and any((one.gain < 0).any() for one in changes):
        tables.append(_losses(changes, worst))
    return Document(tables=tuple(tables)), any(one.verdict == "worse" for one in changes)


def _changes(
    runs: tuple[RunResults, RunResults], metrics: Mapping[str, Metric]
) -> Iterator[_Change]:
    both: pd.DataFrame = frames.scores(runs[0]).merge(
        frames.scores(runs[1]), on=[*_KEY, "image"], suffixes=("_before", "_after")
    )
    for (dataset, method, metric), rows in both.groupby(_KEY, sort=False):
        if metric in metrics:
            yield _Change(
                dataset=str(dataset),
                method=str(method),
                metric=metrics[str(metric)],
                images=tuple(map(str, rows["image"])),
                before=rows["value_before"].to_numpy(np.float64),
                after=rows["value_after"].to_numpy(np.float64),
            )


def _tested(changes: list[_Change]) -> list[_Change]:
    """Return the changes with their p; only what moved is tested."""
    moved = [one for one in changes if one.gain.any()]
    flips = flips_for(len(moved))
    raw = [sign_flip_test(one.gain[:, None], seed=0, n_flips=flips)[0] for one in moved]
    corrected = dict(zip(map(id, moved), holm(np.array(raw)), strict=True)) if moved else {}
    return [replace(one, p=float(corrected.get(id(one), 1.0))) for one in changes]


def _scores(changes: list[_Change], footnotes: tuple[Footnote, ...]) -> Table:
    numbers = (
        ("n", "n"),
        ("A", "before"),
        ("B", "after"),
        ("B - A", "difference"),
        ("better", "better"),
        ("worse", "worse"),
        ("p", "p"),
    )
    columns = (
        *_NAMES,
        Column(title="metric"),
        *(Column(title=title, key=key, numeric=True) for title, key in numbers),
        Column(title="verdict"),
    )
    rows = tuple(map(_score_row, changes))
    caption = "Means over the images that both runs have."
    return Table(
        columns=columns,
        groups=(Group(rows=rows),),
        caption=caption,
        label="diff",
        stub=3,
        footnotes=footnotes,
    )


def _score_row(one: _Change) -> Row:
    decimals, delta = one.metric.decimals, float((one.after - one.before).mean())
    tone = {"better": "good", "worse": "bad"}
    means = (
        Cell(text=f"{value:.{decimals}f}", value=value)
        for value in (float(one.before.mean()), float(one.after.mean()))
    )
    return Row(
        cells=(
            *cells(one.dataset, one.method),
            Cell(text=one.metric.title, value=one.metric.id),
            *cells(len(one.images)),
            *means,
            Cell(text=signed(delta, decimals), value=delta),
            *cells(int((one.gain > 0).sum()), int((one.gain < 0).sum())),
            Cell(text=f"{one.p:.3f}", value=one.p),
            Cell(text=one.verdict, mark=tone.get(one.verdict, "quiet")),  # type: ignore[arg-type]
        )
    )


def _images(runs: tuple[RunResults, RunResults]) -> Table:
    """Return how many images of each method and data set are other images now."""
    before, after = (
        {(row.dataset, row.method, row.image): row for row in run.images} for run in runs
    )
    pairs = dict.fromkeys((dataset, method) for dataset, method, _ in [*before, *after])
    rows = []
    for pair in pairs:
        here = {key for key in before if key[:2] == pair}
        there = {key for key in after if key[:2] == pair}
        changed = sum(_differ(runs, before[key], after[key]) for key in here & there)
        rows.append((*pair, len(here & there), changed, len(here - there), len(there - here)))
    titles = (
        ("in both", "shared"),
        ("changed", "changed"),
        ("only in A", "only_a"),
        ("only in B", "only_b"),
    )
    columns = (*_NAMES, *(Column(title=title, key=key, numeric=True) for title, key in titles))
    group = Group(rows=tuple(Row(cells=cells(*row)) for row in rows))
    return Table(columns=columns, groups=(group,), caption="Image files.", label="files", stub=2)


def _differ(runs: tuple[RunResults, RunResults], before: ImageRow, after: ImageRow) -> bool:
    """Return whether two images differ in their pixels, as far as that can be known."""
    if before.sha256 == after.sha256:
        return False
    hashes = [_pixels(run, row) for run, row in zip(runs, (before, after), strict=True)]
    return "" in hashes or hashes[0] != hashes[1]


def _pixels(run: RunResults, row: ImageRow) -> str:
    """Return the hash of an image's pixels; empty where nothing tells it."""
    if row.sha256_pixels:
        return row.sha256_pixels
    path = RunDirectory(run.path).image(row.method, row.dataset, row.image)
    try:
        return sha256_pixels(read_rgb(path)) if sha256_file(path) == row.sha256 else ""
    except DataError:  # an image that was deleted since
        return ""


def _losses(changes: list[_Change], worst: int) -> Table:
    """Return the images that lost most, of each metric, in units of its own spread."""
    found = []
    for one in changes:
        spread = float(np.std(one.before)) or 1.0
        found += [
            (gain / spread, one, place) for place, gain in enumerate(one.gain.tolist()) if gain < 0
        ]
    rows = [
        Row(
            cells=(
                *cells(one.dataset, one.method),
                Cell(text=one.metric.title, value=one.metric.id),
                *cells(one.images[place]),
                *(
                    Cell(text=f"{values[place]:.{one.metric.decimals}f}", value=values[place])
                    for values in (one.before.tolist(), one.after.tolist())
                ),
            )
        )
        for _, one, place in sorted(found, key=lambda entry: entry[0])[:worst]
    ]
    columns = (
        *_NAMES,
        Column(title="metric"),
        Column(title="image"),
        Column(title="A", key="before", numeric=True),
        Column(title="B", key="after", numeric=True),
    )
    return Table(
        columns=columns,
        groups=(Group(rows=tuple(rows)),),
        caption="Images that lost most, in standard deviations of their metric.",
        label="losses",
        stub=4,
    )


def _footnotes(first: Identity, second: Identity) -> tuple[Footnote, ...]:
    """Return in what the two runs are not the same, beside their images."""
    notes = []
    for what, old, new in (
        ("metric", first.metrics, second.metrics),
        ("method", first.methods, second.methods),
        ("data set", first.datasets, second.datasets),
    ):
        notes += [f"The {what} '{key}' is in A alone." for key in old.keys() - new.keys()]
        notes += [f"The {what} '{key}' is in B alone." for key in new.keys() - old.keys()]
        for key in old.keys() & new.keys():
            facts = getattr(old[key], "facts", old[key]), getattr(new[key], "facts", new[key])
            if facts[0] != facts[1]:
                notes.append(f"The {what} '{key}' is not described alike in A and B.")
    if first.protocol.hash != second.protocol.hash:
        notes.append(f"Protocols: {first.protocol.label} and {second.protocol.label}.")
    return tuple(Footnote(text=note) for note in sorted(notes))
