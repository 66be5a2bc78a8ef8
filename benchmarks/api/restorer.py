"""The abstract class that every method implements, and what it is given.

One public, guarded method, `Restorer.restore`, checks, pads, crops and clamps for all methods
alike, so that no adapter can get these differently wrong. Its two halves are there for callers that
finish a batch while they compute the next.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, final

from benchmarks.api.errors import ConfigError, OutputError, UsageError
from benchmarks.api.weights import WeightStore

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from benchmarks.api.card import Dtype, MethodCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Where and how a method is to run. It pickles: worker processes receive it as it is."""

    card: MethodCard
    weights: WeightStore = field(default_factory=WeightStore)
    device: str = "cpu"  # as torch spells it: "cpu", "cuda:0"
    dtype: Dtype | None = None  # None: the first dtype of the card
    mended: bool = False  # mend upstream's declared quirks; by default the row is its program
    offload: bool = False  # keep on the device only the part that computes
    argument: str = ""  # what stands after the colon of `name:argument`
    options: Mapping[str, str] = field(
        default_factory=dict
    )  # given options; the card has the defaults

    def option(self, name: str) -> str:
        """Return the value of one of the card's options, given or default.

        Raises:
            ConfigError: the card has no such option, or the given value is not among its choices.
        """
        for option in self.card.options:
            if option.name == name:
                value = self.options.get(name, option.default)
                if option.choices and value not in option.choices:
                    raise ConfigError(
                        f"'{self.card.name}' cannot take {name}={value}.",
                        f"Use one of: {', '.join(option.choices)}",
                    )
                return value
        raise ConfigError(f"'{self.card.name}' declares no option '{name}'.")

    def number(self, name: str) -> float:
        """Return the value of one of the card's options as a number.

        Raises:
            ConfigError: it is none.
        """
        text = self.option(name)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ConfigError(f"{name} is {text!r}, not a number.")
        return value

    def weight(self, name: str) -> Path:
        """Return the path of one of the card's weight files or folders.

        Raises:
            WeightsMissingError: it is not on this machine; the error says how to get it.
        """
        needed = self.card.with_weights_for(self.options).weights
        return self.weights.require_named(self.card.name, needed, name)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype to compute in."""
        return torch_dtype(self.dtype or self.card.dtypes[0])


def torch_dtype(name: Dtype) -> torch.dtype:
    """Return torch's dtype of one of our names."""
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class LRFile:
    """One LR image on disk, before it is read."""

    id: str
    path: Path
    seed: int
    prompt: str | None = None  # where the card asks for prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class LRBatch:
    """LR images of one size, with what belongs to each of them."""

    images: Tensor  # (B, 3, h, w) float32 in [0, 1]
    ids: tuple[str, ...]  # image ids, unique in their data set
    seeds: tuple[int, ...]  # one per image
    dataset: str = ""
    prompts: tuple[str, ...] | None = None  # one per image where the card asks for prompts

    def __len__(self) -> int:
        return len(self.ids)

    def generators(self) -> tuple[torch.Generator, ...]:
        """Return a fresh CPU generator per image, each at the start of that image's stream."""
        import torch

        return tuple(torch.Generator().manual_seed(seed) for seed in self.seeds)

    def randn(self, *shape: int) -> Tensor:
        """Return N(0, 1) noise (B, *shape), drawn per image from the start of its stream.

        Drawn on the CPU in float32 whatever the device, so that noise does not depend on it. A
        method that draws more than once calls `generators` and keeps them.
        """
        import torch

        return torch.stack([torch.randn(shape, generator=g) for g in self.generators()])


