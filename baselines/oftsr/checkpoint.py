"""OFTSR's files: averaged weights as a list without names, in guided diffusion's order.

Entry k belongs to the k-th parameter of the official network in the order in which its constructor
makes them. Here that order is walked along diffusers' network of the same layers, and every entry
is checked by its shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from baselines.checkpoints import entry, read_pickle
from baselines.oftsr.network import HEAD
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.text import show

if TYPE_CHECKING:
    from collections.abc import Mapping

_OTHER_FILE = "It is another release's: get the one that the card names."
_RESNET = (
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
)
_ENDS = ("weight", "bias")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One tensor of the official network."""

    official: str  # its name there
    own: tuple[str, ...]  # its name in diffusers' network; of q, k and v where it holds all three
    shape: tuple[int, ...]

    def split(self, tensor: Tensor) -> dict[str, Tensor]:
        """Return what an official tensor gives our network."""
        if len(self.own) == 1:
            (name,) = self.own
            tensor = tensor.squeeze(-1) if ".to_out.0.weight" in name else tensor
            return {name: tensor}
        # Per head: its 64 rows of q, then of k, then of v.
        heads = tensor.reshape(-1, 3, HEAD, *tensor.shape[1:2])
        parts = (heads[:, part].flatten(0, 1) for part in range(3))
        return dict(zip(self.own, parts, strict=True))


def entries(unet: Any) -> tuple[Entry, ...]:
    """Return the tensors of the official network, in its constructor's order."""
    shapes = {name: tuple(tensor.shape) for name, tensor in unet.state_dict().items()}
    return tuple(_entries(unet, shapes))


def _entries(unet: Any, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Entry]:
    def plain(official: str, own: str) -> Iterator[Entry]:
        for end in _ENDS:
            if (name := f"{own}.{end}") in shapes:
                yield Entry(official=f"{official}.{end}", own=(name,), shape=shapes[name])

    def resnet(place: str, own: str) -> Iterator[Entry]:
        for theirs, ours in _RESNET:
            yield from plain(f"{place}.{theirs}", f"{own}.{ours}")

    def attention(place: str, own: str) -> Iterator[Entry]:
        yield from plain(f"{place}.norm", f"{own}.group_norm")
        for end in _ENDS:
            names = tuple(f"{own}.to_{part}.{end}" for part in "qkv")
            width, *rest = shapes[names[0]]
            shape = (3 * width, *rest, *(1 for _ in rest))
            yield Entry(official=f"{place}.qkv.{end}", own=names, shape=shape)
        for one in plain(f"{place}.proj_out", f"{own}.to_out.0"):
            extra = (1,) * (len(one.shape) - 1)
            yield Entry(official=one.official, own=one.own, shape=(*one.shape, *extra))

    def layer(place: str, own: str, number: int) -> Iterator[Entry]:
        yield from resnet(f"{place}.0", f"{own}.resnets.{number}")
        if f"{own}.attentions.{number}.to_q.weight" in shapes:
            yield from attention(f"{place}.1", f"{own}.attentions.{number}")

    yield from plain("time_embed.0", "time_embedding.linear_1")
    yield from plain("time_embed.2", "time_embedding.linear_2")
    yield from plain("input_blocks.0.0", "conv_in")
    place = 1
    for level, block in enumerate(unet.down_blocks):
        for number in range(len(block.resnets)):
            yield from layer(f"input_blocks.{place}", f"down_blocks.{level}", number)
            place += 1
        if block.downsamplers:
            yield from resnet(f"input_blocks.{place}.0", f"down_blocks.{level}.downsamplers.0")
            place += 1
    yield from resnet("middle_block.0", "mid_block.resnets.0")
    yield from attention("middle_block.1", "mid_block.attentions.0")
    yield from resnet("middle_block.2", "mid_block.resnets.1")
    place = 0
    for level, block in enumerate(unet.up_blocks):
        own = f"up_blocks.{level}"
        for number in range(len(block.resnets)):
            yield from layer(f"output_blocks.{place}", own, number)
            place += 1
        up = _upsampler(block)
        if up:
            behind = 2 if f"{own}.attentions.0.to_q.weight" in shapes else 1
            yield from resnet(f"output_blocks.{place - 1}.{behind}", f"{own}.{up}")
    yield from plain("out.0", "conv_norm_out")
    yield from plain("out.2", "conv_out")


def _upsampler(block: Any) -> str:
    """Return the name of a block's upsampling resnet, or "" where it has none."""
    return "upsamplers.0" if block.upsamplers else ""


def read_averaged(path: Path) -> Sequence[Tensor]:
    """Return the list of averaged weights in a file.

    Raises:
        WeightsCorruptError: it holds none.
    """
    averaged = entry(read_pickle(path), "ema", dict, path)
    tensors: list[Tensor] = entry(averaged, "shadow_params", list, path)
    if not all(isinstance(tensor, Tensor) for tensor in tensors):
        raise WeightsCorruptError(f"{show(path)}: 'shadow_params' is no list of tensors.")
    return tensors


def load(unet: Any, path: Path) -> Any:
    """Give a U-Net the averaged weights of a file, in float32; return it ready for inference.

    Raises:
        WeightsCorruptError: they are not this network's; the first that differs is named.
    """
    tensors, expected = read_averaged(path), entries(unet)
    if len(tensors) != len(expected):
        raise WeightsCorruptError(
            f"{show(path)} holds {len(tensors)} tensors where {len(expected)} were expected.",
            _OTHER_FILE,
        )
    state: dict[str, Tensor] = {}
    for number, (one, tensor) in enumerate(zip(expected, tensors, strict=True)):
        if tuple(tensor.shape) != one.shape:
            raise WeightsCorruptError(
                f"{show(path)}: tensor {number} ('{one.official}') has shape "
                f"{tuple(tensor.shape)} where {one.shape} was expected.",
                _OTHER_FILE,
            )
        state |= one.split(tensor.to(torch.float32))
    unet.load_state_dict(state, assign=True)
    return unet.eval().requires_grad_(False)
