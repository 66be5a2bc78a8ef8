"""PiSA-SR's networks: the base model with the two groups of updates of `pisa_sr.pkl` folded in."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baselines import lora
from baselines.checkpoints import entry, read_pickle, require_same
from benchmarks.api.text import show

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel
    from torch import Tensor

TIMESTEP = 1

# What the file's lists and adapters are named by.
_PARTS = ("encoder", "decoder", "others")
_PIXEL, _SEMANTIC = "pix", "sem"


@dataclass(frozen=True, slots=True)
class Scales:
    """The strengths of the pixel and of the semantic updates: lambda_pix and lambda_sem."""

    pixel: float = 1.0
    semantic: float = 1.0

    @property
    def adjusted(self) -> bool:
        """Whether the two predictions have to be told apart, which takes two evaluations."""
        return (self.pixel, self.semantic) != (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Residual:
    """Predicts what separates a latent from the restored one: z_HR = z_LR - residual(z_LR)."""

    both: UNet2DConditionModel  # with both groups
    pixel: UNet2DConditionModel | None = None  # with the pixel group alone, where it is needed
    scales: Scales = Scales()

    def __call__(self, z: Tensor, text: Tensor) -> Tensor:
        """Return the residual (B, 4, h, w) of latents; of two evaluations in float32."""
        whole: Tensor = self.both(z, TIMESTEP, encoder_hidden_states=text).sample
        if self.pixel is None:
            return whole
        pixel: Tensor = self.pixel(z, TIMESTEP, encoder_hidden_states=text).sample
        semantic = whole - pixel
        return self.scales.pixel * pixel.float() + self.scales.semantic * semantic.float()


def adapt(unet: UNet2DConditionModel, path: Path, scales: Scales) -> Residual:
    """Fold `pisa_sr.pkl` into SD 2.1's U-Net, in float32, and keep apart what `scales` needs.

    Raises:
        WeightsCorruptError: the file is not one for this base model; the message names the first
            key that differs.
    """
    content = read_pickle(path)
    ranks = {g: entry(content, f"lora_rank_unet_{g}", int, path) for g in (_PIXEL, _SEMANTIC)}
    layers = {
        group: {
            f"default_{part}_{group}": entry(
                content, f"unet_lora_{part}_modules_{group}", list, path
            )
            for part in _PARTS
        }
        for group in ranks
    }
    state = entry(content, "state_dict_unet", dict, path)
    expected: dict[str, tuple[int, ...]] = {}
    for group, rank in ranks.items():
        for adapter, names in layers[group].items():
            expected |= lora.expected_shapes(unet, names, adapter, rank)
    require_same(state, expected, f"{show(path)}, state_dict_unet")

    def fold(group: str) -> None:
        for adapter, names in layers[group].items():
            lora.fold(unet, lora.updates(state, names, adapter), lora.ALPHA / ranks[group])

    fold(_PIXEL)
    pixel = copy.deepcopy(unet) if scales.adjusted else None
    fold(_SEMANTIC)
    return Residual(unet, pixel, scales)
