"""Methods that are one method with several numbers of sampling steps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.identity import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Rows that differ in their number of steps alone, fewest first; most have one member."""

    title: str  # "MFSR" of MFSR-1s and MFSR-2s; of a single row its own title
    methods: tuple[Method, ...]

    @property
    def is_sweep(self) -> bool:
        """Whether there are several numbers of steps."""
        return len(self.methods) > 1


def families(comparison: Comparison) -> tuple[Family, ...]:
    """Return the methods of a comparison by family, in order of first appearance."""
    found: dict[str, list[Method]] = {}
    for method in comparison.methods.values():
        found.setdefault(_without_steps(method), []).append(method)
    return tuple(
        Family(
            title=_title(every),
            methods=tuple(sorted(every, key=lambda method: method.steps or 0)),
        )
        for every in found.values()
    )


def _without_steps(method: Method) -> str:
    """Return all that decides a method's numbers, but its steps, as text."""
    if method.steps is None:
        return method.key
    facts = {key: value for key, value in method.facts.items() if key not in ("title", "steps")}
    return json.dumps(facts, sort_keys=True)


def _title(methods: list[Method]) -> str:
    first = methods[0]
    return first.title if len(methods) == 1 else first.title.replace(f"-{first.steps}s", "", 1)
