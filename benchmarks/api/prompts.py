"""Prompt extractors: LR images in, one text per image out.

Methods that are told what an image shows name a prompt kind on their card ("tags:dape"), and the
harness calls the extractor of that kind: once per image, whatever the number of methods, and never
where the user gives the prompts. What is extracted is stored with the run, under the LR image's
sha256 and `PromptCard.kind`. The harness times the calls and adds them to the time of the methods
that ask for the kind, as the stage "prompt".

An extractor is registered in the entry-point group `mfsr_bench.prompts` under its kind with "-" for
":" ("tags-dape"), which is also the name that its weights are fetched by:

    extractor = registry.prompt_extractor("tags:dape").load(PromptRuntime(card=card, device="cuda"))
    tags = extractor.extract([lr_of_one_image, lr_of_another])
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, final

from benchmarks.api.errors import ConfigError, OutputError
from benchmarks.api.restorer import torch_dtype
from benchmarks.api.weights import WeightStore

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from benchmarks.api.card import Dtype, Paper, PromptKind, Upstream, Weights


def entry_name(kind: str) -> str:
    """Return the entry point that a prompt kind is registered under: "tags:dape" -> "tags-dape"."""
    return kind.replace(":", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCard:
    """All that the harness needs to know of a prompt extractor."""

    kind: PromptKind  # what methods ask for: "tags:dape"
    title: str  # "RAM + DAPE"
    weights: tuple[Weights, ...] = ()
    licence: str = "Apache-2.0"  # of the extractor as a user meets it, weights included
    paper: Paper | None = None
    upstream: Upstream | None = None
    dtypes: tuple[Dtype, ...] = ("fp32",)  # the first one is the default
    deviations: tuple[str, ...] = ()  # each difference from upstream
    note: str = ""

    @property
    def name(self) -> str:
        """The id of the extractor: its entry point, and the owner of its weights."""
        return entry_name(self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRuntime:
    """Where and how an extractor is to run. It pickles: worker processes receive it as it is."""

    card: PromptCard
    weights: WeightStore = field(default_factory=WeightStore)
    device: str = "cpu"  # as torch spells it
    dtype: Dtype | None = None  # None: the first dtype of the card

    def weight(self, name: str) -> Path:
        """Return the path of one of the card's weight files or folders.

        Raises:
            WeightsMissingError: it is not on this machine; the error says how to get it.
        """
        return self.weights.require_named(self.card.name, self.card.weights, name)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype to compute in."""
        return torch_dtype(self.dtype or self.card.dtypes[0])


class PromptExtractor(ABC):
    """Says in words what LR images show.

    A subclass sets `card`, loads its networks in `load`, and computes in `_extract`. It draws no
    randomness: the prompt of an image depends on its pixels alone.
    """

    card: ClassVar[PromptCard]

    def __init__(self, runtime: PromptRuntime) -> None:
        self.runtime = runtime

    @classmethod
    @abstractmethod
    def load(cls, runtime: PromptRuntime) -> Self:
        """Build the extractor: read its weights, put its networks on the device."""

    @abstractmethod
    def _extract(self, images: Sequence[Tensor]) -> Sequence[str]:
        """Return one prompt per image (3, h, w) in [0, 1]."""

    def close(self) -> None:
        """Release what `load` took beyond memory."""

    @final
    def extract(self, images: Sequence[Tensor]) -> tuple[str, ...]:
        """Return one prompt per LR image.

        Args:
            images: (3, h, w) float in [0, 1], of any sizes.

        Returns:
            Texts of one line; an empty text where the extractor finds nothing.

        Raises:
            ConfigError: an image is not what it should be.
            OutputError: the extractor returned another number of prompts, or no plain lines.
        """
        import torch

        for image in images:
            _check_image(image)
        with torch.inference_mode():
            prompts = tuple(self._extract(images))
        kind = self.card.kind
        if len(prompts) != len(images):
            raise OutputError(f"'{kind}' gave {len(prompts)} prompts for {len(images)} images.")
        for prompt in prompts:
            if not isinstance(prompt, str) or len(prompt.splitlines()) > 1:
                raise OutputError(f"'{kind}' gave {prompt!r}, which is not a line of text.")
        return prompts


def _check_image(image: Tensor) -> None:
    shape = tuple(image.shape)
    if len(shape) != 3 or shape[0] != 3 or 0 in shape:
        raise ConfigError(f"an LR image is (3, h, w), not {shape}")
    if not image.is_floating_point():
        raise ConfigError(f"an LR image is float in [0, 1], not {image.dtype}")
    low, high = image.aminmax()
    if not (low >= 0 and high <= 1):  # false for NaN too
        raise ConfigError(f"an LR image lies in [0, 1], not in [{low:.4g}, {high:.4g}]")
