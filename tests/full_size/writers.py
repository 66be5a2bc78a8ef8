"""Official files at full size with random weights, one function per method."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import small_networks as small
import small_sd3
import torch
from diffusers import AutoencoderKL, ControlNetModel, SD3Transformer2DModel, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from baselines import ldm
from baselines.sd21 import weights as sd21
from baselines.tagger.ram import RAM, RAMConfig
from benchmarks import registry

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


def _adcsr(root: Path) -> None:
    from baselines.adcsr.network import AdcSRNetwork, second_name

    built, folder = meta(AdcSRNetwork), root / "adcsr"
    folder.mkdir()
    unet = content(built.unet)
    twice = {second: tensor for name, tensor in unet.items() if (second := second_name(name))}
    found = {f"module.body.1.{name}": tensor for name, tensor in (unet | twice).items()}
    found |= content(built.decoder.mid_block, prefix="module.body.2.")
    torch.save(found, folder / "net_params_200.pkl")
    half = content(built.decoder, prefix="decoder.")
    torch.save({"state_dict": half}, folder / "halfDecoder.ckpt")


def _hypir(root: Path) -> None:
    from baselines import lora
    from baselines.hypir.network import LAYERS, RANK

    folder = root / "hypir"
    _base(folder / sd21.SD21_BASE.name, sd21.TEXT, unet=True)
    unet = meta(lambda: UNet2DConditionModel(**sd21.UNET))
    shapes = lora.expected_shapes(unet, lora.matching(unet, LAYERS), "default", RANK)
    tensors = {key: random_tensor(key, shape) for key, shape in shapes.items()}
    torch.save(tensors, folder / "HYPIR_sd2.pth")


def _pisasr(root: Path) -> None:
    folder = root / "pisasr"
    _base(folder / sd21.SD21_BASE.name, sd21.TEXT, unet=True)
    unet = meta(lambda: UNet2DConditionModel(**sd21.UNET))
    torch.save(small.pisasr_checkpoint(unet), folder / "pisa_sr.pkl")


def _flowsr(root: Path) -> None:
    from baselines import lora
    from baselines.flowsr.network import METADATA

    _base(root / "flowsr" / sd21.SD21_BASE.name, sd21.TEXT, unet=True)
    unet = meta(lambda: UNet2DConditionModel(**sd21.UNET))
    targets = small.S3DIFF_UNET_TARGETS
    shapes = lora.expected_shapes(unet, lora.matching(unet, targets), "default", _RANK)
    tensors = {name: 0.1 * random_tensor(name, shape) for name, shape in shapes.items()}
    fields = {"unet_rank": _RANK, "unet_lora_target_modules": targets}
    names = {"unet_state_dict": {name: name for name in tensors}}
    text = json.dumps({"fields": fields, "tensor_names": names})
    save_file(tensors, root / "flowsr/flowsr.safetensors", {METADATA: text})


def _oftsr(root: Path) -> None:
    from baselines.oftsr import checkpoint, network, releases

    for release in releases.RELEASES:
        unet = meta(lambda release=release: network.build(release.shape))
        tensors = [random_tensor(one.official, one.shape) for one in checkpoint.entries(unet)]
        ema = {"decay": 0.9999, "num_updates": 5000, "shadow_params": tensors}
        path = root / "oftsr" / release.student
        path.parent.mkdir(exist_ok=True)
        torch.save({"ema": ema, "step": 5000}, path)


def _invsr(root: Path) -> None:
    from baselines.invsr import network

    folder = root / "invsr"
    _base(folder / sd21.SD_TURBO.name, sd21.TEXT, unet=True)
    predictor = meta(lambda: network.NoisePredictor(network.PredictorConfig()))
    tensors = content(predictor, network.official)
    torch.save(tensors, folder / "noise_predictor_sd_turbo_v5.pth")


def _s3diff(root: Path) -> None:
    from baselines.s3diff.degradation import DegradationEstimator

    folder = root / "s3diff"
    _base(folder / sd21.SD_TURBO.name, sd21.TEXT, unet=True)
    unet = meta(lambda: UNet2DConditionModel(**sd21.UNET))
    vae = meta(lambda: AutoencoderKL(**sd21.VAE))
    torch.save(small.s3diff_checkpoint(unet, vae), folder / "s3diff.pkl")
    torch.save(small.filled(DegradationEstimator().state_dict(), "de."), folder / "de_net.pth")


def _save_parts(folder: Path, parts: Mapping[str, tuple[Any, dict[str, Tensor]]]) -> None:
    for name, (made, tensors) in parts.items():
        made.save_config(folder / name)
        _save(tensors, folder / name / "diffusion_pytorch_model.safetensors")


def _tsdsr(root: Path) -> None:
    from baselines import lora
    from baselines.sd3 import memory
    from baselines.tsdsr import network, weights

    base = root / "tsdsr" / weights.SD3.name
    vae = meta(lambda: AutoencoderKL(**memory.VAE))
    transformer = meta(lambda: SD3Transformer2DModel(**small_sd3.FULL_TRANSFORMER))
    _save_parts(
        base, {"vae": (vae, content(vae)), "transformer": (transformer, content(transformer))}
    )
    for made, targets, file in zip(
        (transformer, vae),
        (network.TRANSFORMER_TARGETS, network.VAE_TARGETS),
        weights.updates("tsdsr"),
        strict=True,
    ):
        layers = lora.matching(made, targets)
        shapes = lora.expected_shapes(made, layers, "", weights.RANK, prefix="transformer")
        tensors = {name: 0.1 * random_tensor(name, shape) for name, shape in shapes.items()}
        _save(tensors, root / "tsdsr" / file.name)
    torch.save(_prompt(1, memory.TEXT_TOKENS, memory.TEXT_WIDTH), root / "tsdsr/prompt_embeds.pt")
    torch.save(_prompt(1, memory.POOLED_WIDTH), root / "tsdsr/pool_embeds.pt")


def _prompt(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def _sd35(folder: Path) -> None:
    """Write VAE and text encoders of Stable Diffusion 3.5 medium."""
    from transformers import CLIPTextModelWithProjection, T5Config, T5EncoderModel

    from baselines.sd3 import memory

    small_sd3.write_text(folder)  # the tokenizers, and the pipeline's index
    vae = meta(lambda: AutoencoderKL(**memory.VAE, scaling_factor=1.5305, shift_factor=0.0609))
    _save_parts(folder, {"vae": (vae, content(vae))})
    clip = {"vocab_size": 49_408, "bos_token_id": 0, "eos_token_id": 1}
    wide = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32}
    sizes = (
        {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
         "num_attention_heads": 12, "projection_dim": 768},
        {**wide, "num_attention_heads": 20, "projection_dim": 1280, "hidden_act": "gelu"},
    )  # fmt: skip
    t5 = T5Config(
        vocab_size=32_128, d_model=4096, d_kv=64, d_ff=10_240, num_layers=24, num_heads=64,
        feed_forward_proj="gated-gelu", dropout_rate=0.0,
    )  # fmt: skip
    for part, kind, config in (
        ("text_encoder", CLIPTextModelWithProjection, CLIPTextConfig(**clip, **sizes[0])),
        ("text_encoder_2", CLIPTextModelWithProjection, CLIPTextConfig(**clip, **sizes[1])),
        ("text_encoder_3", T5EncoderModel, t5),
    ):
        made = meta(lambda kind=kind, config=config: kind(config))
        made.config.save_pretrained(folder / part)
        if kind is T5EncoderModel:
            small_sd3.write_shards(content(made), folder / part)
        else:
            _save(content(made), folder / part / "model.safetensors")


def _dit4sr_network(folder: Path) -> Any:
    """Write release q of DiT4SR: the LR stream in float32, the rest in float16, as upstream's."""
    from baselines.dit4sr.network import DiT4SR
    from baselines.dit4sr.weights import SHAPE

    network = meta(lambda: DiT4SR.of(SHAPE))
    tensors = {
        name: tensor.float() if "control" in name else tensor.half()
        for name, tensor in content(network).items()
    }
    tensors |= {k: torch.zeros_like(v) for k, v in tensors.items() if "to_k_control" in k}
    network.save_config(folder / "transformer")
    _save(tensors, folder / "transformer/diffusion_pytorch_model.safetensors")
    return network


