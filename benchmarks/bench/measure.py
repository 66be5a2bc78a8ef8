"""Measuring one method at one batch size: what happens inside the measuring process.

Latency comes first, with the stages switched off, so that nothing synchronises on the way. The
split, which synchronises at every border of a stage, and the counts follow after the memory was
read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.api.prompts import PromptRuntime
from benchmarks.api.restorer import LRBatch, Restorer
from benchmarks.api.text import cause_of
from benchmarks.bench.rows import OTHER, Part

if TYPE_CHECKING:
    from torch import Tensor

    from benchmarks.api.prompts import PromptExtractor
    from benchmarks.bench.memory import MemoryMeter
    from benchmarks.methods import Method

What = Literal["latency", "split"]
_PROMPT = "prompt"  # as the engine names the stage
_SPLIT_RUNS = 5  # at most: the split is where the time goes, not how long it takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One method at one batch size. It pickles."""

    method: Method
    extractor: type[PromptExtractor] | None  # None: no prompts, or empty ones
    batch: int
    height: int  # LR pixels
    width: int  # LR pixels
    warm_up: int
    repeats: int
    split: bool  # whether to measure the parts and to count


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """The latency was measured."""

    seconds: tuple[float, ...]
    load_s: float
    first_s: float
    peak_memory_bytes: int
    start_memory_bytes: int
    reserved_bytes: int | None
    memory: Literal["cuda-allocated", "rss"]
    torch: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The parts were measured."""

    parts: dict[str, Part]
    macs: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A part of the measurement did not succeed."""

    what: What
    error: str
    cause: str


class Measuring:
    """Measures one case in a worker process: its latency, and then its split."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._subject: Subject | None = None

    def close(self) -> None:
        """Release what the method took beyond memory."""
        if self._subject:
            self._subject.close()

    def __call__(self, what: What) -> Timed | Split | Unmeasured:
        """Return what was asked for, or why there is none."""
        try:
            return self._latency() if what == "latency" else self._split()
        except Exception as error:
            return Unmeasured(what=what, error=type(error).__name__, cause=cause_of(error))

    def _latency(self) -> Timed:
        from benchmarks.bench.memory import MemoryMeter

        meter = MemoryMeter(self._case.method.runtime.device)  # imports torch, before loading
        start = time.perf_counter()
        self._subject = Subject.load(self._case)
        return _timed(self._subject, self._case, meter, load_s=time.perf_counter() - start)

    def _split(self) -> Split:
        assert self._subject is not None
        return _split(self._subject, runs=min(self._case.repeats, _SPLIT_RUNS))


@dataclass(slots=True)
class Subject:
    """A loaded method with its prompt extractor, called on a new image every time."""

    restorer: Restorer
    extractor: PromptExtractor | None
    case: Case
    _calls: int = field(default=0)

    @classmethod
    def load(cls, case: Case) -> Subject:
        """Load the method, and the extractor of its prompts where it asks for them."""
        runtime = case.method.runtime
        extractor = None
        if case.extractor:
            extractor = case.extractor.load(
                PromptRuntime(
                    card=case.extractor.card, weights=runtime.weights, device=runtime.device
                )
            )
        return cls(case.method.restorer.load(runtime), extractor, case)

    def close(self) -> None:
        """Release what loading took beyond memory."""
        self.restorer.close()
        if self.extractor:
            self.extractor.close()

    def batch(self) -> Tensor:
        """Return LR images (B, 3, h, w) in [0, 1]: 8-bit noise, another one every time.

        New images keep a method from answering out of what it remembers of an earlier one.
        """
        import torch

        self._calls += 1
        generator = torch.Generator().manual_seed(self._calls)
        size = (self.case.batch, 3, self.case.height, self.case.width)
        return torch.randint(256, size, generator=generator).float() / 255

    def restore(self, images: Tensor) -> None:
        """Extract prompts and restore: what is measured."""
        n = len(images)
        prompts = ("",) * n
        if self.extractor:
            with self.restorer.stage(_PROMPT):
                prompts = self.extractor.extract(list(images))
        batch = LRBatch(
            images=images,
            ids=tuple(f"{self._calls}-{i}" for i in range(n)),
            seeds=tuple(range(n)),
            prompts=prompts,
        )
        self.restorer.restore(batch, steps=self.case.method.steps)

    def synchronise(self) -> None:
        """Wait for the device."""
        device = self.case.method.runtime.device
        if device.startswith("cuda"):
            import torch

            torch.cuda.synchronize(device)

    def run(self) -> float:
        """Restore one batch and return the seconds that it took."""
        images = self.batch()
        self.synchronise()
        start = time.perf_counter()
        self.restore(images)
        self.synchronise()
        return time.perf_counter() - start


def _timed(subject: Subject, case: Case, meter: MemoryMeter, *, load_s: float) -> Timed:
    subject.restorer.clock = None
    first_s, *_ = [subject.run() for _ in range(case.warm_up)]
    seconds = tuple(subject.run() for _ in range(case.repeats))
    return Timed(
        seconds=seconds,
        load_s=load_s,
        first_s=first_s,
        peak_memory_bytes=meter.peak(),
        start_memory_bytes=meter.start,
        reserved_bytes=meter.reserved(),
        memory=meter.kind,
        torch=torch_facts(),
    )


def _split(subject: Subject, *, runs: int) -> Split:
    from benchmarks.bench.counting import MacCounter, ParameterCounter

    subject.restorer.clock = time.perf_counter
    seconds = [_parts(subject, subject.run()) for _ in range(runs)]
    with MacCounter() as mac_counter:
        macs = _counted(subject, mac_counter.total)
    with ParameterCounter() as parameter_counter:
        parameters = _counted(subject, parameter_counter.total)
    names = dict.fromkeys(name for run in seconds for name in run)
    parts = {
        name: Part(
            seconds=median(run.get(name, 0.0) for run in seconds),
            macs=macs.get(name, 0),
            parameters=parameters.get(name, 0),
        )
        for name in names
    }
    return Split(parts=parts, macs=sum(macs.values()), parameters=sum(parameters.values()))


def _counted(subject: Subject, total: Callable[[], int]) -> dict[str, int]:
    """Return by how much a counter grows in each part of one restoration."""
    subject.restorer.clock = total
    subject.restore(subject.batch())
    return {name: round(value) for name, value in _parts(subject, total()).items()}


def _parts(subject: Subject, whole: float) -> dict[str, float]:
    """Return what the clock counted in each stage, and outside of all of them."""
    stages = subject.restorer.pop_stages()
    return {**stages, OTHER: whole - sum(stages.values())}


def torch_facts() -> dict[str, Any]:
    """Return what of torch's build and settings moves times."""
    import torch

    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda if torch.cuda.is_available() else None,
        "cudnn": _cudnn(),
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
    }


def _cudnn() -> int | None:
    import torch

    # torch gives its version no types.
    version: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return version if torch.cuda.is_available() else None
