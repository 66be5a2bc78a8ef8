"""TSD-SR's networks: Stable Diffusion 3 medium with the updates of the official files.

z_out = z_LR - v(z_LR, t = 1000): the clean LR latent is taken for pure noise, and one Euler step
from sigma = 1 to 0 leads to the restored latent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from torch import Tensor, nn

from baselines import lora
from baselines.checkpoints import require_same
from baselines.pretrained import corrupt, load_part, no_progress_bar
from baselines.tsdsr.weights import RANK
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tensors import read_safetensors, read_torch
from benchmarks.api.text import show
from benchmarks.api.tiling import Tile, Tiling, predict_tiled

if TYPE_CHECKING:
    from pathlib import Path

LoRA = Literal["folded", "beside"]

TIMESTEP = 1000.0
_PREFIX = "transformer"  # of every key, in the VAE's file too

TRANSFORMER_TARGETS = (
    *("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj"),
    *("proj", "linear", "proj_out"),  # patch embedding and feed-forwards; modulations; the head
)
# All convolutions and projections of the encoder; upstream's list adds a layer that SD3 has not.
VAE_TARGETS = (
    r"encoder\..*(conv_in|conv1|conv2|conv_shortcut|conv|conv_out|to_q|to_k|to_v|to_out\.0)"
)


@dataclass(slots=True)
class Networks:
    """The two networks, in float32 on the CPU until they are moved."""

    transformer: SD3Transformer2DModel
    vae: AutoencoderKL


def load_networks(base: Path, transformer_parameters: int, vae_parameters: int) -> Networks:
    """Read transformer and VAE of Stable Diffusion 3 medium.

    Raises:
        WeightsCorruptError: a part cannot be read, lacks tensors, or has another size.
    """
    with no_progress_bar():
        networks = Networks(
            load_part(SD3Transformer2DModel, base / "transformer", transformer_parameters),
            load_part(AutoencoderKL, base / "vae", vae_parameters),
        )
    if networks.vae.config.use_quant_conv:
        raise corrupt(base / "vae", "has a layer 'quant_conv', which Stable Diffusion 3's lacks")
    return networks


def apply_release(networks: Networks, transformer: Path, vae: Path, how: LoRA) -> None:
    """Add the updates of the official files to the networks, in float32.

    Args:
        networks: Stable Diffusion 3 medium's.
        transformer: official `transformer.safetensors`.
        vae: official `vae.safetensors`, whose keys start with "transformer" too.
        how: "folded" into the weights, or "beside" them as peft's layers, as upstream has them.

    Raises:
        WeightsCorruptError: a file is not this; the message names the first key that differs.
    """
    for network, targets, path in (
        (networks.transformer, TRANSFORMER_TARGETS, transformer),
        (networks.vae, VAE_TARGETS, vae),
    ):
        layers = lora.matching(network, targets)
        state = read_safetensors(path)
        expected = lora.expected_shapes(network, layers, "", RANK, prefix=_PREFIX)
        require_same(state, expected, show(path))
        updates = lora.updates(state, layers, "", prefix=_PREFIX)
        if how == "folded":
            lora.fold(network, updates, scale=1.0)
        else:
            _add_beside(network, updates)


def _add_beside(network: Any, updates: dict[str, lora.Update]) -> None:
    from peft import LoraConfig

    network.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=list(updates)))
    modules = dict(network.named_modules())
    with torch.no_grad():
        for layer, update in updates.items():
            modules[f"{layer}.lora_A.default"].weight.copy_(update.a)
            modules[f"{layer}.lora_B.default"].weight.copy_(update.b)
    network.eval().requires_grad_(requires_grad=False)


def read_prompt(prompt: Path, pooled: Path) -> tuple[Tensor, Tensor]:
    """Read the official embeddings of the default prompt: text (1, T, D) and pooled text (1, P).

    Raises:
        WeightsCorruptError: a file holds something else.
    """
    return _embedding(prompt, 3), _embedding(pooled, 2)


def _embedding(path: Path, dimensions: int) -> Tensor:
    value = read_torch(path)
    if isinstance(value, Tensor) and value.ndim == dimensions - 1:
        value = value[None]  # saved without a batch
    if not isinstance(value, Tensor) or value.ndim != dimensions or len(value) != 1:
        found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise WeightsCorruptError(
            f"{show(path)} holds {found} where the embedding of one prompt was expected.",
            "Get the file that the card names.",
        )
    return value


def restore_latent(
    transformer: nn.Module, z: Tensor, text: tuple[Tensor, Tensor], tiling: Tiling
) -> Tensor:
    """Return z - v(z, 1000), float32, of latents (B, C, h, w); v is averaged over tiles.

    Args:
        transformer: of Stable Diffusion 3, updated.
        z: latents of the LR images, scaled and not shifted.
        text: embedding (1, T, D) and pooled embedding (1, P) of the prompt.
        tiling: the method's tiles.
    """
    batch = len(z)
    tokens, pooled = (part.to(z).expand(batch, *part.shape[1:]) for part in text)
    timestep = torch.full((batch,), TIMESTEP, device=z.device)

    def velocity(tile: Tile) -> Tensor:
        v: Tensor = transformer(
            hidden_states=tile.crop(z),
            timestep=timestep,
            encoder_hidden_states=tokens,
            pooled_projections=pooled,
            return_dict=False,
        )[0]
        return v

    height, width = z.shape[-2:]
    return z.float() - predict_tiled(velocity, (height, width), tiling).float()
