"""Values that cannot be, and values that belong to another convention."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks import registry
from benchmarks.conformance.published import plain_title
from benchmarks.metrics.conventions import explain
from reports.audit.model import Entry, Finding, PaperTable, Severity, place
from reports.audit.names import is_shared
from reports.published.noise import NOISE_FLOOR
from reports.published.values import PublishedRow, published_rows

# By definition, not by habit: (lowest, highest). PSNR and FID have no upper bound that one could
# not reach, but nobody reaches these.
_BOUNDS = {
    "psnr": (0.0, 80.0), "ssim": (-1.0, 1.0), "lpips": (0.0, 2.0), "dists": (0.0, 1.0),
    "fid": (0.0, 1000.0), "niqe": (0.0, 100.0), "musiq": (0.0, 100.0), "maniqa": (0.0, 1.5),
    "clipiqa": (0.0, 1.0), "liqe": (1.0, 5.0),
}  # fmt: skip
_UNIT = {"ssim", "lpips", "dists", "maniqa", "clipiqa"}  # sometimes printed in per cent
_SAID_N = re.compile(r"\bn\s*=\s*\d|\d[\d,.]*k?\s+(?:[\w-]+\s+){0,3}(?:images|crops|patches|pairs)")
_EXACT = "psnr@yiq"  # 1.3219 dB on any image
_STEADY = 1 / 3  # spread of an effect over data sets, against its size
_FAR = 5  # noise floors: more than a second measurement, on any machine


def check(tables: Sequence[PaperTable], citing: str = "") -> Iterator[Finding]:
    """Find values that are impossible, or that another convention of the metric would give.

    Args:
        tables: what is audited.
        citing: citation of published rows that are not compared with: the paper's own.
    """
    for table in tables:
        yield from _out_of_bounds(table)
        yield from _without_reference(table)
        yield from _fid_without_n(table)
        yield from _arrows(table)
        if not table.protocol:
            yield from _against_published(table, citing)


def _out_of_bounds(table: PaperTable) -> Iterator[Finding]:
    for entry in table.entries:
        low, high = _bounds(entry)
        if low <= entry.value <= high:
            continue
        name = entry.metric.partition("@")[0]
        percent = name in _UNIT and low <= entry.value / 100 <= high
        yield Finding(
            check="impossible",
            severity=Severity.ERROR,
            place=place(table, entry.dataset, entry.row, entry.name, line=entry.line),
            evidence=f"{entry.text} is outside [{low:g}, {high:g}]"
            + ("; it looks like a percentage" if percent else ""),
            remedy="Print it as a fraction, as all others do." if percent else "Measure it again.",
        )


def _bounds(entry: Entry) -> tuple[float, float]:
    return _BOUNDS.get(entry.metric.partition("@")[0], (float("-inf"), float("inf")))


def _without_reference(table: PaperTable) -> Iterator[Finding]:
    specs = registry.metric_specs()
    unpaired = {
        plain_title(card.title): card
        for card in registry.dataset_cards().values()
        if not card.has_reference
    }
    found: dict[str, dict[str, Entry]] = {}
    for entry in table.entries:
        if plain_title(entry.dataset) in unpaired and specs[entry.metric].needs_reference:
            found.setdefault(entry.dataset, {}).setdefault(entry.name, entry)
    for dataset, names in found.items():
        yield Finding(
            check="impossible",
            severity=Severity.ERROR,
            place=place(table, dataset, line=next(iter(names.values())).line),
            evidence=f"{', '.join(names)} need references, and {dataset} has none",
            remedy="The values are of another data set: name it.",
        )


def _fid_without_n(table: PaperTable) -> Iterator[Finding]:
    sets = dict.fromkeys(entry.dataset for entry in table.entries if entry.name == "FID")
    bare = [dataset for dataset in sets if dataset not in table.n_of]
    if bare and not _SAID_N.search(table.caption):
        yield Finding(
            check="impossible",
            severity=Severity.WARNING,
            place=place(table, ", ".join(filter(None, bare)), "FID"),
            evidence="FID without its number of images cannot be compared with any other",
            remedy="Print n beside the name of the data set or in the caption.",
        )


def _arrows(table: PaperTable) -> Iterator[Finding]:
    specs = registry.metric_specs()
    for metric, arrow in table.arrows.items():
        right = "↑" if specs[metric].higher_is_better else "↓"
        if arrow != right:
            yield Finding(
                check="impossible",
                severity=Severity.ERROR,
                place=place(table, specs[metric].title),
                evidence=f"the arrow says {arrow}, and better values are {right}",
                remedy="Turn the arrow, and check which values are marked.",
            )


def _against_published(table: PaperTable, citing: str) -> Iterator[Finding]:
    """Find rows that were published by others with values that another convention explains."""
    for _, _, _, entries in table.rows():
        doubted = [
            (entry, *found) for entry in entries.values() if (found := _doubt(entry, citing))
        ]
        variants = Counter(one for _, _, ways in doubted for one in set(map(_variant, ways)))
        for entry, row, ways in doubted:
            if ways:
                sure = [one for one in ways if variants[_variant(one)] > 1]
                yield _convention(table, entry, row, sure, ways)
        others = [(entry, row) for entry, row, ways in doubted if not ways]
        if others:
            yield _published(table, others)


def _convention(
    table: PaperTable, entry: Entry, row: PublishedRow, sure: Sequence[str], ways: Sequence[str]
) -> Finding:
    """Return the finding about one value that another convention would give.

    Args:
        table: where it stands.
        entry: the value.
        row: the published one.
        sure: conventions that explain it, and another value of the same row as well.
        ways: all that explain it.
    """
    theirs = row.texts[entry.metric]
    if sure:
        why = f"the gap of {' or '.join(sure)} to {entry.metric}, as in another metric of the row"
    else:
        why = f"could be the gap of {' or '.join(ways)} to {entry.metric}, in this metric alone"
    return Finding(
        check="convention",
        severity=Severity.ERROR if _EXACT in sure else Severity.WARNING,
        place=place(table, entry.dataset, entry.row, entry.name, line=entry.line),
        evidence=f"{entry.text}, published as {theirs} ({row.citation}): {why}",
        remedy="Find out: mfsr-bench score --sr DIR --hr DIR --conventions "
        f"--expect {entry.name.lower()}={theirs}",
    )


def _published(table: PaperTable, pairs: Sequence[tuple[Entry, PublishedRow]]) -> Finding:
    """Return the finding about the values of one row that no source has."""
    by_source: dict[str, list[str]] = {}
    for entry, row in pairs:
        text = f"{entry.name} {entry.text}, published as {row.texts[entry.metric]}"
        by_source.setdefault(row.citation, []).append(text)
    first = pairs[0][0]
    return Finding(
        check="published",
        severity=Severity.WARNING,
        place=place(table, first.dataset, first.row, line=first.line),
        evidence="; ".join(f"{'; '.join(said)} ({who})" for who, said in by_source.items()),
        remedy="Say that it was measured again, on which images and with which weights.",
    )


def _variant(metric: str) -> str:
    return metric.partition("@")[2]


def _ways(entry: Entry, published: float) -> tuple[str, ...]:
    """Return the conventions that would explain a value, if the protocol's own was published.

    Only those whose effect is much the same on all images: others would explain anything.
    """
    return tuple(
        one.ours
        for one in explain(entry.metric.partition("@")[0], entry.value, published)
        if one.expected == entry.metric
        and one.typical[1] - one.typical[0] <= _STEADY * abs(sum(one.typical)) / 2
    )


def _doubt(entry: Entry, citing: str) -> tuple[PublishedRow, tuple[str, ...]] | None:
    """Return the published row that a value differs from, and the conventions that explain it.

    None where nothing was published, or a source has that value. Of several sources it is the one
    that a convention explains, or else the nearest.
    """
    low, high = _bounds(entry)
    if entry.quoted or is_shared(entry.dataset) or not low <= entry.value <= high:
        return None
    metric = entry.metric
    rows = [row for row in _rows_of(entry, citing) if metric in row.values]
    rows.sort(key=lambda row: _gap(entry, row))
    noise = _FAR * NOISE_FLOOR.get(metric, float("inf"))
    if not rows or any(_gap(entry, row) <= noise + row.rounding(metric) for row in rows):
        return None
    explained = ((row, _ways(entry, row.values[metric])) for row in rows)
    return next((found for found in explained if found[1]), (rows[0], ()))


def _gap(entry: Entry, row: PublishedRow) -> float:
    return abs(entry.value - row.values[entry.metric])


def _rows_of(entry: Entry, citing: str) -> Iterator[PublishedRow]:
    titles = {card.id: plain_title(card.title) for card in registry.dataset_cards().values()}
    for row in published_rows():
        if (
            row.citation != citing
            and titles.get(row.dataset) == plain_title(entry.dataset)
            and plain_title(row.card_title) == plain_title(entry.method)
            and entry.steps in (None, row.steps)
        ):
            yield row
