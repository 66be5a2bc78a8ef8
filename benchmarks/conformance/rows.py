"""Printed rows of methods that run here: what `mfsr-bench reproduce` has to arrive at."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from benchmarks import registry
from benchmarks.conformance.columns import metric_of
from benchmarks.conformance.logs import logs
from benchmarks.conformance.published import Source, lines_of, plain_title, publications

# How far a row moves when somebody restores and scores the same set again: other seeds, another
# GPU, 8 bits by rounding or truncation. A printed FID moves most, being of 100 images.
NOISE = {
    "psnr@y601": 0.05,
    "ssim@y601": 0.002,
    "lpips@alex": 0.003,
    "dists@vgg16": 0.002,
    "fid@clean": 2.0,
    "niqe@pyiqa": 0.1,
    "musiq@koniq": 0.5,
    "maniqa@pipal": 0.01,
    "clipiqa@rn50": 0.01,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedRow:
    """One method on one data set, as its authors or those who followed them print it."""

    method: str  # our method, with its steps where they are not its default: "mfsr@2"
    dataset: str
    n: int  # images
    by: str  # who prints it, in short: "mfsr"
    source: str
    values: Mapping[str, float]  # by metric id, rounded as printed

    @property
    def name(self) -> str:
        """The method's name, without steps."""
        return self.method.partition("@")[0]


@cache
def printed_rows() -> tuple[PrintedRow, ...]:
    """Return all rows that can be reproduced here, by method."""
    text = files("benchmarks.conformance").joinpath("rows.toml").read_text(encoding="utf-8")
    typed = [_row(**facts) for facts in tomllib.loads(text)["row"]]
    logged = [
        _row(
            method=log.method.lower(),
            dataset=log.dataset,
            n=log.n,
            by=log.name,
            source=log.title,
            values=log.means,
        )
        for log in logs().values()
    ]
    # Papers repeat the rows of others: the same values are one row, of who comes first.
    rows = [*typed, *logged]
    for by, source in publications().sources.items():
        for row in _rows_of(by, source):
            if not any(_repeats(row, other) for other in rows):
                rows.append(row)
    return tuple(sorted(rows, key=lambda row: (row.method, row.dataset)))


def _rows_of(by: str, source: Source) -> Iterator[PrintedRow]:
    """Yield a paper's rows of methods that run here, on sets whose very images are known."""
    methods = _methods()
    found: dict[tuple[str, str], dict[str, float]] = {}
    for line in lines_of(source):
        named = source.datasets[line.dataset]
        by_steps = methods.get(plain_title(source.methods.get(line.method, line.method)), {})
        method = by_steps.get(line.steps) or by_steps.get(None)
        if method is None or named.note or named.id not in registry.dataset_cards():
            continue
        texts = line.values(source.metrics).items()
        values = {m: float(text) for m, text in texts if m in NOISE and not text.endswith("?")}
        found.setdefault((method, line.dataset), {}).update(values)
    for (method, dataset), values in found.items():
        named = source.datasets[dataset]
        yield PrintedRow(
            method=method,
            dataset=named.id,
            n=named.n,
            by=by,
            source=source.citation,
            values=values,
        )


@cache
def _methods() -> dict[str, dict[int | None, str]]:
    """Return our methods by title and number of steps; None: it has none to choose."""
    cards, _ = registry.load_every("restorers", lambda name: registry.restorer(name).card)
    found: dict[str, dict[int | None, str]] = {}
    for name, card in cards.items():
        by_steps = found.setdefault(plain_title(card.title), {})
        by_steps |= {steps: f"{name}@{steps}" for steps in card.legal_steps or ()}
        by_steps[card.default_steps] = name
    return found


def _repeats(row: PrintedRow, other: PrintedRow) -> bool:
    """Whether another row has all values, but for a fifth of what another run moves them."""
    same = (row.method, row.dataset) == (other.method, other.dataset)
    return (
        same
        and row.values.keys() <= other.values.keys()
        and all(
            abs(value - other.values[metric]) <= NOISE[metric] / 5
            for metric, value in row.values.items()
        )
    )


def _row(*, values: Mapping[str, float], **facts: object) -> PrintedRow:
    named = {metric_of(column): value for column, value in values.items()}
    return PrintedRow(values={m: v for m, v in named.items() if m in NOISE}, **facts)  # type: ignore[arg-type]
