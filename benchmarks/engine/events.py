"""What a run says while it works. The terminal draws these; tests collect them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.results.rows import FailureRow


@dataclass(frozen=True, slots=True)
class StageBegan:
    """A stage with `total` units of work begins; `done` of them were finished earlier."""

    name: str
    total: int
    done: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """Units of work of the current stage are done."""

    text: str  # what was done last: "mfsr@2 realsr/Canon_001"
    units: int = 1


@dataclass(frozen=True, slots=True)
class Loading:
    """A method or metrics are being loaded, which may take minutes and has no units."""

    what: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that the user should know; the run goes on."""

    text: str


@dataclass(frozen=True, slots=True)
class ItemFailed:
    """One image or metric failed and was recorded; the run goes on."""

    failure: FailureRow


@dataclass(frozen=True, slots=True)
class Completed:
    """All work is done."""

    run: Path
    failures: int
    found: tuple[int, int] | None = None  # images and scores, where all of them were there before


Event = StageBegan | Advanced | Loading | Noted | ItemFailed | Completed
