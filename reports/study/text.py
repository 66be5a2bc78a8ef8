"""An analysis as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmarks.tables.model import Column, Document, Footnote, Group, Row, Table, cells
from reports.statistics.model import ALPHA

if TYPE_CHECKING:
    from reports.study.analysis import Analysis, Interval
    from reports.study.differences import Difference

_SMALLEST_P = 0.0001


def document(found: Analysis) -> Document:
    """Return the table of the methods, and that of all pairs."""
    return Document(tables=(_methods(found), _pairs(found)), data=found.as_json())


def headline(found: Analysis) -> str:
    """Return who was asked what, as a caption begins."""
    what = "one of two" if found.shown == 2 else f"the best of {found.shown}"
    return f"User study: {found.raters} raters, {found.images} images, {what}, {found.votes} votes."


def _methods(found: Analysis) -> Table:
    head = (
        *("method", "votes", "share", "Wilson 95 %", "raters and images 95 %"),
        *(f"{found.model} strength", "95 %"),
    )
    rows = [
        (
            one.title,
            f"{one.votes}/{one.trials}",
            f"{one.share:.1%}",
            _percent(one.wilson),
            _percent(one.interval),
            "-" if one.strength is None else f"{one.strength:+.2f}",
            _interval(one.strength_interval, "+.2f"),
        )
        for one in found.methods
    ]
    return _table("user-study", headline(found), head, rows, tuple(_notes(found)))


def _table(
    label: str,
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str],
    *,
    names: int = 1,
) -> Table:
    """Return a table whose first columns are names, and the others numbers."""
    return Table(
        label=label,
        caption=caption,
        columns=tuple(Column(title=text, numeric=i >= names) for i, text in enumerate(head)),
        groups=(Group(rows=tuple(Row(cells=cells(*row)) for row in rows)),),
        stub=names,
        footnotes=tuple(Footnote(text=text) for text in notes),
        facts={"table": label},
    )


def _notes(found: Analysis) -> Iterator[str]:
    if any(one.interval for one in found.methods):
        yield (
            "Wilson's intervals take all votes for independent; the others resample raters and "
            "images, and are those to quote."
        )
    if found.alpha is not None:
        within = f" {_interval(found.alpha_interval, '.3f')}" if found.alpha_interval else ""
        yield f"Krippendorff's alpha {found.alpha:.3f}{within}."
    places = ", ".join(map(str, found.places.chosen))
    yield f"Chosen by place: {places}; {_p(found.places.p)} for equal chances."
    yield f"{found.exclusion_rule} Excluded: {found.excluded}."
    yield from found.notes


def _pairs(found: Analysis) -> Table:
    titles = {one.method: one.title for one in found.methods}
    ranks = {method: rank for rank, method in enumerate(titles)}
    rows = []
    for one in sorted(found.differences, key=lambda one: _ranks(one, ranks)):
        first, second = one.first, one.second
        difference, interval = one.difference, one.interval
        if difference < 0:  # the more popular comes first
            first, second, difference = second, first, -difference
            interval = interval and (-interval[1], -interval[0])
        rows.append(
            (
                titles.get(first, first),
                titles.get(second, second),
                str(one.trials),
                f"{100 * difference:+.1f}",
                _points(interval),
                _p(one.p).removeprefix("p = ").removeprefix("p "),
                _p(one.p_holm).removeprefix("p = ").removeprefix("p "),
                "yes" if one.p_holm < ALPHA else "no",
            )
        )
    return _table(
        "user-study-pairs",
        "Pairs of methods: difference of their shares in percentage points.",
        ("method", "over", "trials", "difference", "95 %", "p", "p (Holm)", "differ"),
        rows,
        ("t tests with variance clustered by rater and by image, Holm over all pairs.",),
        names=2,
    )


def _ranks(one: Difference, ranks: Mapping[str, int]) -> list[int]:
    """Return the ranks of a pair, the better first."""
    return sorted((ranks[one.first], ranks[one.second]))


def _p(p: float) -> str:
    return f"p < {_SMALLEST_P}" if p < _SMALLEST_P else f"p = {p:.4f}"


def _percent(bounds: Interval | None) -> str:
    return "-" if bounds is None else f"[{bounds[0]:.1%}, {bounds[1]:.1%}]"


def _points(bounds: Interval | None) -> str:
    return "-" if bounds is None else f"[{100 * bounds[0]:+.1f}, {100 * bounds[1]:+.1f}]"


def _interval(bounds: Interval | None, form: str) -> str:
    return "-" if bounds is None else f"[{bounds[0]:{form}}, {bounds[1]:{form}}]"
