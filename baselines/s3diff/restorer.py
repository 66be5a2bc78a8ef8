"""S3Diff behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from baselines.sd21.weights import PARAMETERS, SD_TURBO, VAE_TILES
from benchmarks.api.card import HubFile, MethodCard, Paper, Upstream, WeightFile
from benchmarks.api.colour import colour_option, fix_colours
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.s3diff.degradation import DegradationEstimator
    from baselines.s3diff.network import S3DiffNetwork
    from baselines.sd21.components import Components
    from benchmarks.api.colour import ColourFix, Rounding

_COMMIT = "6a2e0a47676f2f01fccdfd4e940077d3038d953e"
_CHECKPOINT = WeightFile(
    name="s3diff.pkl",
    licence="Apache-2.0",
    hub=HubFile(repo="zhangap/S3Diff", filename="s3diff.pkl"),
    about_bytes=137_900_000,
)
_ESTIMATOR = WeightFile(
    name="de_net.pth",
    licence="Apache-2.0",
    urls=(
        f"https://raw.githubusercontent.com/ArcticHare105/S3Diff/{_COMMIT}/assets/mm-realsr/de_net.pth",
        "https://huggingface.co/zhangap/S3Diff/resolve/main/de_net.pth",
    ),
    about_bytes=9_420_000,
)
POSITIVE = (
    "A high-resolution, 8K, ultra-realistic image with sharp focus, vibrant colors, and natural "
    "lighting."
)
NEGATIVE = (
    "oil painting, cartoon, blur, dirty, messy, low quality, deformation, low resolution, "
    "oversmooth"
)
_MULTIPLE = 64  # enlarged pixels per side
_FACTOR = 8  # image pixels per latent pixel
TILING = Tiling(tile=96, overlap=32)


class S3Diff(Restorer):
    """One guided evaluation of an SD-Turbo that is modulated by each image's degradation."""

    card = MethodCard(
        name="s3diff",
        title="S3Diff",
        paper=Paper(
            title="Degradation-Guided One-Step Image Super-Resolution with Diffusion Priors",
            bibkey="zhang2024s3diff",
            arxiv="2409.17058",
        ),
        base_model="SD-Turbo + LoRA",
        default_steps=1,
        legal_steps=(1,),
        nfe_per_step=2,
        prompt="fixed",
        colour_fix="wavelet",
        tiling=str(TILING),
        dtypes=("fp32", "fp16", "bf16"),
        options=(
            colour_option("wavelet", ("wavelet", "adain", "none")),
            VAE_TILES,
        ),
        weights=(SD_TURBO, _CHECKPOINT, _ESTIMATOR),
        upstream=Upstream(repo="ArcticHare105/S3Diff", commit=_COMMIT, licence="Apache-2.0"),
        licence="LicenseRef-StabilityAI-Community",
        trained_on=("LSDIR", "FFHQ (10,000)"),
        stochastic=True,
        deviations=(
            "the LR latent is sampled from the posterior with the image's own seed; upstream does "
            "not seed by default",
            "x0 by the formula in float32 in place of one step of a DDPM scheduler: equal, but "
            "for the scheduler's draw of noise that it multiplies by 1e-10",
            "both prompts go through the U-Net in one batch; upstream runs it twice",
            "the degradation estimator and the modulation stay in float32 in every dtype",
            "the VAE is untiled at every size; upstream approximates it by tiles above 1088 "
            "(encoder) and 1968 (decoder) pixels. The option vae-tiles tiles above the same sizes, "
            "by diffusers' rule",
            "images with a side of 8 LR pixels or less, on which upstream stops, are padded by "
            "their last row: there is too little to reflect",
            "the two prompts are embedded once, on loading; upstream embeds them for each image",
            "kept: the row midpoint of the tile weights is half a pixel low (s3diff_tile.py:450)",
            "narrow latents, whose shorter side is below twice the overlap of 32, are tiled with "
            "half that side of overlap; upstream keeps 32, and does not end at 32 and less",
        ),
        quirks=(
            "8 bits by truncation, of the result before and after the colour fix and of its "
            "source; mended: no step to 8 bits before the file, which is rounded, 0.95 grey levels "
            "higher on average",
        ),
    )

    def __init__(
        self,
        runtime: Runtime,
        components: Components,
        network: S3DiffNetwork,
        estimator: DegradationEstimator,
    ) -> None:
        from baselines.pretrained import place
        from baselines.sd21.components import embed_once

        super().__init__(runtime)
        self._components = components
        self._vae_tiles = runtime.option("vae-tiles") == "on"
        self._colour_fix = cast("ColourFix", runtime.option("colour-fix"))
        self._network = network
        network.to(runtime.device)
        self._estimator = estimator.to(runtime.device)
        home = "cpu" if runtime.offload else runtime.device
        for part in (components.unet, components.vae):
            place(part, home, runtime.torch_dtype)
        self._text = embed_once(
            components, [NEGATIVE, POSITIVE], runtime.device, runtime.torch_dtype
        )

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the base model, put the checkpoint's layers into it, load the estimator."""
        from baselines.s3diff.degradation import load_estimator
        from baselines.s3diff.network import S3DiffNetwork
        from baselines.sd21.components import load_components

        components = load_components(runtime.weight(SD_TURBO.name), PARAMETERS)
        network = S3DiffNetwork(components, runtime.weight(_CHECKPOINT.name))
        return cls(runtime, components, network, load_estimator(runtime.weight(_ESTIMATOR.name)))

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch.nn.functional as F

        from benchmarks.api.images import extend

        upscaled = F.interpolate(
            batch.images, scale_factor=self.card.scale, mode="bilinear", align_corners=False
        )
        height, width = upscaled.shape[-2:]
        x = extend(upscaled, height + -height % _MULTIPLE, width + -width % _MULTIPLE)
        x = (x * 2 - 1).clamp(-1, 1)
        image = self._forward(batch, x)[..., :height, :width].cpu() * 0.5 + 0.5
        rounding: Rounding = "none" if self.runtime.mended else "truncate"
        return fix_colours(image, upscaled, self._colour_fix, before=rounding, after=rounding)

    def _forward(self, batch: LRBatch, x: Tensor) -> Tensor:
        """Return the restored images in [-1, 1] of enlarged LR images in [-1, 1]."""
        from baselines import vae
        from baselines.sd21.one_step import denoise

        parts, network, runtime = self._components, self._network, self.runtime
        device = runtime.device
        noise = batch.randn(4, x.shape[-2] // _FACTOR, x.shape[-1] // _FACTOR)
        with self.stage("network"):
            network.adapt(self._estimator(batch.images.to(device)))
        with self.stage("vae"), self.on_device(parts.vae):
            x = x.to(device, runtime.torch_dtype)
            z = vae.encode(parts.vae, x, noise, tiled=self._vae_tiles)
        with self.stage("network"), self.on_device(parts.unet):
            x0 = denoise(z, lambda z: network.eps(z, self._text), TILING)
        with self.stage("vae"), self.on_device(parts.vae):
            return vae.decode(parts.vae, x0, tiled=self._vae_tiles)
