"""`mfsr-bench score --conventions`: one folder under every convention in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.api.images import read_size
from benchmarks.tables.model import Cell, Column, Document, Footnote, Table, listing

if TYPE_CHECKING:
    from benchmarks.metrics.conventions import Convention, Explanation, Match
    from benchmarks.options import Output
    from benchmarks.plan import ImageSet
    from benchmarks.results.store import RunStore


def show_conventions(
    images: ImageSet,
    values: Mapping[str, float],
    store: RunStore,
    expect: str | None,
    output: Output,
) -> None:
    """Print each convention's value of the folder, and whose convention it is.

    Args:
        images: the folder and its metrics.
        values: of the folder, by metric id.
        store: the values per image.
        expect: METRIC=VALUE, or None: say which convention gives that number.
        output: how it is written.
    """
    from benchmarks.metrics.conventions import conventions, nearest, parse_expected

    names = dict.fromkeys(spec.name for spec in images.specs)
    found = [convention for name in names for convention in conventions(images.specs, name)]
    values = {**values, **_derived(found, images, store)}
    matches: tuple[Match, ...] = ()
    reasons: tuple[Explanation, ...] = ()
    if expect:
        name, expected = parse_expected(expect)
        matches = nearest(
            [one for one in found if one.id.partition("@")[0] == name], values, expected
        )
        reasons = _mix_ups(name, values, expected)
    told = [
        f"{expect}: {match.convention.id} gives {match.value:.4f} ({match.gap:+.4f})"
        for match in matches[:3]
    ]
    for reason in reasons:
        low, high = reason.typical
        told.append(
            f"{expect} against {values[reason.ours]:.4f}: as if it were {reason.expected} where "
            f"ours is {reason.ours} ({low:+.4f} to {high:+.4f} on published images)"
        )
    table = replace(_table(found, values), footnotes=tuple(Footnote(text=text) for text in told))
    data = _as_json(found, values, matches, reasons)
    output.write(Document(tables=(table,), data=data))


def _table(found: Sequence[Convention], values: Mapping[str, float]) -> Table:
    columns = (
        Column(title="convention"),
        Column(title="value", numeric=True),
        Column(title="definition", prose=True),
        Column(title="used by", prose=True),
    )
    return listing(
        columns,
        [
            (
                one.id,
                Cell(text=f"{values[one.id]:.4f}", value=values[one.id])
                if one.id in values
                else Cell(),
                one.definition,
                ", ".join(one.used_by),
            )
            for one in found
        ],
    )


def _mix_ups(name: str, values: Mapping[str, float], expected: float) -> tuple[Explanation, ...]:
    """Return the mix-ups that would turn the protocol's value into the expected one."""
    from benchmarks.metrics.conventions import explain
    from benchmarks.metrics.protocol import MFSR_PAPER

    ours = [metric for metric in MFSR_PAPER.metrics if metric.partition("@")[0] == name]
    return tuple(
        reason
        for metric in ours
        if metric in values
        for reason in explain(name, values[metric], expected)
        if reason.ours == metric
    )


def _derived(found: Sequence[Convention], images: ImageSet, store: RunStore) -> dict[str, float]:
    """Return the conventions that are computed from the values per image of another one."""
    from benchmarks.metrics.conventions import pooled_psnr
    from benchmarks.results.rows import ScoreRow

    (srs,) = images.srs.values()
    values = {}
    for one in found:
        if not one.derived_from:
            continue
        rows = list(store.rows(ScoreRow, metric=one.derived_from))
        if rows:
            pixels = [h * w for h, w in (read_size(srs[row.image]) for row in rows)]
            values[one.id] = pooled_psnr([row.value for row in rows], pixels)
    return values


def _as_json(
    found: Sequence[Convention],
    values: Mapping[str, float],
    matches: Sequence[Match],
    reasons: Sequence[Explanation],
) -> dict[str, object]:
    return {
        "conventions": [
            {
                "id": one.id,
                "value": values.get(one.id),
                "definition": one.definition,
                "used_by": list(one.used_by),
            }
            for one in found
        ],
        "nearest": [
            {"id": match.convention.id, "value": match.value, "gap": match.gap} for match in matches
        ],
        "explanations": [
            {"ours": one.ours, "expected": one.expected, "typical": list(one.typical)}
            for one in reasons
        ],
    }
