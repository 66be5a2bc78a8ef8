"""SeeSR's and AddSR's files as data, and the shape of their networks."""

from __future__ import annotations

from typing import Any

from baselines.sd21.weights import SD2_BASE
from baselines.sd21.weights import UNET as SD2_UNET
from baselines.tagger.extractor import CHECKPOINT, DAPE
from benchmarks.api.card import WeightFile, Weights

SEESR_COMMIT = "8edecc71c4f3efa01cd26078f2e8dffd1ce80a6a"
ADDSR_COMMIT = "0d4ce54d7aca6c3b79b8440bfcf1e4342e56a512"

IMAGE_WIDTH = 512  # of the tagger's image embedding, a constant of the official blocks

UNET = SD2_UNET
# The released files hold Stable Diffusion 2's U-Net whole.
CONTROLNET: dict[str, Any] = {key: value for key, value in UNET.items() if key != "sample_size"}

PARTS = ("unet", "controlnet")
FILE = "diffusion_pytorch_model.safetensors"
_BYTES = {"unet": 4_510_000_000, "controlnet": 1_960_000_000}  # in float32


def _networks(licence: str, page: str, note: str) -> tuple[WeightFile, ...]:
    return tuple(
        WeightFile(
            name=f"{part}/{FILE}",
            licence=licence,
            page=page,
            about_bytes=_BYTES[part],
            note=f"there: {note}/{part}/{FILE}",
        )
        for part in PARTS
    )


SEESR: tuple[Weights, ...] = (
    SD2_BASE,
    *_networks(
        "Apache-2.0",
        "https://drive.google.com/drive/folders/12HXrRGEXUAnmHRaf0bIn-S8XSK4Ku0JO",
        "seesr",
    ),
    CHECKPOINT,
    DAPE,
)
ADDSR: tuple[Weights, ...] = (
    SD2_BASE,
    *_networks(
        "LicenseRef-AddSR",
        "https://drive.google.com/file/d/19IB8vIdYeF65ixIvwIjZzPPuVka4sjec/view",
        "addsr",
    ),
    CHECKPOINT,
    DAPE,
)
