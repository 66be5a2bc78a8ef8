"""InvSR behind the harness's interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from baselines.sd21.weights import PARAMETERS, SD_TURBO
from baselines.swin_family.chopping import restore_in_tiles
from benchmarks.api.card import HubFile, MethodCard, MethodOption, Paper, Upstream, WeightFile
from benchmarks.api.colour import fix_colours
from benchmarks.api.restorer import LRBatch, Restorer, Runtime

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.invsr.network import NoisePredictor
    from baselines.sd21.components import Components

_LICENCE = "LicenseRef-S-Lab-1.0"
_CHECKPOINT = WeightFile(
    name="noise_predictor_sd_turbo_v5.pth",
    licence=_LICENCE,
    hub=HubFile(repo="OAOA/InvSR", filename="noise_predictor_sd_turbo_v5.pth"),
    consent="Non-commercial use only: S-Lab License 1.0, "
    "https://github.com/zsyOAOA/InvSR/blob/master/LICENSE",
    about_bytes=135_000_000,
)
PROMPT = (
    "Cinematic, high-contrast, photo-realistic, 8k, ultra HD, meticulous detailing, "
    "hyper sharpness, perfect without deformations"
)
# Number of steps -> the timesteps that upstream names; the networks see one less.
TIMESTEPS = {
    1: (200,),
    2: (200, 100),
    3: (200, 100, 50),
    4: (200, 150, 100, 50),
    5: (250, 200, 150, 100, 50),
}
_MULTIPLE = 16  # LR pixels
_FACTOR = 8  # image pixels per latent pixel


class InvSR(Restorer):
    """A noise map predicted from the LR image, then 1 to 5 steps of SD-Turbo."""

    card = MethodCard(
        name="invsr",
        title="InvSR",
        paper=Paper(
            title="Arbitrary-steps Image Super-resolution via Diffusion Inversion",
            bibkey="yue2025invsr",
            venue="CVPR 2025",
            arxiv="2412.09013",
        ),
        base_model="SD-Turbo + noise predictor (33.8 M)",
        default_steps=1,
        legal_steps=tuple(TIMESTEPS),
        prompt="fixed",
        tiling="LR patches of 128, half of a side apart, Gaussian weights on the results",
        dtypes=("fp16", "fp32", "bf16"),
        options=(
            MethodOption(
                name="colour-fix",
                default="none",
                help="transfer of the LR image's colours; the paper's ImageNet-Test and RealSR "
                "have wavelet",
                choices=("none", "wavelet", "ycbcr"),
            ),
            MethodOption(
                name="chopping-size",
                default="128",
                help="side of an LR patch; 256 is upstream's advice for LR images of 1000 pixels",
                choices=("128", "256"),
            ),
        ),
        weights=(SD_TURBO, _CHECKPOINT),
        upstream=Upstream(
            repo="zsyOAOA/InvSR",
            commit="609788cd076f1990e38d3912092ca67286e1e0bc",
            licence=_LICENCE,
        ),
        licence=_LICENCE,
        trained_on=("LSDIR", "FFHQ (20,000)"),
        stochastic=True,
        deviations=(
            "each image has its own stream of noise: the predictor's draw, then the VAE's, patch "
            "by patch; upstream has one of seed 12345 for a whole folder, of which every eight "
            "patches draw together and the sampler draws what it multiplies by zero",
            "patches are restored one after another; upstream has eight at a time",
            "the prompt is embedded once, on loading; upstream embeds it for each patch",
            "an LR side of 1 pixel is repeated; upstream does not end there",
            "upstream's VAE is tiled above 1024 pixels, which no patch here has: --chopping_size "
            "above 256 is not offered, nor are other timesteps than upstream's",
        ),
        quirks=(
            "with a colour fix, LR images that were padded (sides below 128, or no multiple of "
            "16 where there are several patches) give their colours padding included, shrunk to "
            "the result (sampler_invsr.py:190); mended: the LR image itself",
        ),
    )

    def __init__(self, runtime: Runtime, components: Components, predictor: NoisePredictor) -> None:
        from baselines.pretrained import place
        from baselines.sd21.components import embed_once

        super().__init__(runtime)
        self._components = components
        home = "cpu" if runtime.offload else runtime.device
        self._predictor = predictor.to(home)
        for part in (components.unet, components.vae):
            place(part, home, runtime.torch_dtype)
        self._text = embed_once(components, [PROMPT], runtime.device, runtime.torch_dtype)
        self._patch = int(runtime.option("chopping-size"))

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the base model and the predictor."""
        from baselines.invsr.network import PredictorConfig, load_predictor
        from baselines.sd21.components import load_components

        components = load_components(runtime.weight(SD_TURBO.name), PARAMETERS)
        predictor = load_predictor(runtime.weight(_CHECKPOINT.name), PredictorConfig())
        return cls(runtime, components, predictor)

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        from baselines.invsr.memory import needs
        from baselines.needs import peak

        patch = int(runtime.option("chopping-size"))
        parts = needs(patch, cls.card.scale, batch, runtime.torch_dtype)
        return peak(parts, offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        from baselines.streams import draws
        from benchmarks.api.images import extend

        assert steps is not None
        scale, size = self.card.scale, self._patch
        latent = scale * size // _FACTOR
        draw = draws(batch, 4, latent, latent)
        padded, top, left = pad_to(batch.images, size)
        padded = extend(padded, *(side + -side % _MULTIPLE for side in padded.shape[-2:]))
        sr = restore_in_tiles(
            padded,
            lambda lr: self._restore_patch(lr, TIMESTEPS[steps], draw),
            size=size,
            stride=size // 2,
            scale=scale,
            weigh=gaussian_weights,
        )
        height, width = (scale * side for side in batch.images.shape[-2:])
        sr = sr[..., scale * top : scale * top + height, scale * left : scale * left + width]
        return self._with_colours(sr.float(), batch.images if self.runtime.mended else padded)

    def _restore_patch(
        self, lr: Tensor, timesteps: tuple[int, ...], draw: Callable[[], Tensor]
    ) -> Tensor:
        """Return the restored patches (B, 3, 4h, 4w) in [0, 1] of patches of LR images."""
        import torch
        import torch.nn.functional as F

        from baselines import vae
        from baselines.invsr.network import denoise

        parts, dtype = self._components, self.runtime.torch_dtype
        device = torch.device(self.runtime.device)
        lr = lr.to(device, dtype)
        x = F.interpolate(lr, scale_factor=self.card.scale, mode="bicubic") * 2 - 1
        seen = tuple(timestep - 1 for timestep in timesteps)
        mixed = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
        with self.stage("network"), self.on_device(self._predictor), mixed:
            prediction = self._predictor(lr, seen[0])
            noise = prediction.mean + prediction.std * draw().to(prediction.mean)
        with self.stage("vae"), self.on_device(parts.vae):
            z = vae.encode(parts.vae, x, draw())
        text = self._text.expand(len(lr), -1, -1)

        def eps(z: Tensor, timestep: int) -> Tensor:
            found: Tensor = parts.unet(z, timestep, encoder_hidden_states=text).sample
            return found

        with self.stage("network"), self.on_device(parts.unet):
            z = denoise(z, noise.to(dtype), eps, seen)
        with self.stage("vae"), self.on_device(parts.vae):
            return (vae.decode(parts.vae, z, clamp=False) / 2 + 0.5).clamp(0, 1).cpu()

    def _with_colours(self, sr: Tensor, source: Tensor) -> Tensor:
        import torch.nn.functional as F

        method = self.runtime.option("colour-fix")
        if method == "none":
            return sr
        source = F.interpolate(source, sr.shape[-2:], mode="bicubic", antialias=True)
        if method == "ycbcr":
            return with_chroma_of(source, sr)
        return fix_colours(sr, source, "wavelet")


def pad_to(images: Tensor, least: int) -> tuple[Tensor, int, int]:
    """Return images (B, C, h, w) padded on all sides to at least `least`, by reflection.

    Reflection adds at most one pixel less than there are: small images are padded several times. A
    side of 1 pixel is repeated.

    Returns:
        The images, and how many rows and columns stand above and to the left of them.
    """
    import torch.nn.functional as F

    above = to_left = 0
    while min(images.shape[-2:]) < least:
        mode = "replicate" if 1 in images.shape[-2:] else "reflect"
        pads = []
        for side in images.shape[-2:]:
            missing = max(least - side, 0)
            most = side - 1 if mode == "reflect" else missing * (side == 1)
            before = min(missing // 2, most)
            pads.append((before, min(missing - before, most)))
        (top, bottom), (left, right) = pads
        images = F.pad(images, (left, right, top, bottom), mode=mode)
        above, to_left = above + top, to_left + left
    return images, above, to_left


def gaussian_weights(height: int, width: int) -> Tensor:
    """Return the weights (height, width) of a patch's pixels, float64.

    sigma is OpenCV's default for the side. Of an even side the middle is half a pixel high, since
    the first value of the kernel of the next odd side is left out.
    """
    import torch

    def kernel(side: int) -> Tensor:
        deviation = 0.3 * ((side - 1) * 0.5 - 1) + 0.8
        middle = (side - 1) // 2
        distance = torch.arange(side, dtype=torch.float64) - middle
        return torch.exp(-(distance**2) / (2 * deviation**2))

    return torch.outer(kernel(height), kernel(width))


def with_chroma_of(source: Tensor, image: Tensor) -> Tensor:
    """Return images (B, 3, H, W) in [0, 1] with the Cb and Cr of `source`, by BT.601."""
    import torch

    matrix = image.new_tensor(
        [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
    )
    matrix, offset = matrix / 255, image.new_tensor([16, 128, 128])[:, None, None] / 255

    def turned(by: Tensor, values: Tensor) -> Tensor:
        return torch.einsum("ij,bjhw->bihw", by, values)

    luma, chroma = (
        (turned(matrix, values) + offset).clamp(0, 1) for values in (image, source.to(image))
    )
    mixed = torch.cat([luma[:, :1], chroma[:, 1:]], dim=1)
    return turned(torch.linalg.inv(matrix), mixed - offset).clamp(0, 1)
