"""All checks over all tables of a paper."""

from __future__ import annotations

from collections.abc import Sequence

from reports.audit import contradictions, impossible, marks, names, noise, printed
from reports.audit.model import Finding, PaperTable, Severity

_ORDER = list(Severity)


def audit(
    tables: Sequence[PaperTable], citing: str = "", notes: Sequence[Finding] = ()
) -> tuple[Finding, ...]:
    """Return everything that is found, the worst first.

    Args:
        tables: the tables of one paper; they are held against each other.
        citing: citation of the published rows that are these tables themselves.
        notes: what was found in reading them.
    """
    found = [
        *contradictions.check(tables),
        *impossible.check(tables, citing),
        *marks.check(tables),
        *noise.check(tables),
        *names.check(tables),
        *printed.check(tables),
        *notes,
    ]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))
