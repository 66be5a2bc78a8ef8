"""Small networks of the official layers and names, filled by a rule, and their official files."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

UNET = {
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "layers_per_block": 2,
    "block_out_channels": (32, 32, 64, 64),
    "attention_head_dim": (2, 2, 4, 4),  # number of heads, in spite of its name
    "cross_attention_dim": 32,
    "use_linear_projection": True,
    "norm_num_groups": 8,  # a norm over a single channel would cancel the time embedding before it
}
VAE = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 2,
    "block_out_channels": (16, 16, 32, 32),
    "norm_num_groups": 8,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "sample_size": 512,
    "scaling_factor": 0.18215,
}
FULL_UNET = {
    "block_out_channels": (320, 640, 1280, 1280),
    "attention_head_dim": (5, 10, 20, 20),
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
}
FULL_VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
TEXT = {
    "vocab_size": 514,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "hidden_act": "gelu",
    "bos_token_id": 512,
    "eos_token_id": 513,
}


def values(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return the tensor that the weight-filling rule gives a key: never zero, never equal.

    RandomState's streams are frozen by NumPy. Matrices roughly halve the scale of their input, so
    that rounding errors do not grow from layer to layer.
    """
    random = np.random.RandomState(zlib.crc32(name.encode()))
    found = random.standard_normal(shape)
    if len(shape) < 2:
        found = 1 + 0.1 * found if name.endswith("weight") else 0.05 * found
    else:
        found = 0.5 * found / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(found.astype(np.float32))


def filled(shapes: Mapping[str, Tensor | tuple[int, ...]], prefix: str = "") -> dict[str, Tensor]:
    """Return tensors for a state dict (or a dict of shapes) by the rule."""
    return {
        name: values(prefix + name, tuple(value.shape if isinstance(value, Tensor) else value))
        for name, value in shapes.items()
    }


def picture(height: int, width: int, phase: float = 0.0) -> Tensor:
    """Return a picture (1, 3, height, width) in [-1, 1] in closed form."""
    y = torch.arange(height, dtype=torch.float64)[:, None]
    x = torch.arange(width, dtype=torch.float64)[None, :]
    channels = [
        torch.sin(0.11 * x + 0.07 * y * (k + 1) + phase + k) * torch.cos(0.05 * y - 0.03 * x * k)
        for k in range(3)
    ]
    return torch.stack(channels)[None].float()


def lr_picture(height: int, width: int) -> Tensor:
    """Return an 8-bit LR picture (3, height, width) in [0, 1]."""
    return (picture(height, width)[0] * 0.4 + 0.5).mul(255).round() / 255


# Of values in [0, 1], what float32 in another order may do: a fortieth of a grey level.
ROUNDING = 1e-4


