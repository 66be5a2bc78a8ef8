"""Official files at full size with random weights, one function per method."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import small_networks as small
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from baselines import ldm
from baselines.sd21 import weights as sd21
from baselines.tagger.ram import RAM, RAMConfig

_DTYPE = torch.bfloat16
_POOL = 1_000_003  # a prime, so that no row of a matrix repeats another
_RANK = 8  # of DAPE's updates


def random_tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor that keeps what flows through it in scale."""
    if len(shape) < 2:
        return torch.full(shape, 1.0 if name.endswith("weight") else 0.0, dtype=_DTYPE)
    scale = 0.5 / math.sqrt(math.prod(shape[1:]))
    count = math.prod(shape)
    return (_pool() * scale).repeat(-(-count // _POOL))[:count].reshape(shape)


@cache
def _pool() -> Tensor:
    """Return random values that all tensors repeat: drawing billions takes minutes."""
    return torch.randn(_POOL, generator=torch.Generator().manual_seed(0)).to(_DTYPE)


def meta(build: Callable[[], nn.Module]) -> Any:
    """Return a network without memory."""
    with torch.device("meta"):
        return build()


def content(
    network: nn.Module, official: Callable[[str], str] = str, prefix: str = ""
) -> dict[str, Tensor]:
    """Return random tensors for a network, by official names."""
    return {
        prefix + official(name): random_tensor(name, tuple(tensor.shape))
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()
    }


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(dict(tensors), path, {"format": "pt"})
    else:
        torch.save({"state_dict": dict(tensors)}, path)


def _base(folder: Path, text: dict[str, Any], *, unet: bool = False) -> None:
    """Write the folder of a Stable Diffusion 1 or 2."""
    parts: dict[str, tuple[Any, dict[str, Any], str]] = {
        "vae": (AutoencoderKL, sd21.VAE, "diffusion_pytorch_model.safetensors"),
    }
    if unet:
        parts["unet"] = (UNet2DConditionModel, sd21.UNET, "diffusion_pytorch_model.safetensors")
    for name, (kind, shape, file) in parts.items():
        made = meta(lambda kind=kind, shape=shape: kind(**shape))
        made.save_config(folder / name)
        _save(content(made), folder / name / file)
    config = CLIPTextConfig(**text)
    config.save_pretrained(folder / "text_encoder")
    encoder = content(meta(lambda: CLIPTextModel(config)))
    named = {f"text_model.{name.removeprefix('text_model.')}": v for name, v in encoder.items()}
    _save(named, folder / "text_encoder" / "model.safetensors")
    small.write_tokenizer(folder / "tokenizer")


def _tagger(root: Path) -> None:
    """Write what of RAM's file is used, and DAPE's."""
    network = meta(lambda: RAM(RAMConfig()))
    tensors = content(network)
    path = root / "tagger"
    path.mkdir()
    torch.save({"model": tensors}, path / "ram_swin_large_14m.pth")
    updates: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        parts = 2 if name.endswith(".attn.qkv") else 1
        if parts == 2 or name.endswith((".crossattention.self.query", ".self.key")):
            outputs = module.out_features * parts // (3 if parts == 2 else 1)
            updates[f"{name}.lora_A"] = torch.zeros(parts * _RANK, module.in_features)
            updates[f"{name}.lora_B"] = torch.zeros(outputs, _RANK)
    torch.save(updates, path / "DAPE.pth")


def _seesr(root: Path, name: str = "seesr") -> None:
    from baselines.seesr import network, weights

    for part, kind, shape in (
        ("unet", UNet2DConditionModel, weights.UNET),
        ("controlnet", ControlNetModel, weights.CONTROLNET),
    ):
        made = meta(lambda kind=kind, shape=shape: network.build(kind, shape, network.Sight()))
        _save(content(made, network.official), root / name / part / weights.FILE)
    _base(root / "sd2" / sd21.SD2_BASE.name, sd21.TEXT)
    _tagger(root)


def _addsr(root: Path) -> None:
    _seesr(root, "addsr")


def _pasd(root: Path) -> None:
    from baselines.pasd import network, weights

    unet = meta(lambda: network.build(weights.UNET, network.Residuals()))
    led = meta(lambda: ControlNetModel(**weights.CONTROLNET))
    _save(content(unet, network.official), root / "pasd" / weights.UNET_FILE.name)
    _save(content(led), root / "pasd" / weights.CONTROLNET_FILE.name)
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
    _base(root / "pasd" / weights.SD15.name, text | {"num_hidden_layers": 12})


def _diffbir(root: Path) -> None:
    from baselines.diffbir import network, versions
    from baselines.rrdb import RRDBNet

    folder = root / "diffbir"
    led = meta(lambda: network.build_controlnet(versions.UNET))
    _save(content(led, ldm.unet_names(led)), folder / "v2.pth")
    _save(content(meta(RRDBNet)), folder / "BSRNet.pth")
    _base(folder / versions.BASE.name, sd21.TEXT, unet=True)


def _open_clip(
    config: dict[str, Any], prefix: str, *, projected: bool = False
) -> dict[str, Tensor]:
    """Return a text tower as OpenCLIP names it."""
    width, layers = config["hidden_size"], config["num_hidden_layers"]
    shapes: dict[str, tuple[int, ...]] = {
        "token_embedding.weight": (49_408, width),
        "positional_embedding": (77, width),
        "ln_final.weight": (width,),
        "ln_final.bias": (width,),
        "text_projection": (width, config.get("projection_dim", width)),
    }
    for block in range(layers if projected else layers + 1):  # SD 2 leaves the last one out
        name, wide = f"transformer.resblocks.{block}.", config["intermediate_size"]
        for layer, out, inner in (
            ("attn.in_proj_", 3 * width, width),
            ("attn.out_proj.", width, width),
            ("mlp.c_fc.", wide, width),
            ("mlp.c_proj.", width, wide),
        ):
            shapes |= {f"{name}{layer}weight": (out, inner), f"{name}{layer}bias": (out,)}
        shapes |= {f"{name}ln_{k}.{end}": (width,) for k in (1, 2) for end in ("weight", "bias")}
    return {prefix + name: random_tensor(name, shape) for name, shape in shapes.items()}


def _as_convolutions(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a VAE's tensors with its attention as the official files have it."""
    return {
        name: tensor[..., None, None] if ".attn_1." in name and tensor.ndim == 2 else tensor
        for name, tensor in tensors.items()
    }


def _stablesr(root: Path) -> None:
    from baselines.stablesr import fused, modulated, network, weights
    from baselines.stablesr.structure import StructureEncoder

    config = weights.structure()
    unet = meta(lambda: modulated.build(weights.UNET, config.features, modulated.Structure()))
    encoder = meta(lambda: StructureEncoder(config))
    tensors = content(unet, modulated.names(unet), "model.diffusion_model.")
    tensors |= content(encoder, network.structure_name, "structcond_stage_model.")
    tensors |= _open_clip(weights.TEXT, "cond_stage_model.model.")
    _save(tensors, root / "stablesr" / weights.NETWORK_FILE.name)
    vae = meta(lambda: fused.build(weights.VAE, fused.Wrapping()))
    _save(
        _as_convolutions(content(vae, fused.names(vae))), root / "stablesr" / weights.VAE_FILE.name
    )


def _supir(root: Path) -> None:
    from baselines.supir import network, weights
    from baselines.supir.adapters import Control

    folder = root / "supir"
    unet = meta(lambda: network.build_unet(weights.UNET, Control()))
    branch = meta(lambda: network.build_branch(weights.CONTROL))
    vae = meta(lambda: AutoencoderKL(**weights.VAE))
    whole = content(unet, network.names(unet), "model.diffusion_model.")
    added = {name: v for name, v in whole.items() if "project_modules" in name}
    sdxl = {name: v for name, v in whole.items() if name not in added}
    coder = _as_convolutions(content(vae, ldm.vae_names(vae), "first_stage_model."))
    clip = content(meta(lambda: CLIPTextModel(CLIPTextConfig(**weights.CLIP_L))))
    prefix = "conditioner.embedders.0.transformer.text_model."
    sdxl |= coder | {prefix + name.removeprefix("text_model."): v for name, v in clip.items()}
    sdxl |= _open_clip(weights.CLIP_G, "conditioner.embedders.1.model.", projected=True)
    _save(sdxl, folder / weights.SDXL.name / weights.SDXL_FILE)
    for part in ("tokenizer", "tokenizer_2"):
        small.write_tokenizer(folder / weights.SDXL.name / part)
    added |= content(branch, network.names(branch), "model.control_model.")
    added |= {
        name.replace(".encoder.", ".denoise_encoder."): v
        for name, v in coder.items()
        if name.startswith("first_stage_model.encoder.")
    }
    _save(added, folder / "SUPIR-v0Q.ckpt")


def _osediff(root: Path) -> None:
    folder = root / "osediff"
    _base(folder / sd21.SD21_BASE.name, sd21.TEXT, unet=True)
    unet = meta(lambda: UNet2DConditionModel(**sd21.UNET))
    vae = meta(lambda: AutoencoderKL(**sd21.VAE))
    torch.save(small.osediff_checkpoint(unet, vae), folder / "osediff.pkl")


def _s3diff(root: Path) -> None:
    from baselines.s3diff.degradation import DegradationEstimator

    folder = root / "s3diff"
    _base(folder / sd21.SD_TURBO.name, sd21.TEXT, unet=True)
    unet = meta(lambda: UNet2DConditionModel(**sd21.UNET))
    vae = meta(lambda: AutoencoderKL(**sd21.VAE))
    torch.save(small.s3diff_checkpoint(unet, vae), folder / "s3diff.pkl")
    torch.save(small.filled(DegradationEstimator().state_dict(), "de."), folder / "de_net.pth")


WRITERS: dict[str, Callable[[Path], None]] = {
    "addsr": _addsr,
    "diffbir": _diffbir,
    "osediff": _osediff,
    "pasd": _pasd,
    "s3diff": _s3diff,
    "seesr": _seesr,
    "stablesr": _stablesr,
    "supir": _supir,
}
FEWEST = {"diffbir": 2, "stablesr": 2, "supir": 13, "seesr": 2, "pasd": 2}
# The random U-Net has not the hash of Stable Diffusion 2.1-base's.
_UNHASHED = replace(sd21.SD21_PARAMETERS, unet_sha256="")
PATCHES: dict[str, dict[str, Any]] = {
    "diffbir": {"baselines.diffbir.restorer:SD21_PARAMETERS": _UNHASHED},
}
