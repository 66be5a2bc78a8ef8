"""What is not on this machine, gathered before anything is computed and said in one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from benchmarks.api.errors import MFSRBenchError
    from benchmarks.api.weights import WeightStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that is needed and that is not on this machine, or on a node of the cluster."""

    what: Literal["weights", "data set", "prompts", "node"]
    name: str
    needed_by: str
    error: MFSRBenchError
    status: WeightStatus | None = None  # of weights: size, licence, source and place

    def as_json(self) -> dict[str, Any]:
        """Return what is missing as plain data."""
        facts = self.status.as_json() if self.status else {}
        return {
            **facts,
            "what": self.what,
            "name": self.name,
            "needed_by": self.needed_by,
            "cause": self.error.cause,
            "remedy": self.error.remedy,
            "exit_code": self.error.exit_code,
        }


def refuse(missing: Sequence[Missing]) -> None:
    """Raise if anything is missing.

    Raises:
        MFSRBenchError: of the kind of the first missing thing; the message names them all.
    """
    if not missing:
        return
    first = missing[0].error
    if len(missing) == 1:
        raise first
    names = ", ".join(f"{item.name} ({item.needed_by})" for item in missing)
    if all(item.what == "weights" for item in missing):
        owners = ",".join(dict.fromkeys(item.needed_by for item in missing))
        remedy = f"Run: mfsr-bench weights fetch {owners}"
    else:
        remedy = f"The first: {first.remedy} All: the same command with --plan"
    raise type(first)(f"{len(missing)} things are missing or damaged: {names}.", remedy)
