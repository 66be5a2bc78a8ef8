"""A small Stable Diffusion 3 in its official layout, filled by the rule of small_networks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import small_networks as small
import torch
from safetensors.torch import load_file, save_file

TRANSFORMER = {
    "sample_size": 16,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 2,
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "joint_attention_dim": 24,
    "caption_projection_dim": 32,
    "pooled_projection_dim": 20,
    "pos_embed_max_size": 40,
}
DIT4SR = {
    **TRANSFORMER,
    "pos_embed_max_size": 24,
    "dual_attention_layers": (0,),
    "qk_norm": "rms_norm",
}
VAE = {
    **small.VAE,
    "latent_channels": 16,
    "block_out_channels": (8, 16, 32, 32),
    "scaling_factor": 1.5305,
    "shift_factor": 0.0609,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}
FULL_TRANSFORMER = {
    "sample_size": 128,
    "num_layers": 24,
    "attention_head_dim": 64,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "caption_projection_dim": 1536,
    "pooled_projection_dim": 2048,
    "out_channels": 16,
    "pos_embed_max_size": 192,
}
FULL_VAE = {**VAE, "block_out_channels": (128, 256, 512, 512), "norm_num_groups": 32}
TOKENS = 9  # of a prompt


def write_base(folder: Path) -> dict[str, int]:
    """Write transformer and VAE of a small SD 3; return their numbers of parameters."""
    from diffusers import AutoencoderKL, SD3Transformer2DModel

    parts = {"transformer": SD3Transformer2DModel(**TRANSFORMER), "vae": AutoencoderKL(**VAE)}
    for name, part in parts.items():
        part.load_state_dict(
            small.filled(dict(part.named_parameters()), f"sd3.{name}."), strict=False
        )
        part.save_pretrained(folder / name)
    return {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in parts.items()
    }


def write_text(folder: Path) -> None:
    """Write text encoders of a few thousand parameters, fit for `TRANSFORMER`, and tokenizers."""
    from diffusers import FlowMatchEulerDiscreteScheduler, StableDiffusion3Pipeline
    from transformers import (
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        CLIPTokenizer,
        T5Config,
        T5EncoderModel,
    )

    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{c}</w>" for c in letters)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    tokenizer = CLIPTokenizer(*files, model_max_length=77)
    torch.manual_seed(0)
    clip = [
        CLIPTextModelWithProjection(
            CLIPTextConfig(
                vocab_size=len(words),
                hidden_size=width,
                intermediate_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                projection_dim=width,
                bos_token_id=0,
                eos_token_id=1,
            )
        )
        for width in (8, 12)
    ]
    t5 = T5Config(vocab_size=len(words), d_model=24, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    StableDiffusion3Pipeline(
        transformer=None,
        vae=None,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=clip[0],
        tokenizer=tokenizer,
        text_encoder_2=clip[1],
        tokenizer_2=tokenizer,
        text_encoder_3=T5EncoderModel(t5),
        tokenizer_3=tokenizer,
    ).save_pretrained(folder)
    write_shards(load_file(folder / "text_encoder_3/model.safetensors"), folder / "text_encoder_3")
    for part in ("tokenizer", "tokenizer_2"):
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(folder / name, folder / part / name)
        (folder / part / "special_tokens_map.json").write_text("{}")
    for name in ("special_tokens_map.json", "spiece.model"):
        (folder / "tokenizer_3" / name).write_text("{}")


def write_shards(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    """Write the weights of a folder as two files and their index, as T5's are."""
    (folder / "model.safetensors").unlink(missing_ok=True)
    names: dict[str, str] = {}
    for number in (1, 2):
        file = f"model-0000{number}-of-00002.safetensors"
        part = dict(list(tensors.items())[number - 1 :: 2])
        save_file(part, folder / file, {"format": "pt"})
        names |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": names}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


