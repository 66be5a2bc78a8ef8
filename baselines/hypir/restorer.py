"""HYPIR behind the harness's interface."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from baselines.sd21.weights import SD21_BASE, SD21_PARAMETERS
from benchmarks.api.card import HubFile, MethodCard, Paper, Upstream, WeightFile
from benchmarks.api.colour import quantise, wavelet
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from baselines.sd21.components import Components

_LICENCE = "LicenseRef-HYPIR"
_CHECKPOINT = WeightFile(
    name="HYPIR_sd2.pth",
    licence=_LICENCE,
    hub=HubFile(repo="lxq007/HYPIR", filename="HYPIR_sd2.pth"),
    about_bytes=1_038_000_000,
    consent="HYPIR's licence allows non-commercial use only; its hub page says Apache-2.0, its "
    "repository's LICENSE and README do not.",
)
_PATCH = 512  # image pixels per side of a tile, and least side of the image that is restored
_MULTIPLE = 8  # image pixels per latent pixel


class HYPIR(Restorer):
    """One evaluation of an adapted SD 2.1 at t = 200, everything in tiles of 512 pixels."""

    card = MethodCard(
        name="hypir",
        title="HYPIR",
        paper=Paper(
            title="Harnessing Diffusion-Yielded Score Priors for Image Restoration",
            bibkey="lin2025hypir",
            arxiv="2507.20590",
        ),
        base_model="Stable Diffusion 2.1-base + LoRA",
        default_steps=1,
        legal_steps=(1,),
        prompt="fixed",
        colour_fix="wavelet",
        tiling="image 512, overlap 256, Gaussian weights: encoder, network and decoder",
        dtypes=("bf16", "fp32"),
        weights=(SD21_BASE, _CHECKPOINT),
        upstream=Upstream(
            repo="XPixelGroup/HYPIR",
            commit="b61d107c6cef38f01a93c7833558869731cfa8c1",
            licence=_LICENCE,
        ),
        licence=_LICENCE,
        trained_on=("20 million images and 70 thousand faces of their own",),
        stochastic=True,
        deviations=(
            "each tile's posterior sample is drawn from the image's own stream, in float32; "
            "upstream draws all images' from one stream, in bfloat16, and noise for a scheduler's "
            "step in between, which it does not use",
            "LoRA folded into the weights in float32 before the cast; upstream leaves it beside "
            "them in bfloat16",
            "kept: the LR image is enlarged by torch's bicubic without antialiasing and not "
            "clamped; one whose shorter side is then 512 pixels or less is brought to 512, and the "
            "result back, by torch's antialiased bicubic",
            "kept: sides that are no multiples of 8 are extended by grey, at the right and below",
            "kept: every tile has a posterior sample of its own, and overlaps average them",
            "kept: the row midpoint of the tile weights is half a pixel low (common.py:143)",
        ),
        quirks=(
            "x0, the weights and sums of tiles and the decoded image are rounded to bfloat16, one "
            "tile alone included, up to half a grey level; mended: float32",
            "8 bits by truncation; mended: rounded, half a grey level higher on average",
        ),
        note="the prompt is empty, as its test script's `--captioner empty`; hypir-caption has one "
        "per image. Non-commercial licence",
    )

    def __init__(self, runtime: Runtime, components: Components) -> None:
        from baselines.pretrained import place

        super().__init__(runtime)
        self._components = components
        home = "cpu" if runtime.offload else runtime.device
        for part in (components.unet, components.vae, components.text_encoder):
            place(part, home, runtime.torch_dtype)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the base model and fold the checkpoint into it."""
        from baselines.hypir.network import apply_checkpoint
        from baselines.sd21.components import load_components

        components = load_components(runtime.weight(SD21_BASE.name), SD21_PARAMETERS)
        apply_checkpoint(components.unet, runtime.weight(_CHECKPOINT.name))
        return cls(runtime, components)

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations of one tile, counted on the meta device."""
        from baselines.needs import peak
        from baselines.sd21.memory import needs

        latent = _PATCH // _MULTIPLE
        parts = needs((_PATCH, _PATCH), (latent, latent), batch, runtime.torch_dtype)
        return peak(parts, offload=runtime.offload)

    def _prompts(self, batch: LRBatch) -> Sequence[str]:
        """Return one prompt per image."""
        return [""] * len(batch)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch.nn.functional as F

        scale = self.card.scale
        enlarged = F.interpolate(batch.images, scale_factor=scale, mode="bicubic")
        height, width = enlarged.shape[-2:]
        size = working_size(height, width)
        x = enlarged
        if min(height, width) <= _PATCH:
            x = F.interpolate(x, size=size, mode="bicubic", antialias=True)
        x = F.pad(x * 2 - 1, (0, -size[1] % _MULTIPLE, 0, -size[0] % _MULTIPLE))
        image = self._network(x, batch)[..., : size[0], : size[1]]
        image = (image.cpu() + 1) / 2
        image = F.interpolate(image, size=(height, width), mode="bicubic", antialias=True)
        sr = wavelet(image, enlarged)
        return quantise(sr, "none" if self.runtime.mended else "truncate")

    def _network(self, x: Tensor, batch: LRBatch) -> Tensor:
        """Return the restored images, about [-1, 1] and in float32, of images in [-1, 1]."""
        from baselines.hypir import network
        from baselines.sd21.components import embed
        from baselines.streams import draws

        parts, runtime = self._components, self.runtime
        device, dtype = runtime.device, runtime.torch_dtype
        latents = Tiling(tile=_PATCH // _MULTIPLE, overlap=_PATCH // _MULTIPLE // 2)
        sums, draw = self._sums(), draws(batch, 4, latents.tile, latents.tile)
        with self.stage("text"), self.on_device(parts.text_encoder):
            text = embed(parts, self._prompts(batch), device)
        with self.stage("vae"), self.on_device(parts.vae):
            z = network.encode(parts.vae, x.to(device, dtype), draw, latents, sums)

        def eps(z: Tensor) -> Tensor:
            predicted: Tensor = parts.unet(z, network.TIMESTEP, encoder_hidden_states=text).sample
            return predicted

        with self.stage("network"), self.on_device(parts.unet):
            scaling = parts.vae.config.scaling_factor
            z = network.restore(eps, z.to(dtype), scaling, latents, sums)
        with self.stage("vae"), self.on_device(parts.vae):
            pixels = Tiling(tile=_PATCH, overlap=_PATCH // 2)
            return network.decode(parts.vae, z.to(dtype), pixels, sums)

    def _sums(self) -> torch.dtype:
        """Return the dtype of x0 and of sums over tiles."""
        import torch

        return torch.float32 if self.runtime.mended else self.runtime.torch_dtype


class HYPIRCaption(HYPIR):
    """HYPIR told what an image shows."""

    card = replace(
        HYPIR.card,
        name="hypir-caption",
        title="HYPIR-caption",
        prompt="caption:llava",
        deviations=(
            *HYPIR.card.deviations,
            "captions by LLaVA-1.5, or given as files; upstream reads files, or asks GPT-4o mini "
            "in its demonstration",
        ),
        note="Non-commercial licence",
    )

    def _prompts(self, batch: LRBatch) -> Sequence[str]:
        return batch.prompts or ()


def working_size(height: int, width: int) -> tuple[int, int]:
    """Return the size at which an enlarged image is restored: its shorter side is 512 or more."""
    if min(height, width) > _PATCH:
        return height, width
    if height == width:
        return _PATCH, _PATCH
    if height < width:
        return _PATCH, int(width * (_PATCH / height))
    return int(height * (_PATCH / width)), _PATCH
