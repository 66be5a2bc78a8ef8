"""What passes between a run and its workers, wherever these are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from benchmarks.api.errors import MFSRBenchError

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Handler(Protocol[T_contra]):
    """What answers tasks in a worker. It is made there, and may keep state (a network)."""

    def __call__(self, task: T_contra, /) -> Any:
        """Return a picklable answer.

        Raises:
            MFSRBenchError: no further task has a point; the run ends with it.
        """

    def close(self) -> None:
        """Release what is held beyond memory."""


@dataclass(frozen=True, slots=True)
class Died:
    """A worker process ended while it was at a task, or before it came to it."""

    cause: str  # "killed by signal 9", "exit code 1"


@dataclass(frozen=True, slots=True)
class Raised:
    """What a handler raised to end the run."""

    error: MFSRBenchError


# What makes a worker's handler (picklable, called in the worker), and the tasks that are its own.
# Workers may share an iterator: each takes from it when it is free. One that has ended is asked
# again after every answer of its worker, as it may have more by then.
Worker = tuple[Callable[[], Handler[T]], Iterable[T]]


def _reads_nothing(_task: Any, _fresh: bool) -> Iterable[Path]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What has to be known of tasks where workers are on other machines."""

    name: str = "mfsr-bench"  # for people who look at the cluster
    # The files that a task reads; its second argument: whether its worker has begun with it.
    reads: Callable[[Any, bool], Iterable[Path]] = _reads_nothing
    out: Path | None = None  # the folder that workers write files to
    gpus: float = 0.0  # that a worker takes
    whole: bool = False  # a worker without GPU takes all cores of its node, not one
