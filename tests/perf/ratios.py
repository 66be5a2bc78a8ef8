"""What every script of this folder measures: ours against the obvious alternative, same run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """One comparison. A ratio above the target is good."""

    name: str
    ours: float
    alternative: float
    target: float
    unit: str = "CPU s"  # one thread on both sides: see run.py

    @property
    def ratio(self) -> float:
        """How many times less ours takes."""
        return self.alternative / self.ours


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of all threads that `work` takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def show(rows: Sequence[Ratio]) -> bool:
    """Print a table; return whether every target is reached."""
    lines = [f"{'measured':44} {'ours':>10} {'alternative':>12} {'ratio':>8} {'target':>8}  unit"]
    for row in rows:
        mark = "" if row.ratio >= row.target else "  BELOW TARGET"
        lines.append(
            f"{row.name:44} {row.ours:10.3f} {row.alternative:12.3f} {row.ratio:7.1f}x "
            f"{row.target:7.1f}x  {row.unit}{mark}"
        )
    sys.stdout.write("\n".join(lines) + "\n")
    return all(row.ratio >= row.target for row in rows)
