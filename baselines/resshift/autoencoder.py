"""The VQ autoencoder of ResShift (LDM's VQ-f4), through diffusers' `VQModel`.

Images (B, 3, 4h, 4w) in [-1, 1] <-> latents (B, 3, h, w). Encoding does not quantise; decoding
first replaces each latent pixel by its nearest codebook entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import init_empty_weights
from diffusers import VQModel
from torch import Tensor, nn

from baselines.checkpoints import load_strictly, read_tensors, require_same
from benchmarks.api.images import show

# Distances held at once by the codebook search: 2^25 float32 values are 128 MiB.
_DISTANCES = 2**25


@dataclass(frozen=True, slots=True, kw_only=True)
class VQConfig:
    """The released configuration; tests use smaller ones."""

    channels: int = 128  # at full resolution; doubled and redoubled on the way down
    codes: int = 8192
    latent_channels: int = 3
    norm_groups: int = 32


class Autoencoder(nn.Module):
    """Encoder, codebook and decoder."""

    def __init__(self, config: VQConfig) -> None:
        super().__init__()
        self.model = VQModel(
            down_block_types=["DownEncoderBlock2D"] * 3,
            up_block_types=["UpDecoderBlock2D"] * 3,
            block_out_channels=[config.channels * mult for mult in (1, 2, 4)],
            layers_per_block=2,
            latent_channels=config.latent_channels,
            num_vq_embeddings=config.codes,
            norm_num_groups=config.norm_groups,
            vq_embed_dim=config.latent_channels,
            scaling_factor=1.0,
        )

    @property
    def codebook(self) -> Tensor:
        """The codes (K, C)."""
        codebook: Tensor = self.model.quantize.embedding.weight
        return codebook

    def encode(self, image: Tensor) -> Tensor:
        """Return the latent of an image, not quantised, float32."""
        latent: Tensor = self.model.encode(image).latents
        return latent.float()

    def decode(self, latent: Tensor) -> Tensor:
        """Return the image of a latent, which is quantised first, float32."""
        return self.decode_codes(self.quantise(latent))

    def decode_codes(self, latent: Tensor) -> Tensor:
        """Return the image of a latent as it is, float32."""
        image: Tensor = self.model.decode(latent, force_not_quantize=True).sample
        return image.float()

    def quantise(self, latent: Tensor) -> Tensor:
        """Return the latent (B, C, h, w) with each pixel replaced by its nearest code."""
        pixels = latent.permute(0, 2, 3, 1)  # (B, h, w, C)
        codes = nearest_codes(pixels.flatten(0, 2), self.codebook)
        return self.codebook[codes].view(pixels.shape).permute(0, 3, 1, 2).contiguous()


def nearest_codes(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Return for each of `vectors` (N, 3) the index (N,) of the nearest row of `codebook` (K, 3).

    In full precision whatever is going on around it: half precision picks other codes. Neither way
    ever holds N x K distances, which for an LR image of 1024 x 1024 pixels are 32 GiB.
    """
    if vectors.device.type == "cpu":
        return _nearest_by_tree(vectors, codebook)
    return nearest_in_chunks(vectors, codebook)


def _nearest_by_tree(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Search a k-d tree: with three dimensions, far fewer distances are needed."""
    from scipy.spatial import KDTree

    tree = KDTree(codebook.detach().double().numpy())
    return torch.from_numpy(tree.query(vectors.detach().double().numpy())[1])


def nearest_in_chunks(vectors: Tensor, codebook: Tensor, *, distances: int = _DISTANCES) -> Tensor:
    """Compute all distances, at most `distances` at once: what suits an accelerator."""
    with torch.autocast(vectors.device.type, enabled=False):
        codebook = codebook.float()
        norms = codebook.square().sum(dim=1)
        # |z - e|^2 = |z|^2 + |e|^2 - 2 z.e, and |z|^2 is the same for all e.
        chunks = torch.split(vectors.float(), max(1, distances // len(codebook)))
        return torch.cat(
            [torch.addmm(norms, chunk, codebook.T, alpha=-2).argmin(dim=1) for chunk in chunks]
        )


_LEVELS = 3
_RENAMED = (  # diffusers' name -> the official one, applied in turn
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
    (r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1"),
    (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
    (r"down_blocks\.(\d)\.resnets\.", r"down.\1.block."),
    (r"down_blocks\.(\d)\.downsamplers\.0\.", r"down.\1.downsample."),
    (r"up_blocks\.(\d)\.resnets\.", r"up.\1.block."),
    (r"up_blocks\.(\d)\.upsamplers\.0\.", r"up.\1.upsample."),
    (r"conv_shortcut", "nin_shortcut"),
    (r"conv_norm_out", "norm_out"),
)


def official_name(name: str) -> str:
    """Return the official checkpoint's name of one of diffusers' parameters."""
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    # The official decoder counts its levels from full resolution, diffusers from the latent.
    return re.sub(r"\bup\.(\d)", lambda match: f"up.{_LEVELS - 1 - int(match[1])}", name)


def official_shapes(autoencoder: Autoencoder) -> dict[str, tuple[int, ...]]:
    """Return name and shape of each tensor of the official checkpoint, in diffusers' order."""
    shapes = {}
    for name, tensor in autoencoder.model.state_dict().items():
        official = official_name(name)
        # The official attention projects by 1x1 convolutions, diffusers by linear layers.
        convolution = ".attn_1." in official and tensor.ndim == 2
        shapes[official] = (*tensor.shape, *((1, 1) if convolution else ()))
    return shapes


def load_autoencoder(path: Path, config: VQConfig) -> Autoencoder:
    """Build the autoencoder and read an official checkpoint into it.

    Raises:
        WeightsCorruptError: the file is not a checkpoint of this autoencoder.
    """
    with init_empty_weights():
        autoencoder = Autoencoder(config)
    given = read_tensors(path, wrapper="state_dict")
    require_same(given, official_shapes(autoencoder), show(path))
    renamed = {
        f"model.{name}": given[official_name(name)].reshape(tensor.shape)
        for name, tensor in autoencoder.model.state_dict().items()
    }
    load_strictly(autoencoder, renamed, path)
    return autoencoder
