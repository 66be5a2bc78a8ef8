"""OSEDiff's networks: the base model with the updates of `osediff.pkl` folded in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from baselines import lora
from baselines.checkpoints import entry, read_pickle, require_same
from benchmarks.api.images import show

if TYPE_CHECKING:
    from torch import nn

    from baselines.sd21.components import Components

# The lists of updated layers in the file, and the adapter that each list's tensors are named by.
_UNET_ADAPTERS = {
    "unet_lora_encoder_modules": "default_encoder",
    "unet_lora_decoder_modules": "default_decoder",
    "unet_lora_others_modules": "default_others",
}
_VAE_ADAPTERS = {"vae_lora_encoder_modules": "default_encoder"}
_CONV_IN = "conv_in"


def apply_checkpoint(components: Components, path: Path) -> None:
    """Fold `osediff.pkl` into the base model, in float32.

    The U-Net's first convolution was trained as a whole and then updated too: its weights are
    replaced before its update is added.

    Raises:
        WeightsCorruptError: the file is not one for this base model; the message names the first
            key that differs.
    """
    content = read_pickle(path)
    unet, vae = components.unet, components.vae
    state = entry(content, "state_dict_unet", dict, path)
    own = {
        f"{_CONV_IN}.base_layer.{name}": tuple(value.shape)
        for name, value in unet.conv_in.named_parameters()
    }
    parts = _updates(unet, content, "unet", _UNET_ADAPTERS, own, path)
    with torch.no_grad():
        for name, value in unet.conv_in.named_parameters():
            value.copy_(state[f"{_CONV_IN}.base_layer.{name}"])
    lora.fold(unet, parts, lora.ALPHA / entry(content, "rank_unet", int, path))
    parts = _updates(vae, content, "vae", _VAE_ADAPTERS, {}, path)
    lora.fold(vae, parts, lora.ALPHA / entry(content, "rank_vae", int, path))


def _updates(
    network: nn.Module,
    content: dict[str, Any],
    part: str,
    adapters: dict[str, str],
    own: dict[str, tuple[int, ...]],
    path: Path,
) -> dict[str, lora.Update]:
    """Return the updates of one network, after checking that its tensors are exactly these."""
    rank = entry(content, f"rank_{part}", int, path)
    state = entry(content, f"state_dict_{part}", dict, path)
    layers = {  # upstream's list for the VAE names each layer twice
        adapter: tuple(dict.fromkeys(entry(content, key, list, path)))
        for key, adapter in adapters.items()
    }
    expected = dict(own)
    for adapter, names in layers.items():
        expected |= lora.expected_shapes(network, names, adapter, rank)
    require_same(state, expected, f"{show(path)}, state_dict_{part}")
    found: dict[str, lora.Update] = {}
    for adapter, names in layers.items():
        found |= lora.updates(state, names, adapter)
    return found
