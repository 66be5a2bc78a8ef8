"""Small networks of DiffBIR's layers, filled by the rule of the golden file, in official files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import official
import pytest
import small_networks as small
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from baselines import ldm
from baselines.diffbir import cleaner, network, versions
from baselines.diffbir.restorer import DiffBIR
from baselines.rrdb import RRDBNet
from benchmarks.api.restorer import Runtime
from benchmarks.api.weights import WeightStore

GOLDEN = official.read(Path(__file__).parent / "golden.json")
PREFIX = GOLDEN["config"]["prefix"]
SHAPE = {
    "block_out_channels": (64, 64, 128, 128),
    "attention_head_dim": (2, 2, 4, 4),
    "cross_attention_dim": 32,
    "use_linear_projection": True,
}
VAE = {**small.FULL_VAE, "block_out_channels": (32, 32, 64, 64)}
BSRNET = {"channels": 16, "blocks": 2, "growth": 8}


def vae_state(prefix: str) -> dict[str, Tensor]:
    """What the golden file's VAE holds, by its official names, attention as convolutions."""
    with torch.device("meta"):
        made = AutoencoderKL(**VAE)
    names = ldm.vae_names(made)
    found = {}
    for name, tensor in made.state_dict().items():
        shape = tuple(tensor.shape)
        wide = ".attn_1." in names(name) and len(shape) == 2 and "norm" not in names(name)
        shape += (1, 1) if wide else ()
        found[names(name)] = small.values(prefix + names(name), shape)
    return found


def filled_vae() -> Any:
    """The golden file's VAE."""
    vae = AutoencoderKL(**VAE)
    names, state = ldm.vae_names(vae), ldm.vae_tensors(vae_state(PREFIX["vae"]))
    vae.load_state_dict({name: state[names(name)] for name in vae.state_dict()})
    return vae.eval().requires_grad_(False)


def named_state(made: Any, prefix: str) -> dict[str, Tensor]:
    """What an official file of a network holds, in latent diffusion's names."""
    return official.state(made, prefix, ldm.unet_names(made))


