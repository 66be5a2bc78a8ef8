"""StableSR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

from baselines.stablesr import weights
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream
from benchmarks.api.colour import colour_option, quantise
from benchmarks.api.errors import ConfigError
from benchmarks.api.images import extend
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.stablesr.fused import Wrapping
    from baselines.stablesr.network import StableSRNetwork
    from benchmarks.api.colour import ColourFix
    from benchmarks.api.tiling import Tile

_FACTOR, _CHANNELS = 8, 4  # image pixels per latent pixel; channels of a latent
_SIDE = 512  # pixels of the images that the networks were made for
_LR_SIDE = 128  # LR images of these sides are restored by the script of the published rows
_MULTIPLE = 32  # image pixels per side on the canvas
TILING = Tiling(tile=64, overlap=32)


class StableSR(Restorer):
    """200 ancestral steps without guidance, modulated by the LR image at each."""

    card = MethodCard(
        name="stablesr",
        title="StableSR",
        paper=Paper(
            title="Exploiting Diffusion Prior for Real-World Image Super-Resolution",
            bibkey="wang2024stablesr",
            venue="IJCV 2024",
            arxiv="2305.07015",
        ),
        base_model="Stable Diffusion 2.1-base, inside its file",
        default_steps=200,
        least_steps=2,
        colour_fix="adain",
        tiling=str(TILING),
        dtypes=("fp16", "fp32", "bf16"),
        options=(
            MethodOption(
                name="dec-w",
                default="0.5",
                help="weight of the encoder's features in the decoder: 0 realism, 1 fidelity",
            ),
            colour_option("adain"),
        ),
        weights=weights.FILES,
        upstream=Upstream(repo="IceClear/StableSR", commit=weights.COMMIT, licence=weights.LICENCE),
        licence=weights.LICENCE,
        trained_on=("DIV2K", "DIV8K", "Flickr2K", "OutdoorSceneTraining", "FFHQ (5,000)"),
        stochastic=True,
        deviations=(
            "all noise comes from the image's own stream: posterior, start, then one per step; "
            "upstream seeds once, so that a result depends on the images before it and the batch",
            "latents and the sampler's arithmetic are in float32, the networks in one dtype; "
            "upstream runs under torch.autocast in float16",
            "LR images of 128x128 are restored as in the script of the published rows (bilinear "
            "to 512, from pure noise), others as in the script for any size (bicubic, reflected "
            "to multiples of 32, from the noised LR latent, tiles of 64 that overlap by 32)",
            "the VAE is CFW's in both; upstream's script for any size encodes the LR latent by "
            "the VAE of the other file",
            "images above 1280 pixels are not cut before the VAE; upstream cuts them into pieces "
            "of 1280 every 1000 pixels, and seeds each piece anew",
            "SPADE is written from its formula; upstream's file is NVIDIA's, CC BY-NC-SA 4.0",
            "kept: the adain colour fix works on images in [-1, 1], and 8 bits are by truncation",
            "kept: the LR image that the colour fix takes colours from is the enlarged one",
            "kept: LR images with a side below 128 are enlarged to 512 and shrunk at the end by "
            "torch's bicubic without antialiasing",
        ),
        note="non-commercial licence",
    )

    def __init__(
        self, runtime: Runtime, network: StableSRNetwork, vae: Any, wrapping: Wrapping
    ) -> None:
        super().__init__(runtime)
        self._network, self._vae, self._wrapping = network, vae, wrapping
        wrapping.weight = weight_of(runtime)
        self._colour_fix = cast("ColourFix", runtime.option("colour-fix"))
        home = "cpu" if runtime.offload else runtime.device
        for part in (network.unet, network.encoder, vae):
            part.to(home)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load U-Net and structure encoder from one file, the VAE from the other."""
        from baselines.stablesr.fused import Wrapping
        from baselines.stablesr.network import load_network, load_vae

        weight_of(runtime)
        dtype, wrapping = runtime.torch_dtype, Wrapping()
        vae = load_vae(runtime.weight(weights.VAE_FILE.name), wrapping, dtype)
        network = load_network(runtime.weight(weights.NETWORK_FILE.name), dtype)
        return cls(runtime, network, vae, wrapping)

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        from baselines.needs import peak
        from baselines.stablesr.memory import needs

        height, width = canvas_size(*lr_size)
        size = height + -height % _MULTIPLE, width + -width % _MULTIPLE
        tile = TILING.grid(size[0] // _FACTOR, size[1] // _FACTOR)[0]
        parts = needs(size, (tile.height, tile.width), batch, runtime.torch_dtype)
        return peak(parts, offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch.nn.functional as F

        assert steps is not None
        lr_size = tuple(batch.images.shape[-2:])
        published = lr_size == (_LR_SIDE, _LR_SIDE)
        size = canvas_size(*lr_size)
        filter_ = "bilinear" if published else "bicubic"
        source = F.interpolate(batch.images * 2 - 1, size, mode=filter_).clamp(-1, 1)
        padded = extend(source, *(side + -side % _MULTIPLE for side in size))
        image = self._fix(self._network_of(batch, padded, steps, published=published), padded)
        sr = (image * 0.5 + 0.5).clamp(0, 1)[..., : size[0], : size[1]]
        wanted = tuple(self.card.scale * side for side in lr_size)
        if size != wanted:
            sr = F.interpolate(sr, wanted, mode="bicubic").clamp(0, 1)
        return quantise(sr, "truncate")

    def _fix(self, image: Tensor, source: Tensor) -> Tensor:
        """Give a result (B, 3, H, W) in [-1, 1] the colours of its source."""
        from benchmarks.api.colour import adain, wavelet

        if self._colour_fix == "adain":
            return adain(image, source)
        return wavelet(image, source) if self._colour_fix == "wavelet" else image

    def _network_of(self, batch: LRBatch, source: Tensor, steps: int, *, published: bool) -> Tensor:
        """Return restored images, not clamped, of enlarged LR images (B, 3, H, W) in [-1, 1]."""
        from baselines import vae
        from baselines.sd21.ancestral import add_noise, sample, spaced
        from baselines.streams import draws

        device, dtype = self.runtime.device, self.runtime.torch_dtype
        height, width = (side // _FACTOR for side in source.shape[-2:])
        draw = draws(batch, _CHANNELS, height, width)
        with self.stage("vae"), self.on_device(self._vae):
            z_lr = vae.encode(self._vae, source.to(device, dtype), draw()).float()
        start = draw().to(device)
        z = start if published else add_noise(z_lr, start, 999)

        def x0(z: Tensor, timestep: int) -> Tensor:
            return self._x0(z, timestep, z_lr)

        with self.stage("network"), self.on_device(self._network.unet, self._network.encoder):
            z = sample(z, x0, spaced(steps), draw)
        # The features that the encoder left are still those of these images.
        with self.stage("vae"), self.on_device(self._vae):
            image = vae.decode(self._vae, z, clamp=False)
        return image.float().cpu()

    def _x0(self, z: Tensor, timestep: int, z_lr: Tensor) -> Tensor:
        """Return x0 of latents; eps is averaged over tiles, each with its own structure."""
        from baselines.sd21.one_step import predict_x0
        from benchmarks.api.tiling import predict_tiled

        dtype = self.runtime.torch_dtype

        def of_tile(tile: Tile) -> Tensor:
            return self._network.eps(tile.crop(z).to(dtype), timestep, tile.crop(z_lr)).float()

        height, width = z.shape[-2:]
        return predict_x0(z, predict_tiled(of_tile, (height, width), TILING), timestep)


def weight_of(runtime: Runtime) -> float:
    """Return the weight of the encoder's features.

    Raises:
        ConfigError: it is not within 0 and 1.
    """
    weight = runtime.number("dec-w")
    if not 0 <= weight <= 1:
        raise ConfigError(f"dec-w is {weight}; it is a weight within 0 and 1.")
    return weight


def canvas_size(height: int, width: int) -> tuple[int, int]:
    """Return the (height, width) of an LR image enlarged: 4x, the shorter side at least 512."""
    scale = max(_SIDE / min(height, width), 4)
    return int(height * scale), int(width * scale)
