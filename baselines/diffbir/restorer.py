"""DiffBIR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from baselines.diffbir import versions
from baselines.diffbir.versions import version_of
from baselines.guidance import guidance_of, guidance_option
from baselines.sd21.weights import SD21_PARAMETERS, VAE_TILES
from baselines.sd_control.restorer import (
    CHANNELS,
    FACTOR,
    ControlledRestorer,
)
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream
from benchmarks.api.colour import colour_option, quantise
from benchmarks.api.errors import ConfigError
from benchmarks.api.resizing import resize

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from baselines.sd21.components import Components
    from benchmarks.api.restorer import LRBatch, Runtime

_CLEANER_BYTES = 67_000_000  # of either cleaner, which stay in float32


class DiffBIR(ControlledRestorer):
    """50 ancestral steps under guidance from noise, led by the cleaned image's latent."""

    card = MethodCard(
        name="diffbir",
        title="DiffBIR",
        paper=Paper(
            title="DiffBIR: Toward Blind Image Restoration with Generative Diffusion Prior",
            bibkey="lin2024diffbir",
            venue="ECCV 2024",
            arxiv="2308.15070",
        ),
        base_model="Stable Diffusion 2.1-base + ControlNet",
        default_steps=50,
        least_steps=2,
        nfe_per_step=2,
        prompt="fixed",
        colour_fix="wavelet",
        dtypes=("fp32", "fp16", "bf16"),
        options=(
            MethodOption(
                name="version",
                default="v2",
                help="which release: v2 (of the ECCV paper), v2.1 (of 2024) or v1",
                choices=tuple(version.name for version in versions.VERSIONS),
            ),
            MethodOption(
                name="sampler",
                default="authors",
                help="authors: dpm-3m-sde for v2.1, spaced for v2 and v1",
                choices=("authors", "spaced", "dpm-3m-sde"),
            ),
            guidance_option("4.0"),
            colour_option("wavelet"),
            VAE_TILES,
        ),
        weights=versions.WEIGHTS,
        upstream=Upstream(repo="XPixelGroup/DiffBIR", commit=versions.COMMIT, licence="Apache-2.0"),
        licence="LicenseRef-CreativeML-OpenRAIL-PP-M",
        trained_on=("LAION-2B-en (filtered, 15 M images; v2)", "ImageNet-1k (v1)"),
        stochastic=True,
        deviations=(
            "all noise comes from the image's own stream: the start, then one per step; upstream "
            "seeds once for a folder, so that a result depends on what was restored before it",
            "both prompts go through the networks in one batch; upstream runs them twice",
            "the base model is read from a diffusers folder (v2, v1); upstream reads the same "
            "weights from v2-1_512-ema-pruned.ckpt, which was removed",
            "the last step's noise, which upstream multiplies by 0, is not drawn",
            "v2.1: the authors' sampler, but 50 steps, guidance 4 and no captions "
            "(--captioner none) as for v2; the authors' default is 10 steps, guidance 6 (8 in "
            "their README) and LLaVA's captions, in float16: diffbir@10+version=v2.1+guidance=6",
            "v2.1: the sampler's noise is independent between steps, as are the increments of "
            "upstream's Brownian tree",
            "v1: the prompts of v2, as its own are not stated",
            "images are not tiled, as upstream by default; the VAE's option tiles as SeeSR's does",
            "SwinIR (v2.1, v1) is spandrel's, within 8e-5 of the official one",
            "kept: the cleaned image is padded with black to multiples of 64",
            "kept: an image of which a side is below 512 pixels is restored at 512 and more, and "
            "shrunk at the end",
            "kept: the colour fix takes the colours of the cleaned image, not of the LR image",
            "kept: 8 bits by truncation at the end",
        ),
        note="published 50-step rows do not say which version they are; v2 is the default",
    )

    def __init__(
        self, runtime: Runtime, base: Components, controlnet: nn.Module, cleaner: nn.Module
    ) -> None:
        super().__init__(runtime, base, base.unet, controlnet)
        self._version = version_of(runtime.option("version"))
        self._by_solver = _takes_solver(runtime)
        self._unet, self._controlnet = base.unet, controlnet
        self._cleaner = cleaner.to("cpu" if runtime.offload else runtime.device)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the base model, the ControlNet and the cleaner."""
        from baselines.diffbir.cleaner import load_bsrnet, load_swinir
        from baselines.diffbir.network import load_controlnet, load_ldm_base
        from baselines.sd21.components import load_components

        guidance_of(runtime)
        _takes_solver(runtime)
        version, dtype = version_of(runtime.option("version")), runtime.torch_dtype
        folder = runtime.weight(versions.BASE.name)
        base = (
            load_ldm_base(runtime.weight(versions.ZERO_SNR.name), folder, dtype)
            if version.v_prediction
            else load_components(folder, SD21_PARAMETERS)
        )
        controlnet = load_controlnet(runtime.weight(version.control.name), dtype)
        load_cleaner = load_bsrnet if version.before == "cleaner" else load_swinir
        cleaner = load_cleaner(runtime.weight(version.cleaner.name))
        return cls(runtime, base, controlnet, cleaner)

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        from baselines.diffbir.cleaner import PAD, raised_size
        from baselines.diffbir.memory import needs
        from baselines.needs import Need, peak

        height, width = raised_size(*(cls.card.scale * side for side in lr_size))
        size = height + -height % PAD, width + -width % PAD
        parts = *needs(size, batch, runtime.torch_dtype), Need(_CLEANER_BYTES)
        return peak(parts, offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch.nn.functional as F

        from baselines import vae
        from baselines.diffbir.cleaner import pad_with_black
        from benchmarks.api.colour import adain, wavelet

        assert steps is not None
        cleaned = self._clean(batch.images)
        padded = pad_with_black(cleaned)
        z = self._sample(padded, batch, steps)
        with self.stage("vae"), self.on_device(self._around.vae):
            image = vae.decode(self._around.vae, z, tiled=self._vae_tiles, clamp=False)
        height, width = cleaned.shape[-2:]
        image = (image.float().cpu() * 0.5 + 0.5)[..., :height, :width]
        if self._colour_fix == "wavelet":
            image = wavelet(image, cleaned)
        elif self._colour_fix == "adain":
            image = adain(image, cleaned)
        size = tuple(self.card.scale * side for side in batch.images.shape[-2:])
        if image.shape[-2:] != size:
            image = F.interpolate(image, size, mode="bicubic", antialias=True)
        return quantise(image, "truncate")

    def _clean(self, lr: Tensor) -> Tensor:
        """Return what stage 1 makes of LR images, in float32 on the CPU."""
        import torch

        from baselines.diffbir.cleaner import clean_and_raise, raise_and_clean

        first = self._version.before == "cleaner"
        if not first:
            height, width = (self.card.scale * side for side in lr.shape[-2:])
            lr = torch.stack([resize(image, (height, width)) for image in lr])
        lr = lr.to(self.runtime.device)
        with self.stage("network"), self.on_device(self._cleaner):
            cleaned = (
                clean_and_raise(self._cleaner, lr) if first else raise_and_clean(self._cleaner, lr)
            )
        return cleaned.cpu()

    def _sample(self, padded: Tensor, batch: LRBatch, steps: int) -> Tensor:
        """Return restored latents of cleaned images (B, 3, H, W) in [0, 1]."""
        from baselines.diffbir import solver
        from baselines.diffbir.network import zero_snr_table
        from baselines.sd21.ancestral import sample, spaced
        from baselines.streams import draws

        count, _, height, width = padded.shape
        text = self._embed(self._version.negative, (self._version.positive,) * count)
        z_cond = self._encode_mode(padded)
        draw = draws(batch, CHANNELS, height // FACTOR, width // FACTOR)
        z = draw().to(self.runtime.device)
        table = zero_snr_table() if self._version.v_prediction else None
        x0 = self._x0(text, z_cond)
        with self.stage("network"), self.on_device(self._unet, self._controlnet):
            if self._by_solver:
                return solver.sample(z, x0, solver.falling(steps), draw)
            return sample(z, x0, spaced(steps), draw, table=table)

    def _encode_mode(self, image: Tensor) -> Tensor:
        """Return the most likely latents of images."""
        noise = image.new_zeros(len(image), CHANNELS, *(side // FACTOR for side in image.shape[2:]))
        return self._encode(image, noise)

    def _x0(self, text: tuple[Tensor, Tensor], z_cond: Tensor) -> Callable[[Tensor, int], Tensor]:
        """Return what gives x0 of latents and their timestep."""
        from baselines.diffbir.network import output, x0_of_v, zero_snr_table
        from baselines.diffbir.solver import abar_of
        from baselines.sd21.one_step import predict_x0
        from baselines.sd_control.controlled import guided

        scale, dtype = guidance_of(self.runtime), self.runtime.torch_dtype

        def network(z: Tensor, timestep: int, text: Tensor, z_cond: Tensor) -> Tensor:
            return output(self._unet, self._controlnet, z.to(dtype), timestep, text, z_cond)

        def x0(z: Tensor, timestep: int) -> Tensor:
            found = guided(network, z, timestep, text, z_cond, scale)
            if self._version.v_prediction:
                abar = abar_of(timestep) if self._by_solver else zero_snr_table()[timestep]
                return x0_of_v(z, found, abar)
            return predict_x0(z, found, timestep)

        return x0


def _takes_solver(runtime: Runtime) -> bool:
    """Return whether version 2.1's own sampler is asked for.

    Raises:
        ConfigError: it is asked for with a version that it does not fit.
    """
    sampler, version = runtime.option("sampler"), version_of(runtime.option("version"))
    if sampler == "dpm-3m-sde" and not version.v_prediction:
        raise ConfigError(
            f"The sampler dpm-3m-sde is version 2.1's; the version is {version.name}.",
            "Add +version=v2.1, or leave +sampler out.",
        )
    return sampler == "dpm-3m-sde" or (sampler == "authors" and version.v_prediction)