class Restorer(ABC):
    """A method: LR images in, SR images out.

    A subclass sets `card`, loads its networks in `load` (the only place for heavy imports beside
    `_restore`), and computes in `_restore`. It never draws randomness but from the batch's seeds.
    """

    card: ClassVar[MethodCard]
    computes: ClassVar[bool] = True  # False: what it answers is computed elsewhere (adapters)
    steps_are_words: ClassVar[bool] = False  # any number: it says how others computed the answer

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        # What stages are measured by: seconds, or anything else that grows while a method works.
        # None switches them off, so that nothing is synchronised on the way.
        self.clock: Callable[[], float] | None = time.perf_counter
        self._stages: dict[str, float] = {}

    @classmethod
    def card_for(cls, argument: str) -> MethodCard:
        """Return the card of `name:argument`. Only adapters that take an argument override it."""
        if argument:
            raise UsageError(
                f"'{cls.card.name}' takes no argument, but '{argument}' was given.",
                f"Use: {cls.card.name}",
            )
        return cls.card

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Return what identifies the files outside card and weights that decide the output.

        A run directory refuses to go on when it changes. Empty where there are no such files.
        """
        return ""

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the bytes of GPU memory that restoring takes at its peak; None if unknown.

        Asked by `run --plan` alone. It computes nothing, but may build networks on torch's meta
        device to count what they would take.

        Args:
            runtime: dtype, options and offload count; the device does not.
            lr_size: (height, width) of the LR images.
            batch: LR images at a time.
        """
        return None

    @classmethod
    @abstractmethod
    def load(cls, runtime: Runtime) -> Self:
        """Build the method: read its weights, put its networks on the device."""

    @abstractmethod
    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        """Return SR (B, 3, s*h, s*w), float in [0, 1], of a batch that fits the size rule.

        It is read while the next batch is computed: a method does not write into it again.
        """

    def begin(self, dataset: str, images: Sequence[LRFile], *, seed: int) -> None:
        """Look at all pending images of a data set before the first of them is restored.

        For methods that work on whole folders; most ignore it. Its time is shared out among the
        images. It may be called again for the same data set with fewer images, after a resume.

        Args:
            dataset: id of the data set.
            images: the images that will be restored next.
            seed: the stream of the data set, for what cannot draw per image.
        """

    def close(self) -> None:
        """Release what `load` and `begin` took beyond memory (temporary folders, processes)."""

    @final
    def restore(self, batch: LRBatch, *, steps: int | None = None) -> Tensor:
        """Restore a batch.

        Args:
            batch: LR images (B, 3, h, w) in [0, 1], with seeds and, if asked for, prompts.
            steps: sampling steps; None for the card's default.

        Returns:
            SR images (B, 3, s*h, s*w), float32 on the CPU, in [0, 1].

        Raises:
            ConfigError: the batch or the number of steps is not what the card asks for.
            OutputError: the method returned a wrong size, no tensor, or non-finite values.
        """
        return self.finish(batch, self.compute(batch, steps=steps))

    @final
    def compute(self, batch: LRBatch, *, steps: int | None = None) -> Tensor:
        """Return what the method makes of a batch, to be finished: the first half of `restore`.

        Raises:
            ConfigError: the batch or the number of steps is not what the card asks for.
        """
        import torch

        card = self.runtime.card
        steps = steps if self.steps_are_words else card.check_steps(steps)
        _check_batch(batch, card)
        with torch.inference_mode():
            return self._restore(_pad(batch, card), steps)

    @final
    def finish(self, batch: LRBatch, sr: Tensor) -> Tensor:
        """Return the images that were computed of a batch, as `restore` does; in any thread.

        Raises:
            OutputError: the method returned a wrong size, no tensor, or non-finite values.
        """
        import torch

        card = self.runtime.card
        height, width = batch.images.shape[-2:]
        grown = (card.scale * _grown(height, card), card.scale * _grown(width, card))
        _check_output(sr, (len(batch), 3, *grown), card)
        sr = sr[..., : card.scale * height, : card.scale * width]
        return sr.to("cpu", torch.float32).clamp(0, 1)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a part of `_restore` ("vae", "text", "network") for the efficiency tables.

        Stages do not hold one another; what is in none of them is shown as "other".
        """
        clock = self.clock
        if clock is None:
            yield
            return
        self.synchronise()
        start = clock()
        try:
            yield
        finally:
            self.synchronise()
            self._stages[name] = self._stages.get(name, 0.0) + clock() - start

    @contextmanager
    def on_device(self, *networks: nn.Module) -> Iterator[None]:
        """Have networks on the device while they compute; with `runtime.offload`, only then."""
        for network in networks:
            network.to(self.runtime.device)
        try:
            yield
        finally:
            if self.runtime.offload:
                for network in networks:
                    network.to("cpu")

    def pop_stages(self) -> dict[str, float]:
        """Return what the clock counted (seconds) per stage since the last call, and forget it."""
        stages, self._stages = self._stages, {}
        return stages

    def synchronise(self) -> None:
        """Wait until the device has done what it was given."""
        if self.runtime.device.startswith("cuda"):
            import torch

            torch.cuda.synchronize(self.runtime.device)


def _check_batch(batch: LRBatch, card: MethodCard) -> None:
    shape = tuple(batch.images.shape)
    if len(shape) != 4 or shape[1] != 3 or 0 in shape:
        raise ConfigError(f"an LR batch is (B, 3, h, w), not {shape}")
    if not batch.images.is_floating_point():
        raise ConfigError(f"an LR batch is float in [0, 1], not {batch.images.dtype}")
    low, high = batch.images.aminmax()
    if not (low >= 0 and high <= 1):  # false for NaN too
        raise ConfigError(f"an LR batch lies in [0, 1], not in [{low:.4g}, {high:.4g}]")
    if not len(batch.ids) == len(batch.seeds) == shape[0]:
        raise ConfigError(
            f"{shape[0]} images come with {len(batch.ids)} ids and {len(batch.seeds)} seeds"
        )
    if batch.prompts is not None and len(batch.prompts) != shape[0]:
        raise ConfigError(f"{shape[0]} images come with {len(batch.prompts)} prompts")
    if card.prompt not in ("none", "fixed") and batch.prompts is None:
        raise ConfigError(f"'{card.name}' needs one prompt per image ({card.prompt})")


def _pad(batch: LRBatch, card: MethodCard) -> LRBatch:
    from benchmarks.api.images import extend

    height, width = batch.images.shape[-2:]
    return replace(batch, images=extend(batch.images, _grown(height, card), _grown(width, card)))


def _grown(side: int, card: MethodCard) -> int:
    multiple = card.size.multiple_of
    return -(-max(side, card.size.minimum) // multiple) * multiple


def _check_output(sr: Tensor, expected: tuple[int, ...], card: MethodCard) -> None:
    import torch

    if not isinstance(sr, torch.Tensor):
        raise OutputError(f"'{card.name}' returned {type(sr).__name__}, not a tensor.")
    if tuple(sr.shape) != expected:
        raise OutputError(
            f"'{card.name}' returned {tuple(sr.shape)} where {expected} was expected."
        )
    if not torch.stack(sr.aminmax()).isfinite().all():
        raise OutputError(f"'{card.name}' returned values that are not finite.")
