"""One or several runs, brought together for one table, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.api.errors import ConflictError
from benchmarks.results import frames
from reports.identity import Dataset, Identity, Method, Metric, Protocol, Run, identity_of

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.results.rows import RunResults

T = TypeVar("T")
Titled = TypeVar("Titled", Metric, Method)

_APART = "Make a table of each run on its own, or score the images of one under the other's rules."


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that one table compares. Mappings keep the order of the rows and columns."""

    protocol: Protocol
    metrics: Mapping[str, Metric]
    methods: Mapping[str, Method]
    datasets: Mapping[str, Dataset]
    runs: tuple[Run, ...]
    scores: pd.DataFrame  # dataset, method, image, metric, value
    set_scores: pd.DataFrame  # dataset, method, metric, n, value
    failures: pd.DataFrame

    def select(
        self,
        *,
        methods: Iterable[str] | None = None,
        datasets: Iterable[str] | None = None,
        metrics: Iterable[str] | None = None,
    ) -> Comparison:
        """Return the comparison of some of it, in the order given; None keeps all.

        What is left out no longer counts: an image that only a dropped method lacks is back in
        the means.
        """
        chosen = replace(
            self,
            methods=_pick(self.methods, methods),
            datasets=_pick(self.datasets, datasets),
            metrics=_pick(self.metrics, metrics),
        )
        return replace(
            chosen,
            scores=_rows_of(self.scores, chosen),
            set_scores=_rows_of(self.set_scores, chosen),
        )

    @property
    def finish(self) -> str:
        """What finishes the runs, as the remedy of an error."""
        return f"Finish it: {' && '.join(run.command for run in self.runs)}"

    @property
    def unscored(self) -> str:
        """The sentence that names the methods without any score or failure; empty for none."""
        frames = (self.scores, self.set_scores, self.failures)
        seen = {method for rows in frames for method in rows["method"]}
        titles = [one.title for key, one in self.methods.items() if key not in seen]
        return f"No scores of {', '.join(titles)}. {self.finish}" if titles else ""

    def why_blank(self, name: str) -> str:
        """Return why no run has a method (by title) or a data set (by id)."""
        reasons = dict.fromkeys(run.blanks[name] for run in self.runs if name in run.blanks)
        return "; ".join(reasons) or "not run"

    def why_skipped(self, metric: str) -> str:
        """Return why no run computed a metric; empty where one did or nothing was recorded."""
        reasons = dict.fromkeys(run.skipped.get(metric, "") for run in self.runs)
        return "" if "" in reasons else "; ".join(reasons)


def _pick(known: Mapping[str, T], names: Iterable[str] | None) -> Mapping[str, T]:
    return known if names is None else {name: known[name] for name in names}


def _rows_of(rows: pd.DataFrame, chosen: Comparison) -> pd.DataFrame:
    return rows[
        rows["dataset"].isin(chosen.datasets)
        & rows["method"].isin(chosen.methods)
        & rows["metric"].isin(chosen.metrics)
    ]


def compare(results: Sequence[RunResults]) -> Comparison:
    """Bring runs together.

    A method may be in several of them as long as it is the same method and scored the same.

    Raises:
        ConflictError: two runs differ in protocol, in a data set's files, or in what goes by one
            method's name; the message says in what.
    """
    identities = [identity_of(one) for one in results]
    first = identities[0]
    for other in identities[1:]:
        _check_protocol(first, other)
    return Comparison(
        protocol=first.protocol,
        metrics=_distinct(
            _ordered(_merge(identities, lambda one: one.metrics, _check_metric), first.protocol)
        ),
        methods=_distinct(_merge(identities, lambda one: one.methods, _check_method)),
        datasets=_merge(identities, lambda one: one.datasets, _check_dataset),
        runs=tuple(one.run for one in identities),
        scores=_join(map(frames.scores, results), key=["dataset", "method", "metric", "image"]),
        set_scores=_join(map(frames.set_scores, results), key=["dataset", "method", "metric"]),
        failures=_concatenate(map(frames.failures, results)).drop_duplicates(ignore_index=True),
    )


def _check_protocol(first: Identity, other: Identity) -> None:
    if first.protocol.hash != other.protocol.hash:
        raise ConflictError(
            f"Runs '{first.run.name}' and '{other.run.name}' were scored by different protocols: "
            f"{first.protocol.label}, {other.protocol.label}.",
            _APART,
        )


def _merge(
    identities: Sequence[Identity],
    part: Callable[[Identity], Mapping[str, T]],
    check: Callable[[T, T, str], None],
) -> dict[str, T]:
    """Return one part of all runs in order of appearance; `check` sees what two runs share."""
    merged: dict[str, T] = {}
    owner: dict[str, str] = {}
    for identity in identities:
        for key, value in part(identity).items():
            if key in merged:
                check(merged[key], value, f"Runs '{owner[key]}' and '{identity.run.name}'")
            else:
                merged[key], owner[key] = value, identity.run.name
    return merged


def _check_dataset(first: Dataset, other: Dataset, runs: str) -> None:
    for what, a, b in (
        ("number of images", first.n, other.n),
        ("manifest", first.manifest, other.manifest),
    ):
        if a != b:
            raise ConflictError(
                f"{runs} have two data sets called '{first.id}': {what} {a or 'none'} and "
                f"{b or 'none'}.",
                "Make a table of each run on its own, or leave it out with --datasets.",
            )


def _check_metric(first: Metric, other: Metric, runs: str) -> None:
    if first.facts != other.facts:
        raise ConflictError(
            f"{runs} have two metrics called '{first.id}'; they differ in "
            f"{_differences(first.facts, other.facts)}.",
            _APART,
        )


def _check_method(first: Method, other: Method, runs: str) -> None:
    different = _differences({**first.facts, "title": ""}, {**other.facts, "title": ""})
    if different:
        raise ConflictError(
            f"{runs} have two methods called '{first.key}'; they differ in {different}.",
            "Make a table of each run on its own.",
        )


def _ordered(metrics: Mapping[str, Metric], protocol: Protocol) -> dict[str, Metric]:
    """Return metrics in the order of the protocol's columns, however they joined the runs."""
    listed = dict.fromkeys([*protocol.columns.get(True, ()), *protocol.columns.get(False, ())])
    return {key: metrics[key] for key in [*listed, *metrics] if key in metrics}


def _distinct(known: Mapping[str, Titled]) -> Mapping[str, Titled]:
    """Return rows or columns with their keys in the titles that several of them share."""
    titles = [one.title for one in known.values()]
    return {
        key: replace(one, title=f"{one.title} ({key})") if titles.count(one.title) > 1 else one
        for key, one in known.items()
    }


def _differences(first: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    missing = object()
    keys = dict.fromkeys([*first, *other])
    return ", ".join(key for key in keys if first.get(key, missing) != other.get(key, missing))


def _join(tables: Iterable[pd.DataFrame], *, key: list[str]) -> pd.DataFrame:
    """Return all rows, sorted by `key`; a row that several runs have counts once."""
    rows = _concatenate(tables).drop_duplicates(ignore_index=True)
    twice = rows[rows.duplicated(subset=key)]
    if len(twice):
        where = ", ".join(str(twice.iloc[0][name]) for name in key)
        raise ConflictError(
            f"Two runs hold different scores for {where} (and {len(twice) - 1} more).",
            "Make a table of each run on its own, or compare their seeds and sessions.",
        )
    return rows.sort_values(key, ignore_index=True)


def _concatenate(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    every = list(tables)
    # Empty tables have no column types, and pandas would let them decide those of the result.
    return pd.concat([rows for rows in every if len(rows)] or every[:1], ignore_index=True)