# What test_tsdsr.py gives to peft.
TSDSR_TARGETS = [
    *("to_k", "to_q", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj"),
    *("proj", "linear", "proj_out"),
]
TSDSR_VAE_TARGETS = [
    *("encoder.conv_in", "encoder.conv_out", "quant_conv"),
    *(
        f"encoder.down_blocks.{i}.resnets.{j}.conv{k}"
        for i in range(4)
        for j in (0, 1)
        for k in (1, 2)
    ),
    *(f"encoder.down_blocks.{i}.downsamplers.0.conv" for i in range(3)),
    *(f"encoder.down_blocks.{i}.resnets.0.conv_shortcut" for i in (1, 2)),
    *(f"encoder.mid_block.attentions.0.to_{x}" for x in ("q", "k", "v", "out.0")),
    *(f"encoder.mid_block.resnets.{j}.conv{k}" for j in (0, 1) for k in (1, 2)),
]


def tsdsr_shapes(
    network: torch.nn.Module, targets: list[str], rank: int = 64
) -> dict[str, tuple[int, ...]]:
    """Return the keys and shapes of an official file, by the names that peft matches."""
    layers = [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
        and any(f".{name}".endswith(f".{target}") for target in targets)
    ]
    shapes = small.lora_shapes(network, layers, "default", rank)
    return {f"transformer.{key.replace('.default', '')}": shape for key, shape in shapes.items()}


def write_tsdsr(folder: Path, base: Any) -> None:
    """Write a release's two files and the prompt's two."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, network, targets in (
        ("transformer", base.transformer, TSDSR_TARGETS),
        ("vae", base.vae, TSDSR_VAE_TARGETS),
    ):
        tensors = small.filled(tsdsr_shapes(network, targets), f"tsdsr.{name}.")
        save_file(tensors, folder / f"{name}.safetensors")


def write_prompt(folder: Path) -> None:
    """Write the embeddings of a prompt as upstream's files have them."""
    folder.mkdir(parents=True, exist_ok=True)
    width, pooled = TRANSFORMER["joint_attention_dim"], TRANSFORMER["pooled_projection_dim"]
    torch.save(small.values("prompt", (1, TOKENS, width)) * 5, folder / "prompt_embeds.pt")
    torch.save(small.values("pooled", (1, pooled)) * 5, folder / "pool_embeds.pt")


# What upstream's constructor makes beside what its network uses, by block with a second attention.
_DEAD = {
    **{f"{part}.weight": (32, 32) for part in ("add_q_proj", "add_k_proj", "add_v_proj")},
    **{f"{part}.bias": (32,) for part in ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")},
    "to_add_out.weight": (32, 32),
    "norm_added_q.weight": (16,),
    "norm_added_k.weight": (16,),
}


def dit4sr_tensors(variant: str) -> dict[str, torch.Tensor]:
    """Return what the file of a release holds, filled by the rule."""
    from baselines.dit4sr.network import DiT4SR as Network
    from baselines.dit4sr.network import DiTConfig

    network = Network.of(DiTConfig(**DIT4SR))  # type: ignore[arg-type]
    tensors = network.state_dict() | small.filled(dict(network.named_parameters()), "dit4sr.")
    dead = {f"transformer_blocks.0.attn2.{name}": shape for name, shape in _DEAD.items()}
    tensors |= small.filled(dead, "dit4sr.")
    if variant != "r1":  # without effect there, so never trained
        tensors |= {k: torch.zeros_like(v) for k, v in tensors.items() if "to_k_control" in k}
    return tensors


def write_dit4sr(root: Path, variant: str, tensors: dict[str, torch.Tensor] | None = None) -> Path:
    """Write a release as upstream's repository has it, below `root`; return its folder."""
    folder = root / f"dit4sr_{variant}"
    (folder / "transformer").mkdir(parents=True)
    config = {
        "_class_name": "SD3Transformer2DModel",
        "_diffusers_version": "0.31.0",
        "_name_or_path": "./experiments/checkpoint",
        **DIT4SR,
    }
    (folder / "transformer/config.json").write_text(json.dumps(config))
    save_file(
        dit4sr_tensors(variant) if tensors is None else tensors,
        folder / "transformer/diffusion_pytorch_model.safetensors",
        {"format": "pt"},
    )
    return folder
