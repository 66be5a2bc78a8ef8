"""StableSR's files as data, and the shape of its networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baselines.sd21 import weights as sd21
from benchmarks.api.card import HubFile, WeightFile, Weights

if TYPE_CHECKING:
    from baselines.stablesr.structure import StructureConfig

COMMIT = "398ee9383777e255540ea027a704c8ce1f32145b"
UNET, VAE, TEXT = sd21.UNET, sd21.VAE, sd21.TEXT
LICENCE = "LicenseRef-S-Lab-1.0"
_REPO = "Iceclear/StableSR"


def _file(name: str, about_bytes: int) -> WeightFile:
    return WeightFile(
        name=name,
        licence=LICENCE,
        hub=HubFile(repo=_REPO, filename=name),
        about_bytes=about_bytes,
    )


NETWORK_FILE = _file("stablesr_000117.ckpt", 5_700_000_000)
VAE_FILE = _file("vqgan_cfw_00011.ckpt", 730_000_000)
FILES: tuple[Weights, ...] = (NETWORK_FILE, VAE_FILE)


def structure() -> StructureConfig:
    """Return the size of the structure encoder."""
    from baselines.stablesr.structure import StructureConfig

    return StructureConfig()
