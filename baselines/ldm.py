"""Latent diffusion's own names: those of the tensors in `.ckpt` files, for diffusers' networks.

diffusers converts such files too, and passes over what it does not know. Here each of a network's
tensors has one official name, so that a file is compared with the network name by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "class_embedding.linear_1": "label_emb.0.0",
    "class_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "controlnet_mid_block": "middle_block_out.0",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
_RESNETS = re.compile(r"(in|out)put_blocks\.\d+\.0|middle_block\.[02]|fea_tran\.\d+")


def unet_names(network: Any) -> Callable[[str], str]:
    """Return what gives the official name of a tensor of a stock U-Net or ControlNet."""
    layers = network.config.layers_per_block
    attentive = [hasattr(block, "attentions") for block in getattr(network, "up_blocks", ())]

    def official(name: str) -> str:
        for own, theirs in _ENDS.items():
            if name.startswith(f"{own}."):
                return of_resnet(theirs + name.removeprefix(own))
        kind, block, part, rest = _apart(name)
        if kind == "controlnet_down_blocks":
            return f"zero_convs.{block}.0.{part}"
        index, rest = _number(rest) if part in ("resnets", "attentions") else (layers, rest)
        if kind == "down_blocks":
            place, layer = f"input_blocks.{1 + block * (layers + 1) + index}", "0"
        else:
            place, layer = f"output_blocks.{block * (layers + 1) + index}", "0"
        if part == "attentions":
            layer = "1"
        elif part == "downsamplers":
            rest = rest.replace("0.conv.", "op.")
        elif part == "upsamplers":
            # It stands behind the block's last layer, and is counted after it.
            place = f"output_blocks.{block * (layers + 1) + layers}"
            layer, rest = ("2" if attentive[block] else "1"), rest.removeprefix("0.")
        return of_resnet(f"{place}.{layer}.{rest}")

    return official


def _apart(name: str) -> tuple[str, int, str, str]:
    """Return "down_blocks", 2, "resnets" and "1.norm1.weight" of a name."""
    kind, block, part, *rest = name.split(".", 3)
    return kind, int(block), part, rest[0] if rest else ""


def _number(rest: str) -> tuple[int, str]:
    number, _, rest = rest.partition(".")
    return int(number), rest


def of_resnet(name: str) -> str:
    """Return the official name of a tensor at an official place, which may be in a resnet."""
    head, layer, end = name.rsplit(".", 2)
    if layer not in _RESNET or not _RESNETS.fullmatch(head):
        return name
    return f"{head}.{_RESNET[layer]}.{end}"


def vae_names(network: Any) -> Callable[[str], str]:
    """Return what gives the official name of a tensor of a stock VAE."""
    last = len(network.config.block_out_channels) - 1

    def official(name: str) -> str:
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        name = re.sub(r"down_blocks\.(\d+)\.", r"down.\1.", name)
        name = re.sub(r"up_blocks\.(\d+)\.", lambda m: f"up.{last - int(m[1])}.", name)
        name = re.sub(r"(down|up)samplers\.0\.", r"\1sample.", name)
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = name.replace(".resnets.", ".block.")
        head, found, rest = name.partition("mid_block.attentions.0.")
        if not found:
            return name
        layer, _, end = rest.rpartition(".")
        return f"{head}mid.attn_1.{_VAE_ATTENTION[layer]}.{end}"

    return official


def vae_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a VAE's tensors with its attention's 1x1 convolutions as the matrices they are."""
    return {
        name: tensor.flatten(1) if ".attn_1." in name and tensor.ndim == 4 else tensor
        for name, tensor in tensors.items()
    }


def part_of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix`, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def clip_tensors(
    tensors: Mapping[str, Tensor], layers: int, *, projected: bool = False
) -> dict[str, Tensor]:
    """Return the tensors of OpenCLIP's text tower as transformers names them.

    Args:
        tensors: by their names in OpenCLIP: "transformer.resblocks.0.attn.in_proj_weight".
        layers: how many are used; those after them are left out.
        projected: whether the projection is used.
    """
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        block = re.match(r"transformer\.resblocks\.(\d+)\.(.*)", name)
        if block and int(block[1]) >= layers:
            continue
        if block and block[2].startswith("attn.in_proj_"):
            end = block[2].removeprefix("attn.in_proj_")
            for part, own in zip("qkv", tensor.chunk(3), strict=True):
                found[f"encoder.layers.{block[1]}.self_attn.{part}_proj.{end}"] = own
        elif block:
            found[f"encoder.layers.{block[1]}.{_clip_layer(block[2])}"] = tensor
        elif projected and name == "text_projection":
            found["text_projection.weight"] = tensor.T
        elif name not in _CLIP_UNUSED:
            found[_CLIP_ENDS.get(name, name)] = tensor
    return found


_CLIP_ENDS = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_CLIP_UNUSED = ("text_projection", "logit_scale", "attn_mask")


def _clip_layer(name: str) -> str:
    for theirs, own in (
        ("attn.out_proj", "self_attn.out_proj"),
        ("ln_1", "layer_norm1"),
        ("ln_2", "layer_norm2"),
        ("mlp.c_fc", "mlp.fc1"),
        ("mlp.c_proj", "mlp.fc2"),
    ):
        if name.startswith(f"{theirs}."):
            return own + name.removeprefix(theirs)
    return name
