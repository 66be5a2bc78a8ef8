"""PASD's files as data, and the shape of its networks."""

from __future__ import annotations

from typing import Any

from baselines.sd21.weights import SURROUNDINGS, ParameterCounts
from benchmarks.api.card import WeightFile, WeightFolder, Weights

COMMIT = "396f9ac24f9fa2b9787658bd9eea31729e51f264"

# runwayml removed its repository; this is the one that the library's authors took it over to.
SD15 = WeightFolder(
    name="stable-diffusion-v1-5",
    repo="stable-diffusion-v1-5/stable-diffusion-v1-5",
    licence="LicenseRef-CreativeML-OpenRAIL-M",
    files=SURROUNDINGS,
    page="https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
    bytes=827_000_000,
    note="no U-Net is needed",
)
PARAMETERS = ParameterCounts(unet=859_520_964, vae=83_653_863, text_encoder=123_060_480)

UNET: dict[str, Any] = {  # of Stable Diffusion 1.5's U-Net, which the released file holds whole
    "sample_size": 64,
    "attention_head_dim": 8,  # number of heads, in spite of its name
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
}
CONTROLNET: dict[str, Any] = {key: value for key, value in UNET.items() if key != "sample_size"}

_BYTES = {"unet": 4_430_000_000, "controlnet": 1_450_000_000}  # in float32
_PAGE = "https://huggingface.co/yangtao9009/PASD"


def _file(part: str) -> WeightFile:
    name = f"{part}/diffusion_pytorch_model.safetensors"
    return WeightFile(
        name=name,
        licence="Apache-2.0",
        page=_PAGE,
        about_bytes=_BYTES[part],
        note=f"there: pasd.zip, checkpoint-100000/{name}",
    )


UNET_FILE, CONTROLNET_FILE = _file("unet"), _file("controlnet")
FILES: tuple[Weights, ...] = (SD15, UNET_FILE, CONTROLNET_FILE)
