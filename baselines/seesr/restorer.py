"""SeeSR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from baselines.guidance import guidance_of, guidance_option
from baselines.sd21.weights import PARAMETERS, SD2_BASE, VAE_TILES
from baselines.sd_control.restorer import (
    CHANNELS,
    FACTOR,
    ControlledRestorer,
)
from baselines.seesr import weights
from baselines.tagger.extractor import CHECKPOINT, DAPE
from benchmarks.api.card import MethodCard, Paper, Upstream
from benchmarks.api.colour import colour_option
from benchmarks.api.resizing import enlarge, enlarged_size
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from torch import Tensor

    from baselines.sd21.components import Surroundings
    from baselines.seesr.network import SeeSRNetwork
    from baselines.streams import Draw
    from baselines.tagger.ram import RAM
    from benchmarks.api.restorer import LRBatch, Runtime
    from benchmarks.api.tiling import Tile

ADDED = "clean, high-resolution, 8k"
NEGATIVE = "dotted, noise, blur, lowres, smooth"
_MINIMUM = 128  # LR pixels per side
START = 999  # the timestep whose noise the LR latent is given
TILING = Tiling(tile=96, overlap=4)


class SeeSR(ControlledRestorer):
    """50 ancestral steps under guidance, from the noised LR latent."""

    _tiling = TILING
    _added = ADDED

    card = MethodCard(
        name="seesr",
        title="SeeSR",
        paper=Paper(
            title="SeeSR: Towards Semantics-Aware Real-World Image Super-Resolution",
            bibkey="wu2024seesr",
            venue="CVPR 2024",
            arxiv="2311.16518",
        ),
        base_model="Stable Diffusion 2-base + ControlNet",
        default_steps=50,
        nfe_per_step=2,
        prompt="tags:dape-lr",
        colour_fix="adain",
        tiling=str(TILING),
        dtypes=("fp16", "fp32", "bf16"),
        options=(guidance_option("5.5"), colour_option("adain"), VAE_TILES),
        weights=weights.SEESR,
        upstream=Upstream(repo="cswry/SeeSR", commit=weights.SEESR_COMMIT, licence="Apache-2.0"),
        licence="LicenseRef-CreativeML-OpenRAIL-PP-M",
        trained_on=("LSDIR", "FFHQ (first 10,000)"),
        stochastic=True,
        deviations=(
            "all noise comes from the image's own stream: start, posterior, then one per step; "
            "upstream draws the posterior from the global stream, two rows of which it uses one",
            "latents and the sampler's arithmetic are in float32, the networks in one dtype; "
            "upstream has float16 latents under torch.autocast",
            "the last step's noise, which upstream multiplies by 1e-10, is not added",
            "the VAE is untiled at every size; upstream approximates it by tiles above 1088 "
            "(encoder) and 1968 (decoder) pixels. The option vae-tiles tiles above the same sizes, "
            "by diffusers' rule",
            "the image's prompt is its tags alone: scripts/test_seesr.sh passes --prompt None, "
            "which puts the word None into it; the README does not",
            "kept: the LR latent gets the noise of t = 999, and the first step is t = 981",
            "kept: the prompt reads 'tags, ,clean, high-resolution, 8k'",
            "kept: 8 bits rounded before the colour fix and truncated after it; the result is "
            "resized to 4x by Pillow's bicubic where LR sides are below 128 or odd",
            "kept: the row midpoint of the tile weights is half a pixel low; tiles overlap by 4",
            "latents narrower than the overlap are tiled with half a tile of overlap; upstream "
            "does not end on them",
        ),
    )

    def __init__(
        self, runtime: Runtime, around: Surroundings, network: SeeSRNetwork, eye: RAM
    ) -> None:
        super().__init__(runtime, around, network.unet, network.controlnet)
        self._network = network
        self._eye = eye.to("cpu" if runtime.offload else runtime.device)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load what stands around the U-Net, the two networks, and the tagger to look with."""
        from baselines.sd21.components import load_surroundings
        from baselines.seesr.network import load_network
        from baselines.tagger.sight import load_dape

        cls._check(runtime)
        around = load_surroundings(runtime.weight(SD2_BASE.name), PARAMETERS)
        files = [runtime.weight(f"{part}/{weights.FILE}") for part in weights.PARTS]
        network = load_network(files[0], files[1], runtime.torch_dtype)
        eye = load_dape(runtime.weight(CHECKPOINT.name), runtime.weight(DAPE.name))
        return cls(runtime, around, network, eye)

    @classmethod
    def _check(cls, runtime: Runtime) -> None:
        """Raise if an option of the method means nothing."""
        guidance_of(runtime)

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        from baselines.needs import peak
        from baselines.seesr.memory import needs

        size = enlarged_size(*lr_size, scale=cls.card.scale, minimum=_MINIMUM, multiple=FACTOR)
        rows = batch * cls.card.nfe_per_step
        tile = cls._tiling.grid(size[0] // FACTOR, size[1] // FACTOR)[0]
        parts = needs(size, (tile.height, tile.width), batch, rows, runtime.torch_dtype)
        return peak(parts, offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        from baselines.streams import draws

        assert steps is not None
        source = torch.stack(
            [
                enlarge(x, scale=4, minimum=_MINIMUM, multiple=FACTOR, last="BICUBIC")
                for x in batch.images
            ]
        )
        height, width = source.shape[-2:]
        draw = draws(batch, CHANNELS, height // FACTOR, width // FACTOR)
        embedding = self._look(self._seen(batch.images, "bilinear"))
        z = self._sample(source, embedding, self._prompts(batch), draw, steps)
        return self._finish(self._decode(z), source, batch)

    def _prompts(self, batch: LRBatch) -> tuple[str, ...]:
        return tuple(prompt_of(tags, self._added) for tags in batch.prompts or ())

    def _seen(self, images: Tensor, filter: Literal["bilinear", "bicubic"]) -> Tensor:
        """Return what the tagger sees of images (B, 3, h, w) in [0, 1]."""
        from baselines.tagger.sight import seen

        return seen(images, self._eye.visual_encoder.image_size, filter)

    def _look(self, images: Tensor) -> Tensor:
        """Return the tagger's embedding (B, 145, 512) of images as it sees them."""
        with self.stage("network"), self.on_device(self._eye):
            return self._eye.encode(images.to(self.runtime.device))

    def _start(self, source: Tensor, draw: Draw) -> Tensor:
        """Return the noised LR latent; the start's noise is drawn before the posterior's."""
        from baselines.sd21.ancestral import add_noise

        noise = draw()
        return add_noise(self._encode(source, draw()), noise, START)

    def _sample(
        self, source: Tensor, embedding: Tensor, prompts: tuple[str, ...], draw: Draw, steps: int
    ) -> Tensor:
        """Return restored latents of enlarged LR images (B, 3, H, W) in [0, 1]."""
        from baselines.sd21.ancestral import leading, sample
        from baselines.sd_control.controlled import guided

        text = self._embed(NEGATIVE, prompts)
        z = self._start(source, draw)
        hint = source.to(self.runtime.device)
        scale = guidance_of(self.runtime)

        def eps(z: Tensor, timestep: int, hint: Tensor) -> Tensor:
            return guided(self._eps_of(embedding), z, timestep, text, hint, scale)

        def x0(z: Tensor, timestep: int) -> Tensor:
            return self._x0(z, timestep, hint, eps)

        with self.stage("network"), self._networks_on_device():
            return sample(z, x0, leading(steps), draw)

    def _networks_on_device(self) -> AbstractContextManager[None]:
        return self.on_device(self._network.unet, self._network.controlnet)

    def _eps_of(self, embedding: Tensor) -> Callable[[Tensor, int, Tensor, Tensor], Tensor]:
        """Return the networks, in their dtype, looking at an embedding."""
        dtype = self.runtime.torch_dtype

        def eps(z: Tensor, timestep: int, text: Tensor, hint: Tensor) -> Tensor:
            return self._network.eps(z.to(dtype), timestep, text, hint, embedding)

        return eps

    def _x0(
        self, z: Tensor, timestep: int, hint: Tensor, eps: Callable[[Tensor, int, Tensor], Tensor]
    ) -> Tensor:
        """Return x0 of latents; eps, of latents, timestep and hint, is averaged over tiles."""
        from baselines.sd21.one_step import predict_x0
        from benchmarks.api.tiling import predict_tiled

        def of_tile(tile: Tile) -> Tensor:
            return eps(tile.crop(z), timestep, tile.crop(hint, scale=FACTOR))

        height, width = z.shape[-2:]
        return predict_x0(z, predict_tiled(of_tile, (height, width), self._tiling), timestep)


def prompt_of(tags: str, added: str) -> str:
    """Return the prompt for an image's tags, as upstream builds it with an empty user's prompt."""
    return f"{tags}, ,{added}"