def in_double(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return tensors in float64, in which a network's values hang on no processor."""
    return tuple(tensor.double() for tensor in tensors)


def sample(tensor: Tensor, count: int = 48) -> list[float]:
    """Return evenly spaced values of a tensor, in its flattened order."""
    flat = tensor.detach().double().flatten()
    index = torch.linspace(0, len(flat) - 1, min(count, len(flat))).round().long()
    return [float(value) for value in flat[index]]


def assert_golden(golden: Mapping[str, object], name: str, tensor: Tensor, atol: float) -> None:
    """Check a tensor against the shape, mean magnitude and sample that the official code gave.

    It ran in float32; where ours runs in float64, the difference is its rounding, and fixed.
    """
    expected = golden[name]
    assert isinstance(expected, dict)
    assert list(tensor.shape) == expected["shape"], name
    np.testing.assert_allclose(sample(tensor), expected["sample"], rtol=0, atol=atol, err_msg=name)
    mean = float(tensor.detach().double().abs().mean())
    np.testing.assert_allclose(mean, expected["mean_abs"], rtol=0, atol=atol, err_msg=name)


def write_tokenizer(folder: Path) -> None:
    """Write a byte-level tokenizer with SD 2.1's special tokens, which contradict each other."""
    folder.mkdir(parents=True)
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    letters = [chr(c) for c in (*printable, *(256 + n for n in range(len(rest))))]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    token = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    begin, end = token | {"content": "<|startoftext|>"}, token | {"content": "<|endoftext|>"}
    special = {"bos_token": begin, "eos_token": end, "unk_token": end}
    config = {
        "model_max_length": 77,
        "tokenizer_class": "CLIPTokenizer",
        "pad_token": "<|endoftext|>",
        **{key: {"__type": "AddedToken", **value} for key, value in special.items()},
    }
    contents = {
        "vocab.json": {word: index for index, word in enumerate(words)},
        "special_tokens_map.json": {**special, "pad_token": "!"},
        "tokenizer_config.json": config,
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "merges.txt").write_text("#version: 0.2\n")


def old_text_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a text encoder's tensors as SD 2.1's file names them."""
    found = {f"text_model.{key.removeprefix('text_model.')}": state[key] for key in state}
    return found | {"text_model.embeddings.position_ids": torch.arange(77)[None]}


def old_vae_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a VAE's tensors as SD 2.1's file names them."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    found = {}
    for key, value in state.items():
        name = key
        for new, former in old.items():
            name = name.replace(f".{new}.", f".{former}.")
        found[name] = value
    return found


_UNET_LAYERS = ("to_k", "to_q", "to_v", "to_out.0", "conv", "proj_out", "proj_in", "ff.net")
_VAE_LAYERS = (
    *("conv1", "conv2", "conv_in", "conv_shortcut", "conv", "conv_out"),
    *("to_k", "to_q", "to_v", "to_out.0"),
)
S3DIFF_UNET_TARGETS = [
    *("to_k", "to_q", "to_v", "to_out.0", "conv", "conv1", "conv2", "conv_shortcut", "conv_out"),
    *("proj_in", "proj_out", "ff.net.2", "ff.net.0.proj"),
]
S3DIFF_VAE_TARGETS = (
    r"^encoder\..*(conv1|conv2|conv_in|conv_shortcut|conv|conv_out|to_k|to_q|to_v|to_out\.0)$"
)


def osediff_layers(unet: torch.nn.Module, vae: torch.nn.Module) -> dict[str, list[str]]:
    """Return the lists of updated layers that OSEDiff's training saves, by its grouping rule."""
    lists: dict[str, list[str]] = {
        f"unet_lora_{group}_modules": [] for group in ("encoder", "decoder", "others")
    }
    for name, _ in unet.named_parameters():
        if "bias" in name or "norm" in name or not any(p in name for p in _UNET_LAYERS):
            continue
        down, up = ("down_blocks", "conv_in"), ("up_blocks", "conv_out")
        group = "encoder" if any(p in name for p in down) else "others"
        group = "decoder" if group == "others" and any(p in name for p in up) else group
        lists[f"unet_lora_{group}_modules"].append(name.removesuffix(".weight"))
    encoder = []
    for name, _ in vae.named_parameters():
        if "bias" in name or "norm" in name:
            continue
        for pattern in _VAE_LAYERS:  # a layer is listed once for each pattern in its name
            quant = "quant_conv" in name and "post_quant_conv" not in name
            if quant or (pattern in name and "encoder" in name):
                encoder.append(name.removesuffix(".weight"))
    return {"vae_lora_encoder_modules": encoder, **lists}


def lora_shapes(
    network: torch.nn.Module, layers: list[str], adapter: str, rank: int
) -> dict[str, tuple[int, ...]]:
    """Return the tensors that peft saves for updates of `layers`."""
    weights = {name: m.weight for name, m in network.named_modules() if hasattr(m, "weight")}
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in dict.fromkeys(layers):
        out, inner, *kernel = weights[layer].shape
        shapes[f"{layer}.lora_A.{adapter}.weight"] = (rank, inner, *kernel)
        shapes[f"{layer}.lora_B.{adapter}.weight"] = (out, rank, *([1] * len(kernel)))
    return shapes


def osediff_shapes(
    unet: torch.nn.Module, vae: torch.nn.Module, rank: int = 4
) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return the keys and shapes of the two state dicts in `osediff.pkl`."""
    lists = osediff_layers(unet, vae)
    conv_in = dict(unet.named_parameters())
    state: dict[str, tuple[int, ...]] = {
        f"conv_in.base_layer.{name}": tuple(conv_in[f"conv_in.{name}"].shape)
        for name in ("weight", "bias")
    }
    for group in ("encoder", "decoder", "others"):
        layers = lists[f"unet_lora_{group}_modules"]
        state |= lora_shapes(unet, layers, f"default_{group}", rank)
    encoder = lists["vae_lora_encoder_modules"]
    return {
        "state_dict_unet": state,
        "state_dict_vae": lora_shapes(vae, encoder, "default_encoder", rank),
    }


def osediff_checkpoint(unet: torch.nn.Module, vae: torch.nn.Module) -> dict[str, object]:
    """Return what OSEDiff's `save_model` saves, filled by the rule."""
    shapes = osediff_shapes(unet, vae)
    return {
        **osediff_layers(unet, vae),
        "rank_unet": 4,
        "rank_vae": 4,
        **{name: filled(state, f"osediff.{name}.") for name, state in shapes.items()},
    }


def pisasr_layers(unet: torch.nn.Module) -> dict[str, list[str]]:
    """Return the lists of updated layers that PiSA-SR's training saves: OSEDiff's, and conv_in."""
    grouped = osediff_layers(unet, torch.nn.Module())
    return {
        f"unet_lora_{part}_modules_{group}": grouped[f"unet_lora_{part}_modules"]
        for group in ("pix", "sem")
        for part in ("encoder", "decoder", "others")
    }


def pisasr_shapes(unet: torch.nn.Module, rank: int = 4) -> dict[str, tuple[int, ...]]:
    """Return the keys and shapes of the state dict in `pisa_sr.pkl`."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, layers in pisasr_layers(unet).items():
        _, _, part, _, group = name.split("_")
        shapes |= lora_shapes(unet, layers, f"default_{part}_{group}", rank)
    return shapes


def pisasr_checkpoint(unet: torch.nn.Module) -> dict[str, object]:
    """Return what PiSA-SR's `save_model` saves, filled by the rule."""
    return {
        **pisasr_layers(unet),
        "lora_rank_unet_pix": 4,
        "lora_rank_unet_sem": 4,
        "state_dict_unet": filled(pisasr_shapes(unet), "pisasr."),
    }


def s3diff_shapes(
    unet: torch.nn.Module, vae: torch.nn.Module, rank_unet: int = 32, rank_vae: int = 16
) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return the keys and shapes of the state dicts in `s3diff.pkl`."""
    linear = torch.nn.Linear | torch.nn.Conv2d
    unet_layers = [
        name
        for name, module in unet.named_modules()
        if isinstance(module, linear)
        and any(f".{name}".endswith(f".{target}") for target in S3DIFF_UNET_TARGETS)
    ]
    vae_layers = [
        name
        for name, module in vae.named_modules()
        if isinstance(module, linear) and re.fullmatch(S3DIFF_VAE_TARGETS, name)
    ]
    conv_in = dict(unet.named_parameters())
    state = {f"conv_in.{n}": tuple(conv_in[f"conv_in.{n}"].shape) for n in ("weight", "bias")}
    shapes = {
        "state_dict_unet": state | lora_shapes(unet, unet_layers, "default", rank_unet),
        "state_dict_vae": lora_shapes(vae, vae_layers, "vae_skip", rank_vae),
    }
    for part, rank in (("vae", rank_vae), ("unet", rank_unet)):
        shapes[f"state_dict_{part}_de_mlp"] = {"0.weight": (256, 256), "0.bias": (256,)}
        shapes[f"state_dict_{part}_block_mlp"] = {"0.weight": (64, 64), "0.bias": (64,)}
        shapes[f"state_dict_{part}_fuse_mlp"] = {"weight": (rank**2, 320), "bias": (rank**2,)}
    return shapes


def s3diff_checkpoint(unet: torch.nn.Module, vae: torch.nn.Module) -> dict[str, object]:
    """Return what S3Diff's `save_model` saves, filled by the rule."""
    embeddings = {"vae": 6, "unet": 10}
    return {
        "unet_lora_target_modules": S3DIFF_UNET_TARGETS,
        "vae_lora_target_modules": S3DIFF_VAE_TARGETS,
        "rank_unet": 32,
        "rank_vae": 16,
        **{
            name: filled(state, f"s3diff.{name}.")
            for name, state in s3diff_shapes(unet, vae).items()
        },
        "w": torch.nn.Parameter(values("s3diff.w", (64,)) * 20, requires_grad=False),
        "state_embeddings": {
            f"state_dict_{part}_block": filled({"weight": (count, 64)}, f"s3diff.{part}.")
            for part, count in embeddings.items()
        },
    }
