"""Our names of latent diffusion's tensors are those that diffusers' own converters read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from diffusers.loaders import single_file_utils as converters
from transformers import CLIPTextConfig, CLIPTextModel

from baselines import ldm

SD = {
    "block_out_channels": (32, 64, 128, 128),
    "attention_head_dim": 2,
    "cross_attention_dim": 32,
    "use_linear_projection": True,
}
SDXL = {
    "block_out_channels": (32, 64, 128),
    "attention_head_dim": (1, 2, 4),
    "cross_attention_dim": 32,
    "use_linear_projection": True,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 3),
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 64,
}


@pytest.mark.parametrize(
    ("build", "convert", "prefix"),
    [
        (
            lambda: UNet2DConditionModel(**SD),
            converters.convert_ldm_unet_checkpoint,
            "model.diffusion_model.",
        ),
        (
            lambda: UNet2DConditionModel(**SDXL),
            converters.convert_ldm_unet_checkpoint,
            "model.diffusion_model.",
        ),
        (
            lambda: ControlNetModel(**SD),
            converters.convert_controlnet_checkpoint,
            "control_model.",
        ),
    ],
)
def test_names_of_networks(build: Callable[[], Any], convert: Any, prefix: str) -> None:
    with torch.device("meta"):
        network = build()
    official = ldm.unet_names(network)
    own = [name for name in network.state_dict() if "controlnet_cond_embedding" not in name]
    names = {name: official(name) for name in own}
    assert len(set(names.values())) == len(own)
    converted = convert({prefix + names[name]: name for name in own}, dict(network.config))
    assert {key: name for key, name in converted.items() if name} == {name: name for name in own}


def test_names_of_a_vae() -> None:
    blocks = {"block_out_channels": (8, 8, 16, 16), "norm_num_groups": 8, "layers_per_block": 2}
    kinds = {f"{d}_block_types": (f"{d.title()}{e}Block2D",) * 4 for d, e in KINDS}
    with torch.device("meta"):
        network = AutoencoderKL(**blocks, **kinds)
    official = ldm.vae_names(network)
    own = list(network.state_dict())
    values = {
        f"first_stage_model.{official(name)}": torch.full((1, 1), index)
        for index, name in enumerate(own)
    }
    converted = converters.convert_ldm_vae_checkpoint(values, dict(network.config))
    assert [int(converted[name]) for name in own] == list(range(len(own)))


KINDS = (("down", "Encoder"), ("up", "Decoder"))


def test_tensors_of_a_text_tower() -> None:
    """A file of three layers, of which a model of two has the first two."""
    width = 8
    config = CLIPTextConfig(
        hidden_size=width, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        vocab_size=11, max_position_embeddings=5,
    )  # fmt: skip
    model = CLIPTextModel(config)
    shapes = {
        "token_embedding.weight": (11, width),
        "positional_embedding": (5, width),
        "ln_final.weight": (width,),
        "ln_final.bias": (width,),
        "text_projection": (width, width),
        "logit_scale": (),
    }
    for block in range(3):
        name = f"transformer.resblocks.{block}."
        shapes |= {f"{name}ln_{k}.{end}": (width,) for k in (1, 2) for end in ("weight", "bias")}
        shapes |= {f"{name}attn.in_proj_weight": (3 * width, width)}
        shapes |= {f"{name}attn.in_proj_bias": (3 * width,)}
        for layer, out, inner in (
            ("attn.out_proj", width, width),
            ("mlp.c_fc", 16, width),
            ("mlp.c_proj", width, 16),
        ):
            shapes |= {f"{name}{layer}.weight": (out, inner), f"{name}{layer}.bias": (out,)}
    tensors = {name: torch.randn(shape) for name, shape in shapes.items()}
    found = ldm.clip_tensors(tensors, layers=2)
    own = {name.removeprefix("text_model."): value for name, value in model.state_dict().items()}
    own = {name: value for name, value in own.items() if value.is_floating_point()}
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in own.items()
    }
    prefixed = {f"cond_stage_model.model.{name}": value for name, value in tensors.items()}
    converted = converters.convert_open_clip_checkpoint(model, prefixed)
    for name, value in found.items():
        assert torch.equal(converted[f"text_model.{name}"], value), name


def test_an_unknown_tensor_keeps_its_name() -> None:
    found = ldm.clip_tensors({"stray": torch.zeros(1)}, layers=2)
    assert list(found) == ["stray"]
