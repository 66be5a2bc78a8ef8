"""S3Diff's networks: SD-Turbo with the modulated layers of `s3diff.pkl`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from baselines import lora
from baselines.checkpoints import entry, read_pickle, require_same
from baselines.s3diff.lora import Mixing, modulate
from baselines.s3diff.modulation import BlockModulation, fourier
from baselines.sd21.one_step import TIMESTEP
from benchmarks.api.images import show

if TYPE_CHECKING:
    from baselines.sd21.components import Components

GUIDANCE = 1.07
_UNET_BLOCKS, _VAE_BLOCKS = 10, 6
_UNET_ADAPTER, _VAE_ADAPTER = "default", "vae_skip"


def unet_block(layer: str) -> int:
    """Return the modulation block of a U-Net layer: 0-3 down, 4 middle, 5-8 up, 9 conv_out."""
    part, *rest = layer.split(".")
    if part == "mid_block":
        return 4
    if part in ("down_blocks", "up_blocks"):
        return int(rest[0]) + (5 if part == "up_blocks" else 0)
    return _UNET_BLOCKS - 1


def vae_block(layer: str) -> int:
    """Return the modulation block of a VAE encoder layer: 0-3 down, 4 middle, 5 the other two."""
    _, part, *rest = layer.split(".")
    if part == "down_blocks":
        return int(rest[0])
    return _VAE_BLOCKS - (2 if part == "mid_block" else 1)


class S3DiffNetwork:
    """What `s3diff.pkl` adds to the base model: modulation, and layers that listen to it.

    The base model's U-Net and VAE are changed in place; they stay their owner's to move. `adapt`
    sets the images that they compute next. The modulation itself stays in float32.
    """

    def __init__(self, components: Components, path: Path) -> None:
        content = read_pickle(path)
        self._unet, self._vae = components.unet, components.vae
        self._unet_mixing, self._vae_mixing = Mixing(), Mixing()
        self._frequencies = entry(content, "w", Tensor, path).detach().float()
        self._unet_modulation = _modulation(content, "unet", _UNET_BLOCKS, path)
        self._vae_modulation = _modulation(content, "vae", _VAE_BLOCKS, path)
        _install(self._unet, content, "unet", _UNET_ADAPTER, self._unet_mixing, path)
        _install(self._vae, content, "vae", _VAE_ADAPTER, self._vae_mixing, path)

    def to(self, device: str) -> None:
        """Move the modulation."""
        self._frequencies = self._frequencies.to(device)
        self._unet_modulation.to(device)
        self._vae_modulation.to(device)

    def adapt(self, degrees: Tensor) -> None:
        """Modulate the layers for images of these degrees of degradation (B, 2)."""
        features = fourier(degrees, self._frequencies)
        self._vae_mixing.matrices = self._vae_modulation(features).to(self._vae.dtype)
        # Each image goes through the U-Net twice, with the negative and the positive prompt.
        matrices = self._unet_modulation(features).to(self._unet.dtype)
        self._unet_mixing.matrices = matrices.repeat(2, 1, 1, 1)

    def eps(self, z: Tensor, text: Tensor) -> Tensor:
        """Return the guided eps = e_neg + 1.07 (e_pos - e_neg) of latents (B, 4, h, w).

        Args:
            z: latents of the images that `adapt` was given.
            text: embeddings of the negative and the positive prompt, (2, 77, 1024).
        """
        prompts = text.repeat_interleave(len(z), dim=0)
        both = self._unet(z.repeat(2, 1, 1, 1), TIMESTEP, encoder_hidden_states=prompts).sample
        negative, positive = both.chunk(2)
        guided: Tensor = negative + GUIDANCE * (positive - negative)
        return guided


def _modulation(content: dict[str, Any], part: str, blocks: int, path: Path) -> BlockModulation:
    """Return the modulation of one network, loaded."""
    modulation = BlockModulation(blocks, entry(content, f"rank_{part}", int, path))
    embeddings = entry(content, "state_embeddings", dict, path)
    sources = {
        name: entry(content, f"state_dict_{part}_{name}", dict, path)
        for name in ("de_mlp", "block_mlp", "fuse_mlp")
    }
    sources["block"] = entry(embeddings, f"state_dict_{part}_block", dict, path)
    for name, state in sources.items():
        module = modulation.get_submodule(name)
        expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
        require_same(state, expected, f"{show(path)}, {part} {name}")
        module.load_state_dict(state)
    return modulation.eval().requires_grad_(False)


def _install(
    network: nn.Module, content: dict[str, Any], part: str, adapter: str, mixing: Mixing, path: Path
) -> None:
    """Change one network of the base model into the checkpoint's."""
    rank = entry(content, f"rank_{part}", int, path)
    state = entry(content, f"state_dict_{part}", dict, path)
    targets = content.get(f"{part}_lora_target_modules")
    if not isinstance(targets, str):
        targets = entry(content, f"{part}_lora_target_modules", list, path)
    layers = lora.matching(network, targets)
    own = _conv_in_shapes(network) if part == "unet" else {}
    expected = own | lora.expected_shapes(network, layers, adapter, rank)
    require_same(state, expected, f"{show(path)}, state_dict_{part}")
    with torch.no_grad():
        for key in own:  # the first convolution was trained as a whole and has no update
            network.get_parameter(key).copy_(state[key])
    block_of: Callable[[str], int] = unet_block if part == "unet" else vae_block
    parts = lora.updates(state, layers, adapter)
    modulate(network, parts, lora.ALPHA / rank, mixing, block_of)


def _conv_in_shapes(unet: nn.Module) -> dict[str, tuple[int, ...]]:
    convolution = unet.get_submodule("conv_in")
    return {f"conv_in.{name}": tuple(p.shape) for name, p in convolution.named_parameters()}
