"""The memory that InvSR takes, counted on the meta device."""

from __future__ import annotations

from typing import Any

import torch

from baselines.invsr.network import NoisePredictor, PredictorConfig
from baselines.needs import Need, of_networks
from baselines.sd21 import memory


def needs(patch: int, scale: int, batch: int, dtype: torch.dtype) -> tuple[Need, ...]:
    """Return what predictor, U-Net and VAE take for one patch of each of `batch` LR images."""
    side = scale * patch
    unet, vae, _ = memory.needs((side, side), (side // 8, side // 8), batch, dtype)

    def compute(predictor: Any) -> None:
        predictor(torch.empty(batch, 3, patch, patch), 1)

    predictor = of_networks(lambda: [NoisePredictor(PredictorConfig())], compute, torch.float32)
    return predictor, unet, vae
