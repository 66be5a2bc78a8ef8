"""Names of data sets that stand for more than one set of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import registry
from benchmarks.conformance.published import plain_title
from reports.audit.model import Finding, PaperTable, Severity, place


@dataclass(frozen=True, slots=True, kw_only=True)
class _NamedSet:
    """One of the sets that go by a name, and what tells it from the other."""

    id: str
    who: str
    fid: float  # of OSEDiff-1s, as published


# The MFSR paper's Table 1, and the table of FlowSR's README.
_SHARED = {
    "DIV2K-Val": (
        _NamedSet(id="div2k-val", who="100 random crops (MFSR)", fid=100.53),
        _NamedSet(id="div2k-val-3k", who="about 3000 crops (StableSR and most others)", fid=26.32),
    )
}
_WITNESS = ("osediff", "fid@clean")


def is_shared(name: str) -> bool:
    """Whether a name of a data set stands for several sets."""
    return any(plain_title(name) == plain_title(known) for known in _SHARED)


def check(tables: Sequence[PaperTable]) -> Iterator[Finding]:
    """Find names that stand for two sets, and sets that are taken for others."""
    said: set[str] = set()
    for table in tables:
        for dataset in dict.fromkeys(entry.dataset for entry in table.entries):
            if dataset and plain_title(dataset) not in said:
                said.add(plain_title(dataset))
                yield from _about(table, dataset)


def _about(table: PaperTable, dataset: str) -> Iterator[Finding]:
    for name, sets in _SHARED.items():
        if plain_title(name) == plain_title(dataset):
            both = " and ".join(f"{one.who}, here {one.id}" for one in sets)
            yield Finding(
                check="names",
                severity=Severity.WARNING,
                place=place(table, dataset),
                evidence=f"'{dataset}' names two sets: {both}{_which(table, dataset, sets)}",
                remedy="Say which one, with its n and list of crops; never put values of both "
                "into one table.",
            )
            return
    for card in registry.dataset_cards().values():
        same = plain_title(card.title) == plain_title(dataset)
        if same and card.not_to_confuse and dataset not in table.n_of:
            yield Finding(
                check="names",
                severity=Severity.NOTE,
                place=place(table, dataset),
                evidence=f"'{dataset}' may be {card.n} crops, or {card.not_to_confuse}",
                remedy="Say which images were used: n, their size, and where they come from.",
            )


def _which(table: PaperTable, dataset: str, sets: Sequence[_NamedSet]) -> str:
    """Return which of the sets a table is on, as far as it tells."""
    said = f"; n = {table.n_of[dataset]}" if dataset in table.n_of else ""
    for entry in table.entries:
        if entry.dataset == dataset and (plain_title(entry.method), entry.metric) == _WITNESS:
            nearest = min(sets, key=lambda one: abs(one.fid - entry.value))
            return f"{said}; by {entry.row}'s FID {entry.text} it is {nearest.id}"
    return said