@pytest.fixture(scope="session")
def diffbir_files(sd21: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with small networks in the official files of all versions."""
    folder = tmp_path_factory.mktemp("weights") / "diffbir"
    base = folder / versions.BASE.name
    base.mkdir(parents=True)
    for part in ("text_encoder", "tokenizer"):
        (base / part).symlink_to(sd21[0] / part)
    unet, controlnet = UNet2DConditionModel(**SHAPE), network.build_controlnet(SHAPE)
    official.fill(unet, PREFIX["unet"], ldm.unet_names(unet)).save_pretrained(base / "unet")
    filled_vae().save_pretrained(base / "vae")
    led = named_state(controlnet, PREFIX["controlnet"])
    torch.save(led, folder / "v2.pth")
    torch.save(
        {f"module.{name}": tensor for name, tensor in led.items()}, folder / "v1_general.pth"
    )
    torch.save({"state_dict": led}, folder / "DiffBIR_v2.1.pt")
    torch.save(official.state(RRDBNet(**BSRNET), PREFIX["bsrnet"]), folder / "BSRNet.pth")
    swinir = {"state_dict": swinir_state()}
    for name in ("general_swinir_v1.ckpt", "realesrgan_s4_swinir_100k.pth"):
        torch.save(swinir, folder / name)
    whole = {f"model.diffusion_model.{k}": v for k, v in named_state(unet, PREFIX["unet"]).items()}
    whole |= {f"first_stage_model.{k}": v for k, v in vae_state(PREFIX["vae"]).items()}
    whole |= {f"cond_stage_model.model.{k}": v for k, v in text_state().items()}
    torch.save({"state_dict": whole, "epoch": 3}, folder / versions.ZERO_SNR.name)
    return folder


def swinir_state() -> dict[str, Tensor]:
    """What the official file of a small SwinIR with pixel unshuffling holds."""
    import warnings

    from spandrel.architectures.SwinIR import SwinIR

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = SwinIR(
            img_size=64, in_chans=3, embed_dim=24, depths=[2, 2], num_heads=[2, 2], window_size=8,
            mlp_ratio=2, upscale=8, upsampler="nearest+conv", start_unshuffle=8,
        )  # fmt: skip
    found = {}
    for own, tensor in made.state_dict().items():
        name = own.replace("conv_first.", "conv_first.1.")
        constant = "mask" in name or "index" in name
        shape = tuple(tensor.shape)
        found[name] = tensor if constant else small.values(PREFIX["swinir"] + name, shape)
    return found


def text_state() -> dict[str, Tensor]:
    """A small text tower as OpenCLIP names it, with a layer more than is used."""
    model = CLIPTextModel(CLIPTextConfig(**small.TEXT))
    own = {k.removeprefix("text_model."): v for k, v in model.state_dict().items()}
    own = {k: small.values(f"diffbir.text.{k}", tuple(v.shape)) for k, v in own.items()}
    found = {
        "token_embedding.weight": own["embeddings.token_embedding.weight"],
        "positional_embedding": own["embeddings.position_embedding.weight"],
        "ln_final.weight": own["final_layer_norm.weight"],
        "ln_final.bias": own["final_layer_norm.bias"],
        "text_projection": torch.zeros(32, 32),
        "logit_scale": torch.zeros(()),
    }
    names = {
        "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2", "attn.out_proj": "self_attn.out_proj",
    }  # fmt: skip
    for block, source in ((0, 0), (1, 1), (2, 0)):
        to, layer = f"transformer.resblocks.{block}.", f"encoder.layers.{source}."
        for end in ("weight", "bias"):
            found |= {f"{to}{a}.{end}": own[f"{layer}{b}.{end}"] for a, b in names.items()}
            parts = [own[f"{layer}self_attn.{part}_proj.{end}"] for part in "qkv"]
            found[f"{to}attn.in_proj_{end}"] = torch.cat(parts)
    return found


def counts(sd21: tuple[Path, Any], sha256: str = "") -> Any:
    """Parameters of the small base model."""
    with torch.device("meta"):
        made = {"unet": UNet2DConditionModel(**SHAPE), "vae": AutoencoderKL(**VAE)}
    found = {name: sum(p.numel() for p in part.parameters()) for name, part in made.items()}
    return replace(sd21[1], **found, unet_sha256=sha256)


@pytest.fixture(scope="module")  # while it lasts, the loader expects the small networks
def load(sd21: tuple[Path, Any], diffbir_files: Path) -> Iterator[Callable[..., DiffBIR]]:
    """Load DiffBIR through the real path, once per runtime."""

    @cache
    def loaded(options: tuple[tuple[str, str], ...] = (), **changes: Any) -> DiffBIR:
        card = DiffBIR.card.with_weights_for(dict(options))
        store = WeightStore(diffbir_files.parent)
        given = {"dtype": "fp32", "options": dict(options), **changes}
        return DiffBIR.load(Runtime(card=card, weights=store, **given))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("baselines.diffbir.restorer.SD21_PARAMETERS", counts(sd21))
        patch.setattr(versions, "UNET", SHAPE)
        patch.setattr(network, "VAE", VAE)
        patch.setattr(network, "TEXT", small.TEXT)
        patch.setattr(cleaner, "RRDBNet", lambda: RRDBNet(**BSRNET))
        swinir = sum(v.numel() for k, v in swinir_state().items() if "mask" not in k)
        index = sum(v.numel() for k, v in swinir_state().items() if "index" in k)
        patch.setattr(cleaner, "_SWINIR_PARAMETERS", swinir - index)
        loaded.root = diffbir_files.parent  # type: ignore[attr-defined]
        yield loaded


@pytest.fixture
def small_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images of 64 pixels and more through as they are: the rest of the way is the same."""
    for function in (cleaner.raise_short_side, cleaner.raised_size):
        monkeypatch.setattr(function, "__defaults__", (64,))