def _dit4sr(root: Path) -> None:
    from baselines.dit4sr.releases import SD35, release

    folder = root / "dit4sr"
    _dit4sr_network(folder / release("q").folder / release("q").folder)
    _sd35(folder / SD35.name)


def _smfsr(root: Path) -> None:
    from baselines.dit4sr.releases import SD35
    from baselines.dit4sr.weights import SHAPE
    from baselines.smfsr.network import build

    network = meta(lambda: build(replace(SHAPE, key_control="noise")))
    tensors = {
        name.replace("time_text_embed.", "time_text_embed_interval.", 1): tensor
        for name, tensor in content(network).items()
    }
    folder = root / "smfsr/smfsr_q/smfsr_q/transformer"
    network.save_config(folder)
    _save(tensors, folder / "diffusion_pytorch_model.safetensors")
    _sd35(root / "smfsr" / SD35.name)


def _mfsr(root: Path) -> None:
    from baselines.dit4sr.releases import SD35
    from mfsr.bundle import network_sha256, save_student
    from mfsr.student import into_student
    from mfsr.training.recipes import RECIPES

    folder = root / "mfsr"
    teacher = folder / "dit4sr/dit4sr_q"
    network = _dit4sr_network(teacher)
    _sd35(folder / SD35.name)
    config = replace(RECIPES["mfsr", "paper"]().model, teacher_sha256=network_sha256(teacher))
    student = into_student(network, config.student, teacher_scale=config.time_scale)
    trained = {name: p for name, p in student.named_parameters() if p.requires_grad}
    tensors = {name: 0.1 * random_tensor(name, tuple(p.shape)) for name, p in trained.items()}
    save_student(folder, config, tensors, dtype="bf16")


