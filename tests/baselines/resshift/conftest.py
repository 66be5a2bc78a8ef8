"""The small configuration that the golden table was made with."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from golden_tables import seeded
from torch import Tensor

from baselines.resshift.autoencoder import Autoencoder, VQConfig, load_autoencoder, official_shapes
from baselines.resshift.unet import SwinUNet, UNetConfig, load_unet

UNET = UNetConfig(image_size=32, channels=32, channel_mult=(1, 2, 2), swin_width=32, head_width=16)
VQ = VQConfig(channels=32, codes=64)


@pytest.fixture(scope="session")
def unet_config() -> UNetConfig:
    return UNET


@pytest.fixture(scope="session")
def vq_config() -> VQConfig:
    return VQ


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """Official-format files of both networks: names, wrapping and constants as released."""
    folder = tmp_path_factory.mktemp("official")
    unet = SwinUNet(UNET)
    tensors = seeded({name: p.shape for name, p in unet.named_parameters()}, 100)
    tensors["input_blocks.1.1.blocks.0.attn.relative_position_index"] = torch.zeros(64, 64).long()
    tensors["input_blocks.1.1.blocks.1.attn_mask"] = torch.zeros(16, 64, 64)
    torch.save(tensors, folder / "unet.pth")
    codes = seeded(official_shapes(Autoencoder(VQ)), 200)
    wrapped = {"state_dict": {f"module.{name}": tensor for name, tensor in codes.items()}}
    torch.save(wrapped, folder / "autoencoder.pth")
    return folder


@pytest.fixture(scope="session")
def unet(checkpoints) -> SwinUNet:
    return load_unet(checkpoints / "unet.pth", UNET)


@pytest.fixture(scope="session")
def autoencoder(checkpoints) -> Autoencoder:
    return load_autoencoder(checkpoints / "autoencoder.pth", VQ)


@pytest.fixture(scope="session")
def lr_image() -> Tensor:
    """The LR image of the golden table, (1, 3, 72, 50) in [0, 1]."""
    return torch.rand(1, 3, 72, 50, generator=torch.Generator().manual_seed(7))


@pytest.fixture(scope="session")
def lr(lr_image) -> Tensor:
    """The same as the network sees it, (1, 3, 128, 64) in [-1, 1]."""
    return F.pad(2 * lr_image - 1, (0, 14, 0, 56), mode="reflect")
