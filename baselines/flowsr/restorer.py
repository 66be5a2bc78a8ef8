"""FlowSR behind the harness's interface."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Self, cast

from baselines.guidance import guidance_of
from baselines.sd21.weights import PARAMETERS, SD21_BASE, UNET, VAE, VAE_TILES
from benchmarks.api.card import HubFile, MethodCard, MethodOption, Paper, Upstream, WeightFile
from benchmarks.api.colour import colour_option, fix_colours
from benchmarks.api.resizing import resize
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from baselines.sd21.components import Components
    from benchmarks.api.colour import ColourFix, Rounding
    from benchmarks.api.tiling import Tile

_COMMIT = "34524ca12ada52833506447704a116b62416acbe"
_LICENCE = "PolyForm-Noncommercial-1.0.0"
_CHECKPOINT = WeightFile(
    name="flowsr.safetensors",
    licence=_LICENCE,
    hub=HubFile(repo="chunjie-spring/FlowSR", filename="flowsr.safetensors"),
    note="a third party's reproduction; the authors released no weights",
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
_FACTOR, _CHANNELS = 8, 4  # image pixels per latent pixel; channels of a latent
SHIFT = 3.0  # of the noise levels: Stable Diffusion 3's scheduler
# Upstream's weights are not normalised: its least sum is 1e-6 of the densities' 1 / (2 pi 0.01).
TILING = Tiling(
    tile=96,
    overlap=32,
    untiled="square",
    symmetric=True,
    floor=1e-6 / (2 * math.pi * 0.01),
    narrow="whole",
)
MENDED = Tiling(tile=96, overlap=32, symmetric=True)


class FlowSR(Restorer):
    """Euler steps along a flow from the LR image's latent to the restored one; one by default."""

    card = MethodCard(
        name="flowsr",
        title="FlowSR (reproduction)",
        paper=Paper(
            title="Fast Image Super-Resolution via Consistency Rectified Flow",
            bibkey="xu2025flowsr",
            venue="ICCV 2025",
            arxiv="2605.12377",
        ),
        base_model="Stable Diffusion 2.1-base + LoRA",
        default_steps=1,
        prompt="fixed",
        colour_fix="wavelet",
        tiling=f"{TILING}; every latent that is not square is tiled by its short side",
        dtypes=("bf16", "fp32", "fp16"),
        options=(
            MethodOption(
                name="guidance",
                default="1",
                help="guidance scale; 1 is without, more takes two evaluations per step",
            ),
            colour_option("wavelet", ("wavelet", "adain", "none")),
            VAE_TILES,
        ),
        weights=(SD21_BASE, _CHECKPOINT),
        upstream=Upstream(repo="springXIACJ/FlowSR", commit=_COMMIT, licence=_LICENCE),
        licence=_LICENCE,
        stochastic=True,
        deviations=(
            "a third party's checkpoint and program (springXIACJ), to which the authors' page "
            "links: the paper's numbers are not this checkpoint's",
            "the LR latent is sampled from the posterior with the image's own seed; upstream does "
            "not seed",
            "LoRA folded into the weights in float32 before the cast, and latents between steps in "
            "float32; upstream has both in bfloat16",
            "noise levels by the formula in place of the scheduler of Stable Diffusion 3, of which "
            "no file is needed",
            "both prompts of the guidance go through the U-Net in one batch; upstream runs it "
            "twice. They are embedded once, on loading; upstream embeds them for each image",
            "images too small to be reflected to 64 pixels, on which upstream stops, are padded by "
            "their last row and column",
            "kept: updates count 8 / rank, peft's default alpha, whatever the rank",
            "kept: no noise is added anywhere; the LR image is enlarged bilinearly for the network "
            "and by Pillow's bicubic for the colour fix; 8 bits, rounded, before and after that",
            "kept: upstream does not say what the checkpoint was trained on",
        ),
        quirks=(
            "every latent that is not square is cut into tiles of its short side, which in a "
            "narrow one overlap by all but one pixel (model.py:160); mended: tiles of 96 above "
            "96 x 96 pixels of area alone",
            "where tiles' weights sum to less than 1e-6, in the corners, the step fades to none "
            "(model.py:177); mended: full steps there too",
        ),
        note="Reproduction by a third party, not the authors' release. Non-commercial licence.",
    )

    def __init__(self, runtime: Runtime, components: Components) -> None:
        from baselines.pretrained import place

        super().__init__(runtime)
        self._components = components
        self._guidance = guidance_of(runtime)
        self._vae_tiles = runtime.option("vae-tiles") == "on"
        self._colour_fix = cast("ColourFix", runtime.option("colour-fix"))
        self._tiling = MENDED if runtime.mended else TILING
        home = "cpu" if runtime.offload else runtime.device
        for part in (components.unet, components.vae):
            place(part, home, runtime.torch_dtype)
        self._text = self._embed_prompts()

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the base model and fold the checkpoint into it."""
        from baselines.flowsr.network import apply_checkpoint
        from baselines.sd21.components import load_components

        guidance_of(runtime)
        components = load_components(runtime.weight(SD21_BASE.name), PARAMETERS)
        apply_checkpoint(components, runtime.weight(_CHECKPOINT.name))
        return cls(runtime, components)

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        import torch
        from diffusers import UNet2DConditionModel

        from baselines.needs import of_networks, of_vae, peak

        sides = (cls.card.scale * side for side in lr_size)
        height, width = (side + -side % _MULTIPLE for side in sides)
        tiling = MENDED if runtime.mended else TILING
        tile = tiling.grid(height // _FACTOR, width // _FACTOR)[0]
        branches = batch * (2 if guidance_of(runtime) > 1 else 1)
        dtype = runtime.torch_dtype

        def compute(unet: UNet2DConditionModel) -> None:
            z = torch.empty(branches, _CHANNELS, tile.height, tile.width, dtype=dtype)
            text = z.new_empty(branches, 77, UNET["cross_attention_dim"])
            unet(z, 1000, encoder_hidden_states=text)

        unet = of_networks(lambda: [UNet2DConditionModel(**UNET)], compute, dtype)
        return peak((unet, of_vae(VAE, (height, width), batch, dtype)), offload=runtime.offload)

    def _embed_prompts(self) -> Tensor:
        """Return the embeddings of the negative and the fixed prompt; the encoder is let go."""
        import torch

        from baselines.pretrained import place
        from baselines.sd21.components import embed

        runtime, encoder = self.runtime, self._components.text_encoder
        place(encoder, runtime.device, runtime.torch_dtype)
        with torch.inference_mode():
            text = embed(self._components, [NEGATIVE, POSITIVE], runtime.device)
        encoder.to("meta")
        return text

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        assert steps is not None
        scale = self.card.scale
        height, width = (scale * side for side in batch.images.shape[-2:])
        image = self._network(batch, prepared(batch.images, scale), steps)
        image = image[..., :height, :width].float().cpu() * 0.5 + 0.5
        rounding: Rounding = "none" if self.runtime.mended else "round"
        source = torch.stack([resize(lr, (height, width)) for lr in batch.images])
        return fix_colours(image, source, self._colour_fix, before=rounding, after=rounding)

    def _network(self, batch: LRBatch, x: Tensor, steps: int) -> Tensor:
        """Return the restored images in [-1, 1] of enlarged LR images in [-1, 1]."""
        from baselines import vae

        parts, runtime = self._components, self.runtime
        noise = batch.randn(_CHANNELS, x.shape[-2] // _FACTOR, x.shape[-1] // _FACTOR)
        with self.stage("vae"), self.on_device(parts.vae):
            x = x.to(runtime.device, runtime.torch_dtype)
            z = vae.encode(parts.vae, x, noise, tiled=self._vae_tiles)
        with self.stage("network"), self.on_device(parts.unet):
            z = self._steps(z.float(), steps)
        with self.stage("vae"), self.on_device(parts.vae):
            return vae.decode(parts.vae, z, tiled=self._vae_tiles)

    def _steps(self, z: Tensor, steps: int) -> Tensor:
        """Return the latents (B, 4, h, w), float32, that Euler steps lead to."""
        from baselines.sd3.noise_levels import shifted_sigmas

        for sigma, following in itertools.pairwise(shifted_sigmas(steps, SHIFT)):
            z = z + (following - sigma) * self.velocity(z, 1000 * sigma).float()
        return z

    def velocity(self, z: Tensor, timestep: float) -> Tensor:
        """Return the velocity of latents (B, 4, h, w) by tiles, in the dtype of the networks."""
        from benchmarks.api.tiling import predict_tiled

        dtype = self.runtime.torch_dtype

        def of_tile(tile: Tile) -> Tensor:
            return self._guided(tile.crop(z).to(dtype), timestep)

        sums: torch.dtype | None = None if self.runtime.mended else dtype
        return predict_tiled(of_tile, (z.shape[-2], z.shape[-1]), self._tiling, dtype=sums)

    def _guided(self, z: Tensor, timestep: float) -> Tensor:
        import torch

        batch, unet = len(z), self._components.unet
        if self._guidance == 1:
            text = self._text[1:].expand(batch, -1, -1)
            plain: Tensor = unet(z, timestep, encoder_hidden_states=text).sample
            return plain
        text = self._text.repeat_interleave(batch, 0)
        both = unet(torch.cat([z, z]), timestep, encoder_hidden_states=text).sample
        other, wanted = both.chunk(2)
        guided: Tensor = other + self._guidance * (wanted - other)
        return guided


def prepared(lr: Tensor, scale: int) -> Tensor:
    """Return LR images (B, 3, h, w) in [0, 1] as the VAE takes them: enlarged, padded, [-1, 1]."""
    import torch.nn.functional as F

    from benchmarks.api.images import extend

    size = tuple(scale * side for side in lr.shape[-2:])
    x = (F.interpolate(lr, size, mode="bilinear", align_corners=False) * 2 - 1).clamp(-1, 1)
    return extend(x, *(side + -side % _MULTIPLE for side in size))
