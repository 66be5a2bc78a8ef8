"""DiffBIR's releases as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from baselines.sd21.weights import SD21_BASE
from baselines.sd21.weights import UNET as SD21_UNET
from benchmarks.api.card import HubFile, WeightFile, Weights

COMMIT = "3f8b5304245ba0ffd6f1995e51c27c3c72d7618f"
_V1, _V2 = "lxq007/DiffBIR", "lxq007/DiffBIR-v2"
UNET = SD21_UNET
_OPENRAIL = "LicenseRef-CreativeML-OpenRAIL-PP-M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One release, with the prompts that its authors give it."""

    name: str
    cleaner: WeightFile
    control: WeightFile
    before: Literal["cleaner", "enlarging"]  # which comes first
    v_prediction: bool = False  # with zero terminal signal-to-noise ratio
    positive: str = ""
    negative: str = "low quality, blurry, low-resolution, noisy, unsharp, weird textures"


def _file(repo: str, name: str, version: str, about_bytes: int = 0) -> WeightFile:
    return WeightFile(
        name=name,
        licence="Apache-2.0",
        hub=HubFile(repo=repo, filename=name),
        about_bytes=about_bytes,
        only_with=f"version={version}",
    )


_CONTROL_BYTES, _SWINIR_BYTES = 1_453_000_000, 63_000_000

# The whole of Stable Diffusion, trained on to zero terminal SNR; a pickle in the old layout.
ZERO_SNR = replace(
    _file(_V2, "sd2.1-base-zsnr-laionaes5.ckpt", "v2.1", 5_200_000_000), licence=_OPENRAIL
)
BASE = replace(SD21_BASE, only_with="version=v2")
BASE_V1 = replace(SD21_BASE, only_with="version=v1")
TOKENIZER = replace(
    SD21_BASE,
    files=tuple(file for file in SD21_BASE.files if file.startswith("tokenizer/")),
    sha256=tuple(pair for pair in SD21_BASE.sha256 if pair[0].startswith("tokenizer/")),
    bytes=1_600_000,
    only_with="version=v2.1",
)

VERSIONS = (
    Version(
        name="v2",
        cleaner=WeightFile(
            name="BSRNet.pth",
            licence="Apache-2.0",
            urls=("https://github.com/cszn/KAIR/releases/download/v1.0/BSRNet.pth",),
            about_bytes=66_800_000,
            only_with="version=v2",
        ),
        control=_file(_V2, "v2.pth", "v2", _CONTROL_BYTES),
        before="cleaner",
    ),
    Version(
        name="v2.1",
        cleaner=_file(_V2, "realesrgan_s4_swinir_100k.pth", "v2.1", _SWINIR_BYTES),
        control=_file(_V2, "DiffBIR_v2.1.pt", "v2.1", _CONTROL_BYTES),
        before="enlarging",
        v_prediction=True,
        positive="Cinematic, High Contrast, highly detailed, taken using a Canon EOS R camera, "
        "hyper detailed photo - realistic maximum detail, 32k, Color Grading, ultra HD, extreme "
        "meticulous detailing, skin pore detailing, hyper sharpness, perfect without deformations.",
        negative="painting, oil painting, illustration, drawing, art, sketch, oil painting, "
        "cartoon, CG Style, 3D render, unreal engine, blurring, dirty, messy, worst quality, low "
        "quality, frames, watermark, signature, jpeg artifacts, deformed, lowres, over-smooth.",
    ),
    Version(
        name="v1",
        cleaner=_file(_V1, "general_swinir_v1.ckpt", "v1", _SWINIR_BYTES),
        control=_file(_V2, "v1_general.pth", "v1", _CONTROL_BYTES),
        before="enlarging",
    ),
)
WEIGHTS: tuple[Weights, ...] = (
    BASE,
    BASE_V1,
    ZERO_SNR,
    TOKENIZER,
    *(file for version in VERSIONS for file in (version.cleaner, version.control)),
)


def version_of(name: str) -> Version:
    """Return a release by its name, one of the card's choices."""
    return next(version for version in VERSIONS if version.name == name)
