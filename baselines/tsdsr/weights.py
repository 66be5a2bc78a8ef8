"""TSD-SR's files as data: where they come from and what is in them."""

from __future__ import annotations

from benchmarks.api.card import WeightFile, WeightFolder, Weights

COMMIT = "e901821469ea1031808a922791ee00bb65ba419d"
RANK = 64  # of every update; alpha is 64 too, so that their scale is 1

# Parameters of Stable Diffusion 3 medium's networks.
TRANSFORMER_PARAMETERS = 2_028_328_000
VAE_PARAMETERS = 83_819_683

_SHARED = "tsdsr"  # the folder that both releases share
_DRIVE = "https://drive.google.com/drive/folders/1XJY9Qxhz0mqjTtgDXr07oFy9eJr8jphI"
_LICENCE = "Apache-2.0"

_NETWORKS = (
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
)
_TEXT = (
    *(
        f"{part}/{file}"
        for part in ("tokenizer", "tokenizer_2")
        for file in ("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json")
    ),
    "tokenizer_3/special_tokens_map.json",
    "tokenizer_3/spiece.model",
    "tokenizer_3/tokenizer.json",
    "tokenizer_3/tokenizer_config.json",
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "text_encoder_2/config.json",
    "text_encoder_2/model.safetensors",
    "text_encoder_3/config.json",
    "text_encoder_3/model-00001-of-00002.safetensors",
    "text_encoder_3/model-00002-of-00002.safetensors",
    "text_encoder_3/model.safetensors.index.json",
)


def _sd3(files: tuple[str, ...], only_with: str) -> WeightFolder:
    repo = "stabilityai/stable-diffusion-3-medium-diffusers"
    return WeightFolder(
        name="stable-diffusion-3-medium",
        repo=repo,
        licence="LicenseRef-Stability-Community",
        files=files,
        page=f"https://huggingface.co/{repo}",
        gated=True,
        folder=_SHARED,
        only_with=only_with,
    )


def _file(name: str, place: str, folder: str, only_with: str = "") -> WeightFile:
    return WeightFile(
        name=name,
        licence=_LICENCE,
        page=_DRIVE,
        folder=folder,
        only_with=only_with,
        note=f"there: {place}",
    )


# One folder, of which an encoded prompt needs more.
SD3 = _sd3(_NETWORKS, "prompt=official")
_SD3_WITH_TEXT = _sd3((*_NETWORKS, *_TEXT), "prompt=encoded")
PROMPT = _file("prompt_embeds.pt", "dataset/default/prompt_embeds.pt", _SHARED, "prompt=official")
POOLED = _file("pool_embeds.pt", "dataset/default/pool_embeds.pt", _SHARED, "prompt=official")


def updates(name: str) -> tuple[WeightFile, WeightFile]:
    """Return the files of a release: the updates of transformer and VAE encoder."""
    return (
        _file("transformer.safetensors", f"checkpoint/{name}/transformer.safetensors", name),
        _file("vae.safetensors", f"checkpoint/{name}/vae.safetensors", name),
    )


def of_release(name: str) -> tuple[Weights, ...]:
    """Return all that a release needs."""
    return (SD3, _SD3_WITH_TEXT, *updates(name), PROMPT, POOLED)
