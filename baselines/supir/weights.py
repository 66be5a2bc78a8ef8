"""SUPIR's files as data, and the shapes of its networks."""

from __future__ import annotations

from typing import Any

from benchmarks.api.card import WeightFile, WeightFolder, Weights

COMMIT = "bda91af2000042f8bedfec8897d92917e67c1d88"
LICENCE = "LicenseRef-SUPIR"
_TOKENIZERS = tuple(
    f"{part}/{file}"
    for part in ("tokenizer", "tokenizer_2")
    for file in ("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json")
)
SDXL_FILE = "sd_xl_base_1.0_0.9vae.safetensors"
SDXL = WeightFolder(
    name="stable-diffusion-xl-base-1.0",
    repo="stabilityai/stable-diffusion-xl-base-1.0",
    licence="LicenseRef-CreativeML-OpenRAIL-PP-M",
    files=(SDXL_FILE, *_TOKENIZERS),
    page="https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0",
    bytes=6_940_000_000,
    note="the single file with the VAE of SDXL 0.9, and two tokenizers",
)


def _release(sign: str) -> WeightFile:
    return WeightFile(
        name=f"SUPIR-v0{sign}.ckpt",
        licence=LICENCE,
        page="https://drive.google.com/drive/folders/1yELzm5SvAi9e7kPcO_jPp2XkTs4vK6aR",
        about_bytes=5_330_000_000,
        only_with=f"model={sign}",
        note="non-commercial",
    )


RELEASES = {sign: _release(sign) for sign in ("Q", "F")}
FILES: tuple[Weights, ...] = (SDXL, *RELEASES.values())

_BOTH: dict[str, Any] = {
    "attention_head_dim": (5, 10, 20),  # number of heads, in spite of its name
    "block_out_channels": (320, 640, 1280),
    "cross_attention_dim": 2048,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "use_linear_projection": True,
    # The vector of pooled text and sizes, as it is: the library's own way makes it of its parts.
    "class_embed_type": "projection",
    "projection_class_embeddings_input_dim": 2816,
}
CONTROL = _BOTH
UNET: dict[str, Any] = _BOTH | {
    "sample_size": 128,
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
}
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
    "layers_per_block": 2,
    "scaling_factor": 0.13025,
}
CLIP_L: dict[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
}
CLIP_G: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}
