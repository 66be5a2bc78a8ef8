"""`mfsr-bench list`: what there is, and all that is known of one; it imports cards alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks import registry
from benchmarks.api.errors import PluginError
from benchmarks.cli import completion
from benchmarks.commands import subgroup
from benchmarks.console import say
from benchmarks.options import Output, choose, split_datasets, split_lists, unfolded
from benchmarks.tables.model import Column, Document, Table, listing, sheet

if TYPE_CHECKING:
    from benchmarks.api.card import MethodCard
    from benchmarks.api.dataset import DatasetCard
    from benchmarks.api.metric import MetricSpec
    from benchmarks.metrics.protocol import Protocol
    from benchmarks.tables.model import Scalar

    Fact = Scalar | tuple[str, ...]

app = subgroup(
    "List methods, data sets, metrics, protocols or presets; with a name, all that is known."
)

_SCALARS = (str, int, float, bool, type(None))
_OWN_LICENCE = "LicenseRef-"  # what SPDX puts before a licence that it does not list


@app.command()
@unfolded
def methods(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these, with all that is known of each.",
            autocompletion=completion.methods,
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """List the methods; with names, all that their cards say.

    Examples:
        mfsr-bench list methods
        mfsr-bench list methods osediff
    """
    chosen = choose(
        split_lists(names),
        dict.fromkeys(registry.entries("restorers"), ()),
        what="method",
        see="mfsr-bench list methods",
    )
    cards = {name: registry.restorer(name).card for name in chosen or ()}
    broken: list[PluginError] = []
    if not chosen:
        cards, broken = registry.load_every("restorers", lambda name: registry.restorer(name).card)
    table = listing(
        ["method", "paper", "steps", "licence"],
        [
            (name, _venue(card), _steps(card), _licence(card.licence))
            for name, card in cards.items()
        ],
    )
    facts = {name: asdict(card) for name, card in cards.items()}
    data = {"methods": facts, "broken": {error.cause: error.remedy for error in broken}}
    sheets = [sheet("method", name, _method(card)) for name, card in cards.items()]
    output.write(_document(table, sheets if names else (), data, facts))
    _say_broken(broken)


def _document(
    table: Table, sheets: Sequence[Table], data: Any, records: Mapping[str, dict[str, Any]]
) -> Document:
    """Return a list, or what is known of single ones; programs get all of it either way."""
    lines = [
        {key: value if isinstance(value, _SCALARS) else str(value) for key, value in one.items()}
        for one in records.values()
    ]
    return Document(tables=tuple(sheets) or (table,), records=lines, data=data)


def _say_broken(broken: Iterable[PluginError]) -> None:
    for error in broken:
        say(f"{error.cause} {error.remedy}", style="red")


def _venue(card: MethodCard) -> str:
    paper = card.paper
    if paper is None:
        return "-"
    return paper.venue or (f"arXiv {paper.arxiv}" if paper.arxiv else "-")


def _licence(name: str) -> str:
    """Return a licence as people know it.

    >>> _licence("LicenseRef-S-Lab-1.0"), _licence("MIT")
    ('S-Lab-1.0', 'MIT')
    """
    return name.removeprefix(_OWN_LICENCE)


def _steps(card: MethodCard) -> str:
    """Return the default number of steps, and what else is legal."""
    if card.default_steps is None:
        return "-"
    if card.legal_steps is None:
        return f"{card.default_steps}, {card.least_steps} and more"
    others = [str(n) for n in card.legal_steps if n != card.default_steps]
    return " or ".join([str(card.default_steps), *others])


def _method(card: MethodCard) -> dict[str, Fact]:
    paper, upstream = card.paper, card.upstream
    where = (paper.venue, f"arXiv {paper.arxiv}" if paper.arxiv else "") if paper else ()
    return {
        "title": card.title,
        "paper": ", ".join(filter(None, (paper.title, *where))) if paper else "",
        "base model": card.base_model,
        "scale": f"x{card.scale}",
        "steps": _steps(card),
        "prompt": card.prompt,
        "colour fix": card.colour_fix,
        "tiling": card.tiling,
        "dtypes": ", ".join(card.dtypes),
        **{f"+{one.name}=": _option(one) for one in card.options},
        "weights": f"{len(card.weights)}: mfsr-bench weights list {card.name}"
        if card.weights
        else "none to fetch",
        "licence": card.licence,
        "trained on": ", ".join(card.trained_on),
        "upstream": f"https://github.com/{upstream.repo}, commit {upstream.commit[:12]}"
        if upstream
        else "",
        "deviations": card.deviations,
        "quirks": card.quirks,
        "note": card.note,
    }


def _option(option: Any) -> str:
    choices = f" One of: {', '.join(option.choices)}." if option.choices else ""
    return f"{option.help.rstrip('.')}.{choices} Default: {option.default or 'empty'}."


@app.command()
@unfolded
def datasets(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these, with all that is known of each.", autocompletion=completion.datasets
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """List the test sets; with names, all that is known of them.

    Examples:
        mfsr-bench list datasets
        mfsr-bench list datasets realsr
    """
    every = registry.dataset_cards()
    cards = _chosen(every, split_datasets(names), "data set", lambda card: (card.id,))
    table = listing(
        ["data set", Column(title="images", numeric=True), "reference", "licence"],
        [
            (card.id, card.n, "yes" if card.has_reference else "no", _licence(card.licence))
            for card in cards.values()
        ],
    )
    facts = {name: asdict(card) for name, card in cards.items()}
    sheets = [sheet("data set", name, _dataset(card)) for name, card in cards.items()]
    output.write(_document(table, sheets if names else (), facts, facts))
    _say_broken(every.broken)


def _chosen(
    every: Mapping[str, Any],
    names: Sequence[str],
    what: str,
    words: Callable[[Any], Iterable[str]],
) -> dict[str, Any]:
    """Return those that are named, or all; a name may stand for several."""
    if not names:
        return dict(every)
    known = {key: tuple(words(one)) for key, one in every.items()}
    see = f"mfsr-bench list {what.replace(' ', '')}s"
    found = choose(names, known, what=what, see=see, several=True) or ()
    return {key: every[key] for key in found}


def _dataset(card: DatasetCard) -> dict[str, Fact]:
    lr = f"{card.lr_size[1]}x{card.lr_size[0]}" if card.lr_size else "sizes differ"
    return {
        "title": card.title,
        "images": card.n,
        "reference": "yes" if card.has_reference else "no",
        "LR": lr,
        "kind": card.kind,
        "licence": card.licence,
        "homepage": card.homepage,
        "sources": tuple(source.address for source in card.sources),
        "checked by": "hash of every file" if card.manifest else "counts and sizes",
        "not to confuse with": card.not_to_confuse,
        "note": card.note,
    }


@app.command()
@unfolded
def metrics(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these: psnr for all its conventions, or psnr@y601.",
            autocompletion=completion.metrics,
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """List the metrics in every convention that is in use; with names, how each is defined.

    Examples:
        mfsr-bench list metrics
        mfsr-bench list metrics psnr
        mfsr-bench list metrics niqe@pyiqa
    """
    every = registry.metric_specs()
    specs = _chosen(every, split_lists(names), "metric", lambda spec: (spec.name, spec.title))
    table = listing(
        ["metric", "better", "reference", Column(title="used by", prose=True)],
        [
            (
                spec.id,
                "higher" if spec.higher_is_better else "lower",
                "yes" if spec.needs_reference else "no",
                ", ".join(spec.used_by),
            )
            for spec in specs.values()
        ],
    )
    facts = {name: asdict(spec) for name, spec in specs.items()}
    sheets = [sheet("metric", name, _metric(spec)) for name, spec in specs.items()]
    output.write(_document(table, sheets if names else (), facts, facts))
    _say_broken(every.broken)


def _metric(spec: MetricSpec) -> dict[str, Fact]:
    low, high = spec.value_range
    return {
        "title": spec.title,
        "definition": spec.definition,
        "better": "higher" if spec.higher_is_better else "lower",
        "level": "one value per image" if spec.level == "sample" else "one value per set",
        "reference": "yes" if spec.needs_reference else "no",
        "usual range": f"{low:g} to {high:g}",
        "used by": ", ".join(spec.used_by),
        "weights": f"{len(spec.weights)}: mfsr-bench weights list {spec.id}"
        if spec.weights
        else "none to fetch",
        "licence": spec.licence,
        "note": spec.note,
    }


@app.command()
@unfolded
def protocols(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these, with their rule and metrics.", autocompletion=completion.protocols
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """List the protocols; with names, which metrics under which rule.

    Examples:
        mfsr-bench list protocols
        mfsr-bench list protocols mfsr-paper-v1
    """
    from benchmarks.metrics.protocol import PROTOCOLS

    found = _chosen(PROTOCOLS, split_lists(names), "protocol", lambda one: (one.id,))
    table = listing(
        [
            "protocol",
            "hash",
            Column(title="metrics with reference", numeric=True),
            Column(title="without", numeric=True),
        ],
        [
            (one.id, one.hash, len(one.with_reference), len(one.without_reference))
            for one in found.values()
        ],
    )
    facts = {name: {**asdict(one), "hash": one.hash} for name, one in found.items()}
    sheets = [sheet("protocol", name, _protocol(one)) for name, one in found.items()]
    output.write(_document(table, sheets if names else (), facts, facts))


def _protocol(protocol: Protocol) -> dict[str, Fact]:
    return {
        "hash": protocol.hash,
        "rule": protocol.rule,
        "with reference": ", ".join(protocol.with_reference),
        "without": ", ".join(protocol.without_reference),
    }


@app.command()
@unfolded
def presets(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these, with what they ask for.", autocompletion=completion.presets
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """List the runs that ship; with names, what they ask for.

    Examples:
        mfsr-bench list presets
        mfsr-bench list presets mfsr-table1
    """
    from benchmarks.presets import presets, read_preset

    every = {name: {"what": what, **read_preset(name)} for name, what in presets().items()}
    found = _chosen(every, split_lists(names), "preset", lambda _: ())
    table = listing(["preset", "what"], [(name, one["what"]) for name, one in found.items()])
    sheets = [sheet("preset", name, _preset(one)) for name, one in found.items()]
    output.write(_document(table, sheets if names else (), found, found))


def _preset(asked: Mapping[str, Any]) -> dict[str, Fact]:
    return {
        name: ", ".join(value) if isinstance(value, list | tuple) else value
        for name, value in asked.items()
    }
