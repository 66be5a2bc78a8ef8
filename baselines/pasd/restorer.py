"""PASD behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from baselines.guidance import guidance_of, guidance_option
from baselines.pasd import weights
from baselines.sd21.weights import VAE_TILES
from baselines.sd_control.restorer import (
    CHANNELS,
    FACTOR,
    ControlledRestorer,
)
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream
from benchmarks.api.colour import colour_option
from benchmarks.api.errors import ConfigError
from benchmarks.api.resizing import resize
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from baselines.pasd.network import PASDNetwork
    from baselines.sd21.components import Surroundings
    from baselines.streams import Draw
    from benchmarks.api.restorer import LRBatch, Runtime
    from benchmarks.api.tiling import Tile

ADDED = "clean, high-resolution, 8k"
NEGATIVE = "blurry, dotted, noise, raster lines, unclear, lowres, over-smoothed"
SECOND_NOISE = 900  # the timestep of the noise that is added to the noised latent
TILING = Tiling(tile=320, overlap=8)


class PASD(ControlledRestorer):
    """20 UniPC steps under guidance, from a latent that is noised twice."""

    card = MethodCard(
        name="pasd",
        title="PASD",
        paper=Paper(
            title="Pixel-Aware Stable Diffusion for Realistic Image Super-Resolution and "
            "Personalized Stylization",
            bibkey="yang2024pasd",
            venue="ECCV 2024",
            arxiv="2308.14469",
        ),
        base_model="Stable Diffusion 1.5 + ControlNet",
        default_steps=20,
        nfe_per_step=2,
        prompt="caption:blip",
        colour_fix="wavelet",
        tiling=str(TILING),
        dtypes=("fp16", "fp32", "bf16"),
        options=(
            guidance_option("9.0"),
            MethodOption(
                name="process-size",
                default="768",
                help="least side of the image that is restored, in pixels: 512, 768 ...",
            ),
            MethodOption(
                name="start",
                default="index",
                help="second noise: index (as diffusers since 0.25, the authors' pin included, "
                "reads t = 900) or table (as it did before, when the paper was written)",
                choices=("index", "table"),
            ),
            colour_option("wavelet"),
            VAE_TILES,
        ),
        weights=weights.FILES,
        upstream=Upstream(repo="yangxy/PASD", commit=weights.COMMIT, licence="Apache-2.0"),
        licence="LicenseRef-CreativeML-OpenRAIL-M",
        trained_on=("DIV2K", "Flickr2K", "OST", "FFHQ (10,000)"),
        stochastic=True,
        deviations=(
            "captions are BLIP's, which upstream has as --use_blip; its default is CoCa's. Bring "
            "those with --prompts",
            "all noise comes from the image's own stream, in upstream's order: posterior, first "
            "noise, second noise; UniPC draws none",
            "latents and the scheduler are in float32, the networks in one dtype; upstream has "
            "float16 latents",
            "--upscale is 4; upstream's default of 1 restores at the size of the LR image",
            "the VAE is untiled at every size; upstream approximates it by tiles above 1088 "
            "(encoder) and 1968 (decoder) pixels. The option vae-tiles tiles above the same sizes, "
            "by diffusers' rule",
            "an image that fails is a recorded failure; upstream prints the error and goes on",
            "kept: the image is restored at 768 pixels or more and shrunk to 4x at the end "
            "(option process-size); published rows may have 512",
            "kept: the second noise, of t = 900, is looked up in the list of timesteps by today's "
            "diffusers, is not there, and becomes that of the last one (option start)",
            "kept: the added prompt follows the caption without a separator; 'blurry' and 'noisy' "
            "in a caption become 'clear' and 'clean', within words too",
            "kept: 8 bits rounded before the colour fix and truncated after it",
        ),
    )

    def __init__(self, runtime: Runtime, around: Surroundings, network: PASDNetwork) -> None:
        super().__init__(runtime, around, network.unet, network.controlnet)
        self._network = network

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load what stands around the U-Net, and the two networks."""
        from baselines.pasd.network import load_network
        from baselines.sd21.components import load_surroundings

        guidance_of(runtime)
        process_size(runtime)
        around = load_surroundings(runtime.weight(weights.SD15.name), weights.PARAMETERS)
        network = load_network(
            runtime.weight(weights.UNET_FILE.name),
            runtime.weight(weights.CONTROLNET_FILE.name),
            runtime.torch_dtype,
        )
        return cls(runtime, around, network)

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        from baselines.needs import peak
        from baselines.pasd.memory import needs

        size = working_size(*lr_size, process_size(runtime))[-1]
        tile = TILING.grid(size[0] // FACTOR, size[1] // FACTOR)[0]
        parts = needs(size, (tile.height, tile.width), batch, runtime.torch_dtype)
        return peak(parts, offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        from baselines.streams import draws

        assert steps is not None
        source = torch.stack([self._enlarge(image) for image in batch.images])
        height, width = source.shape[-2:]
        draw = draws(batch, CHANNELS, height // FACTOR, width // FACTOR)
        prompts = tuple(prompt_of(caption) for caption in batch.prompts or ())
        z = self._sample(source, prompts, draw, steps)
        return self._finish(self._decode(z), source, batch)

    def _enlarge(self, image: Tensor) -> Tensor:
        """Return an LR image as it is restored: 4x, at least the process size, multiples of 8."""
        height, width = image.shape[-2:]
        enlarged, raised, working = working_size(height, width, process_size(self.runtime))
        image = resize(image, enlarged)
        if raised != enlarged:
            image = resize(image, raised, "BILINEAR")
        return image if working == raised else resize(image, working)

    def _sample(self, source: Tensor, prompts: tuple[str, ...], draw: Draw, steps: int) -> Tensor:
        """Return restored latents of enlarged LR images (B, 3, H, W) in [0, 1]."""
        text = self._embed(NEGATIVE, prompts)
        scheduler = scheduler_of(steps)
        z = self._start(source, draw, scheduler.timesteps.tolist())
        predict = self._predictor(text, source.to(self.runtime.device))
        networks = self._network.unet, self._network.controlnet
        with self.stage("network"), self.on_device(*networks):
            for timestep in scheduler.timesteps.tolist():
                z = scheduler.step(predict(z, timestep), timestep, z).prev_sample
        return z

    def _start(self, source: Tensor, draw: Draw, timesteps: list[int]) -> Tensor:
        """Return the LR latent, noised to the first timestep and then once more."""
        from baselines.sd21.ancestral import add_noise

        z = add_noise(self._encode(source, draw()), draw(), timesteps[0])
        found = self.runtime.option("start") == "table" or SECOND_NOISE in timesteps
        return add_noise(z, draw(), SECOND_NOISE if found else timesteps[-1])

    def _predictor(
        self, text: tuple[Tensor, Tensor], hint: Tensor
    ) -> Callable[[Tensor, int], Tensor]:
        """Return what gives the guided eps of latents and their timestep."""
        from baselines.sd_control.controlled import guided
        from benchmarks.api.tiling import predict_tiled

        scale, dtype = guidance_of(self.runtime), self.runtime.torch_dtype

        def network(z: Tensor, timestep: int, text: Tensor, hint: Tensor) -> Tensor:
            return self._network.eps(z.to(dtype), timestep, text, hint)

        def eps(z: Tensor, timestep: int) -> Tensor:
            def of_tile(tile: Tile) -> Tensor:
                parts = tile.crop(z), timestep, text, tile.crop(hint, scale=FACTOR)
                return guided(network, *parts, scale)

            height, width = z.shape[-2:]
            return predict_tiled(of_tile, (height, width), TILING)

        return eps


def scheduler_of(steps: int) -> Any:
    """Return diffusers' UniPC scheduler with Stable Diffusion 1.5's noise, set to `steps`."""
    from diffusers import UniPCMultistepScheduler

    scheduler = UniPCMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", solver_order=2
    )
    scheduler.set_timesteps(steps)
    return scheduler


def process_size(runtime: Runtime) -> int:
    """Return the least side of the image that is restored.

    Raises:
        ConfigError: it is no multiple of 8 pixels, or below 64.
    """
    size = runtime.number("process-size")
    if size % FACTOR or size < 64:
        raise ConfigError(f"process-size is {size:g}; it is a multiple of 8, 64 or more.")
    return int(size)


def working_size(
    height: int, width: int, least: int
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return the three (height, width) that an LR image passes through.

    4x; with its shorter side raised to `least`; both sides floored to multiples of 8.
    """
    height, width = 4 * height, 4 * width
    short = min(height, width)
    raised = height, width
    if short < least:
        raised = int(least * height / short), int(least * width / short)
    return (height, width), raised, (raised[0] // 8 * 8, raised[1] // 8 * 8)


def prompt_of(caption: str) -> str:
    """Return the prompt for an image's caption, as upstream builds it."""
    return caption.replace("blurry", "clear").replace("noisy", "clean") + ADDED
