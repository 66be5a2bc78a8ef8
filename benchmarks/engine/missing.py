"""What is not on this machine, gathered before anything is computed and said in one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.api.errors import MFSRBenchError

if TYPE_CHECKING:
    from benchmarks.api.weights import WeightStatus, WeightStore
    from benchmarks.requirements import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that a run needs and that is not on this machine."""

    what: Literal["weights", "data set", "prompts"]
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


def missing_weights(needs: Iterable[Requirement], store: WeightStore) -> list[Missing]:
    """Return those of the weights that are not on this machine, once per user of each."""
    found = []
    for need in needs:
        try:
            store.require(need.owner, need.weight)
        except MFSRBenchError as error:
            found += [
                Missing(
                    what="weights",
                    name=need.weight.name,
                    needed_by=user,
                    error=error,
                    status=need.status(store),
                )
                for user in need.needed_by
            ]
    return found


def refuse(missing: Sequence[Missing], *, see: str) -> None:
    """Raise if anything is missing.

    Args:
        missing: what is missing.
        see: the command that lists it all.

    Raises:
        MFSRBenchError: of the kind of the first missing thing; the message names them all.
    """
    if not missing:
        return
    first = missing[0]
    if len(missing) == 1:
        raise first.error
    names = ", ".join(f"{item.name} ({item.needed_by})" for item in missing)
    raise type(first.error)(
        f"{len(missing)} things are missing: {names}.",
        f"See: {see}. The first: {first.error.remedy}",
    )
