"""SUPIR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

from baselines.supir import weights
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream
from benchmarks.api.colour import colour_option, quantise
from benchmarks.api.errors import ConfigError
from benchmarks.api.resizing import resize
from benchmarks.api.restorer import LRBatch, Restorer, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    from baselines.supir.network import SUPIRNetwork
    from baselines.supir.text import TextEncoders
    from benchmarks.api.colour import ColourFix

ADDED = (
    "Cinematic, High Contrast, highly detailed, taken using a Canon EOS R camera, hyper detailed "
    "photo - realistic maximum detail, 32k, Color Grading, ultra HD, extreme meticulous "
    "detailing, skin pore detailing, hyper sharpness, perfect without deformations."
)
NEGATIVE = (
    "painting, oil painting, illustration, drawing, art, sketch, oil painting, cartoon, CG Style, "
    "3D render, unreal engine, blurring, dirty, messy, worst quality, low quality, frames, "
    "watermark, signature, jpeg artifacts, deformed, lowres, over-smooth"
)
_LEAST, _MULTIPLE = 1024, 64  # pixels per side of the image that is restored
_FACTOR, _CHANNELS = 8, 4
_FIRST_GUIDANCE = 1.0  # at the largest sigma


class SUPIR(Restorer):
    """50 churned Euler steps under a guidance that grows, from noise."""

    card = MethodCard(
        name="supir",
        title="SUPIR",
        paper=Paper(
            title="Scaling Up to Excellence: Practicing Model Scaling for Photo-Realistic Image "
            "Restoration In the Wild",
            bibkey="yu2024supir",
            venue="CVPR 2024",
            arxiv="2401.13627",
        ),
        base_model="SDXL-base 1.0 (VAE 0.9) + control branch (1.3 B)",
        default_steps=50,
        least_steps=13,
        nfe_per_step=2,
        prompt="caption:llava-style",
        colour_fix="wavelet",
        dtypes=("fp16", "bf16", "fp32"),
        options=(
            MethodOption(
                name="model",
                default="Q",
                help="which release: Q (quality; the paper's default) or F (light degradation)",
                choices=tuple(weights.RELEASES),
            ),
            MethodOption(name="guidance", default="4.0", help="guidance scale at the last step"),
            MethodOption(
                name="control", default="1.0", help="weight of the control features, 0 to 1"
            ),
            MethodOption(
                name="min-size",
                default="1024",
                help="least side of the image that is restored, in pixels",
            ),
            colour_option("wavelet", ("wavelet", "adain", "none"), source="cleaned"),
        ),
        weights=weights.FILES,
        upstream=Upstream(repo="Fanghua-Yu/SUPIR", commit=weights.COMMIT, licence=weights.LICENCE),
        licence=weights.LICENCE,
        trained_on=("20 million images of their own", "FFHQ-raw", "negative samples by SDXL"),
        stochastic=True,
        deviations=(
            "captions are of the LR image; upstream shows LLaVA the stage-1 image at 512 pixels, "
            "and draws words at temperature 0.2",
            "--prompts none is upstream's --no_llava",
            "all noise comes from the image's own stream: start, then one per step; upstream seeds "
            "anew for each image",
            "sigmas and latents are in float32; under upstream's bfloat16 VAE every sigma and step "
            "size is rounded to bfloat16",
            "the VAE is in float32 beside a float16 network (float16 gives NaN); upstream has "
            "bfloat16",
            "the encoders are those of SDXL's single file; upstream builds them from CLIP's own "
            "files and overwrites them with these",
            "13 steps or more: below that churn is cut off, which is another sampler",
            "images are not tiled, as upstream by default",
            "the second sample of the posterior, which upstream draws and does not use, is not "
            "drawn",
            "kept: images are restored at 1024 pixels and more, in multiples of 64, and brought to "
            "4x by torch's bicubic without antialiasing at the end; 8 bits by truncation",
            "kept: the added prompt follows the caption without a separator; sizes are told as "
            "1024x1024 whatever they are",
            "kept: the colour fix takes the colours of the stage-1 image, not of the LR image",
        ),
        note="non-commercial licence; 5.3 GB, and 6.9 GB of SDXL",
    )

    def __init__(
        self, runtime: Runtime, network: SUPIRNetwork, vaes: tuple[Any, Any], text: TextEncoders
    ) -> None:
        super().__init__(runtime)
        self._network, self._text = network, text
        self._vae, self._robust = vaes
        self._colour_fix = cast("ColourFix", runtime.option("colour-fix"))
        home = "cpu" if runtime.offload else runtime.device
        parts = (network.unet, network.branch, *vaes, text.clip_l, text.clip_g)
        for part in parts:
            part.to(home)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read SDXL's single file, then what the release adds to it."""
        from baselines.supir.network import load_networks, load_vaes
        from baselines.supir.text import load_encoders
        from benchmarks.api.tensors import read_safetensors

        settings_of(runtime)
        folder = runtime.weight(weights.SDXL.name)
        path = folder / weights.SDXL_FILE
        release = runtime.weight(weights.RELEASES[runtime.option("model")].name)
        base, dtype = read_safetensors(path), runtime.torch_dtype
        network, encoder = load_networks(base, path, release, dtype)
        vaes = load_vaes(base, path, encoder, release, _vae_dtype(runtime))
        return cls(runtime, network, vaes, load_encoders(base, path, folder, dtype))

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        from baselines.needs import peak
        from baselines.supir.memory import needs

        size = working_size(*lr_size, int(settings_of(runtime)["min-size"]))
        dtypes = runtime.torch_dtype, _vae_dtype(runtime)
        return peak(needs(size, batch, *dtypes), offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch
        import torch.nn.functional as F

        assert steps is not None
        height, width = batch.images.shape[-2:]
        size = working_size(height, width, int(settings_of(self.runtime)["min-size"]))
        x = torch.stack([resize(image, size) for image in batch.images]) * 2 - 1
        z_lr, cleaned = self._clean(x)
        z = self._sample(z_lr, batch, steps)
        image = self._fix(self._decode(z), cleaned)
        scale = self.card.scale
        sr = F.interpolate(image, (scale * height, scale * width), mode="bicubic")
        return quantise(sr * 0.5 + 0.5, "truncate")

    def _clean(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents of images in [-1, 1] and what they decode to, the stage-1 images."""
        vae = self._vae
        with self.stage("vae"), self.on_device(vae, self._robust):
            moments = vae.quant_conv(self._robust(x.to(self.runtime.device, vae.dtype)))
            z = moments.chunk(2, dim=1)[0].float() * vae.config.scaling_factor
        return z, self._decode(z)

    def _decode(self, z: Tensor) -> Tensor:
        """Return images, not clamped, of latents, in float32 on the CPU."""
        from baselines import vae

        with self.stage("vae"), self.on_device(self._vae):
            return vae.decode(self._vae, z, clamp=False).float().cpu()

    def _fix(self, image: Tensor, source: Tensor) -> Tensor:
        """Give a result (B, 3, H, W) in [-1, 1] the colours of its source."""
        from benchmarks.api.colour import adain, wavelet

        if self._colour_fix == "adain":
            return adain(image, source)
        return wavelet(image, source) if self._colour_fix == "wavelet" else image

    def _sample(self, z_lr: Tensor, batch: LRBatch, steps: int) -> Tensor:
        """Return restored latents of those of the LR images (B, 4, h, w)."""
        from baselines.streams import draws
        from baselines.supir.sampler import sample

        draw = draws(batch, *z_lr.shape[1:])
        start = draw().to(self.runtime.device)
        denoise = self._denoiser(self._embed(batch.prompts or ()), z_lr)
        network = self._network
        with self.stage("network"), self.on_device(network.unet, network.branch):
            return sample(start, denoise, steps, draw)

    def _embed(self, captions: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """Return context and vector of the negative prompt, once per image, and the images' own."""
        encoders = self._text
        prompts = [NEGATIVE] * len(captions) + [caption + ADDED for caption in captions]
        with self.stage("text"), self.on_device(encoders.clip_l, encoders.clip_g):
            return encoders.embed(prompts, self.runtime.device)

    def _denoiser(
        self, text: tuple[Tensor, Tensor], z_lr: Tensor
    ) -> Callable[[Tensor, float, int], Tensor]:
        """Return what gives the guided x0 of latents, their sigma and the nearest timestep."""
        from baselines.supir.sampler import guidance_at, predict_x0

        settings, dtype = settings_of(self.runtime), self.runtime.torch_dtype
        both = z_lr.repeat(2, 1, 1, 1)

        def x0(x: Tensor, sigma: float, timestep: int) -> Tensor:
            def eps(x: Tensor) -> Tensor:
                return self._network.eps(x.to(dtype), timestep, text, both, settings["control"])

            found = predict_x0(x.repeat(2, 1, 1, 1), eps, timestep)
            negative, positive = found.chunk(2)
            scale = guidance_at(sigma, settings["guidance"], _FIRST_GUIDANCE)
            return negative + scale * (positive - negative)

        return x0


def _vae_dtype(runtime: Runtime) -> torch.dtype:
    """Return the VAE's dtype: float16 gives NaN."""
    import torch

    wanted = runtime.torch_dtype
    return torch.float32 if wanted == torch.float16 else wanted


def settings_of(runtime: Runtime) -> dict[str, float]:
    """Return the numbers among the options.

    Raises:
        ConfigError: one of them means nothing.
    """
    found = {name: runtime.number(name) for name in ("guidance", "control", "min-size")}
    if found["guidance"] < 1:
        raise ConfigError(f"guidance is {found['guidance']:g}; 1 is the least.")
    if not 0 <= found["control"] <= 1:
        raise ConfigError(f"control is {found['control']:g}; it is a weight within 0 and 1.")
    if found["min-size"] < _MULTIPLE:
        raise ConfigError(f"min-size is {found['min-size']:g}; 64 is the least.")
    return found


def working_size(height: int, width: int, least: int) -> tuple[int, int]:
    """Return the (height, width) at which an LR image is restored.

    4x, with the shorter side raised to `least`, rounded to multiples of 64.
    """
    scale = 4 * max(1.0, least / (4 * min(height, width)))
    sides = (max(1, round(scale * side / _MULTIPLE)) * _MULTIPLE for side in (height, width))
    high, wide = sides
    return high, wide
