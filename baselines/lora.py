"""Low-rank updates of a checkpoint: W + scale * B A, by the names that peft gives them.

A convolution's A is the convolution (r, in, k, k) with its stride and padding, and its B a 1x1
convolution (out, r, 1, 1). Neither has a bias.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.api.errors import WeightsCorruptError

if TYPE_CHECKING:
    from torch import Tensor, nn

# OSEDiff and S3Diff set no alpha, and peft's default is 8 whatever the rank.
ALPHA = 8


@dataclass(frozen=True, slots=True)
class Update:
    """The two factors of one layer's update."""

    a: Tensor
    b: Tensor


def matching(network: nn.Module, targets: str | Collection[str]) -> tuple[str, ...]:
    """Return the names of the layers that peft's `target_modules` stands for, in order.

    Args:
        network: where to look.
        targets: a regular expression for the whole name, or names and their endings.
    """
    from torch import nn

    layers = (name for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d))
    if isinstance(targets, str):
        return tuple(name for name in layers if re.fullmatch(targets, name))
    return tuple(
        name
        for name in layers
        if any(name == target or name.endswith(f".{target}") for target in targets)
    )


def expected_shapes(
    network: nn.Module, layers: Collection[str], adapter: str, rank: int, *, prefix: str = ""
) -> dict[str, tuple[int, ...]]:
    """Return the keys and shapes that a checkpoint has for updates of `layers`.

    Args:
        network: what is updated.
        layers: names of its layers.
        adapter: peft's name of the updates; empty where the keys do not hold it.
        rank: of the updates.
        prefix: of every key: "transformer".

    Raises:
        WeightsCorruptError: the network has no such layer.
    """
    modules = dict(network.named_modules())
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in layers:
        if layer not in modules:
            raise WeightsCorruptError(
                f"The checkpoint updates a layer that the base model does not have: '{layer}'.",
                "It belongs to another base model: get the one that the card names.",
            )
        outputs, *rest = modules[layer].weight.shape
        inputs, kernel = rest[0], rest[1:]
        shapes[_key(layer, "A", adapter, prefix)] = (rank, inputs, *kernel)
        shapes[_key(layer, "B", adapter, prefix)] = (outputs, rank, *(1 for _ in kernel))
    return shapes


def _key(layer: str, factor: str, adapter: str, prefix: str) -> str:
    return ".".join(filter(None, (prefix, layer, f"lora_{factor}", adapter, "weight")))


def updates(
    state: Mapping[str, Tensor], layers: Collection[str], adapter: str, *, prefix: str = ""
) -> dict[str, Update]:
    """Return the updates of `layers` by name, in float32."""
    return {
        layer: Update(
            state[_key(layer, "A", adapter, prefix)].float(),
            state[_key(layer, "B", adapter, prefix)].float(),
        )
        for layer in layers
    }


def fold(network: nn.Module, parts: Mapping[str, Update], scale: float) -> None:
    """Add updates to the weights: W += scale * B A, before any cast, in float32 or W's float64."""
    import torch

    modules = dict(network.named_modules())
    with torch.no_grad():
        for layer, update in parts.items():
            weight = modules[layer].weight
            dtype = torch.promote_types(weight.dtype, update.a.dtype)
            delta = update.b.flatten(1).to(dtype) @ update.a.flatten(1).to(dtype)
            weight += scale * delta.reshape(weight.shape)