def _resshift(root: Path, name: str = "resshift") -> None:
    from baselines.resshift.autoencoder import Autoencoder, VQConfig, official_shapes
    from baselines.resshift.unet import SwinUNet, UNetConfig

    files = registry.restorer(name).card.weights
    unet = meta(lambda: SwinUNet(UNetConfig()))
    codes = official_shapes(meta(lambda: Autoencoder(VQConfig())))
    tensors = {key: random_tensor(key, tuple(p.shape)) for key, p in unet.named_parameters()}
    coder = {f"module.{key}": random_tensor(key, shape) for key, shape in codes.items()}
    for file, content_ in zip(files, (tensors, {"state_dict": coder}), strict=True):
        path = root / file.folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(content_, path)


def _sinsr(root: Path) -> None:
    _resshift(root, "sinsr")


def _ctmsr(root: Path) -> None:
    from baselines.ctmsr.network import CTMSRConfig, CTMSRNetwork

    network = meta(lambda: CTMSRNetwork(CTMSRConfig()))
    tensors = {key: random_tensor(key, tuple(p.shape)) for key, p in network.named_parameters()}
    path = root / "ctmsr/CTMSR.pth"
    path.parent.mkdir(parents=True)
    torch.save({"params_ema": tensors}, path)


WRITERS: dict[str, Callable[[Path], None]] = {
    "adcsr": _adcsr,
    "addsr": _addsr,
    "ctmsr": _ctmsr,
    "diffbir": _diffbir,
    "dit4sr": _dit4sr,
    "flowsr": _flowsr,
    "invsr": _invsr,
    "mfsr": _mfsr,
    "hypir": _hypir,
    "oftsr": _oftsr,
    "osediff": _osediff,
    "pasd": _pasd,
    "resshift": _resshift,
    "pisasr": _pisasr,
    "s3diff": _s3diff,
    "seesr": _seesr,
    "sinsr": _sinsr,
    "smfsr": _smfsr,
    "stablesr": _stablesr,
    "supir": _supir,
    "tsdsr": _tsdsr,
}
FEWEST = {"diffbir": 2, "stablesr": 2, "supir": 13, "seesr": 2, "pasd": 2, "resshift": 15}
# The random U-Net has not the hash of Stable Diffusion 2.1-base's.
_UNHASHED = replace(sd21.SD21_PARAMETERS, unet_sha256="")
PATCHES: dict[str, dict[str, Any]] = {
    "diffbir": {"baselines.diffbir.restorer:SD21_PARAMETERS": _UNHASHED},
    "hypir": {"baselines.hypir.restorer:SD21_PARAMETERS": _UNHASHED},
    "pisasr": {"baselines.pisasr.restorer:SD21_PARAMETERS": _UNHASHED},
}
