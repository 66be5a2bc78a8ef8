"""OSEDiff behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from baselines.sd21.weights import PARAMETERS, SD21_BASE, VAE_TILES
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream, WeightFile
from benchmarks.api.colour import fix_colours
from benchmarks.api.resizing import enlarge, resize
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.sd21.components import Components
    from benchmarks.api.colour import ColourFix, Rounding

_COMMIT = "fcc4f09c7ed66a9bc0ba9433940d76b343142426"
_CHECKPOINT = WeightFile(
    name="osediff.pkl",
    licence="Apache-2.0",
    urls=(
        f"https://raw.githubusercontent.com/cswry/OSEDiff/{_COMMIT}/preset/models/osediff.pkl",
        f"https://github.com/cswry/OSEDiff/raw/{_COMMIT}/preset/models/osediff.pkl",
    ),
    note="about 17 MB",
)
_PROMPT_END = ", ,"
_MINIMUM = 128  # LR pixels per side
_MULTIPLE = 8  # image pixels per latent pixel
TILING = Tiling(tile=96, overlap=32)


class OSEDiff(Restorer):
    """One evaluation of an adapted SD 2.1, starting from the LR image's own latent."""

    card = MethodCard(
        name="osediff",
        title="OSEDiff",
        paper=Paper(
            title="One-Step Effective Diffusion Network for Real-World Image Super-Resolution",
            bibkey="wu2024osediff",
            venue="NeurIPS 2024",
            arxiv="2406.08177",
        ),
        base_model="Stable Diffusion 2.1-base + LoRA",
        default_steps=1,
        legal_steps=(1,),
        prompt="tags:dape",
        colour_fix="adain",
        tiling=str(TILING),
        dtypes=("fp16", "fp32", "bf16"),
        options=(
            MethodOption(
                name="colour-fix",
                default="adain",
                help="transfer of the LR image's colours to the result",
                choices=("adain", "wavelet", "none"),
            ),
            VAE_TILES,
        ),
        weights=(SD21_BASE, _CHECKPOINT),
        upstream=Upstream(repo="cswry/OSEDiff", commit=_COMMIT, licence="Apache-2.0"),
        licence="LicenseRef-CreativeML-OpenRAIL-PP-M",
        trained_on=("LSDIR", "FFHQ (first 10,000)"),
        stochastic=True,
        deviations=(
            "the LR latent is sampled from the posterior with the image's own seed; upstream "
            "parses --seed and does not use it",
            "x0 by the formula in float32 in place of one step of a DDPM scheduler: equal, but "
            "for the scheduler's draw of noise that it multiplies by 1e-10",
            "LoRA folded into the weights in float32 before the cast; upstream leaves it beside "
            "them in float16 unless told to merge",
            "results of another size than 4x (LR sides below 128 or odd) are resized to 4x by "
            "Pillow's bicubic; upstream calls that resize and drops its result "
            "(test_osediff.py:133)",
            "the VAE is untiled at every size; upstream approximates it by tiles above 1088 "
            "(encoder) and 1968 (decoder) pixels. The option vae-tiles tiles above the same sizes, "
            "by diffusers' rule",
            "kept: the row midpoint of the tile weights is half a pixel low (osediff.py:443), the "
            "prompt ends in ', ,', the LR image is resized, not padded, to multiples of 8",
            "narrow latents, whose shorter side is below twice the overlap of 32, are tiled with "
            "half that side of overlap; upstream keeps 32, and does not end at 32 and less",
        ),
        quirks=(
            "8 bits by truncation, in the dtype of the network, before and after the colour fix; "
            "mended: no step to 8 bits before the file, which is rounded: about half of all values "
            "are a level higher, 0.5 on average",
        ),
    )

    def __init__(self, runtime: Runtime, components: Components) -> None:
        from baselines.pretrained import place

        super().__init__(runtime)
        self._components = components
        self._vae_tiles = runtime.option("vae-tiles") == "on"
        self._colour_fix = cast("ColourFix", runtime.option("colour-fix"))
        home = "cpu" if runtime.offload else runtime.device
        for part in (components.unet, components.vae, components.text_encoder):
            place(part, home, runtime.torch_dtype)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the base model and fold the checkpoint into it."""
        from baselines.osediff.network import apply_checkpoint
        from baselines.sd21.components import load_components

        components = load_components(runtime.weight(SD21_BASE.name), PARAMETERS)
        apply_checkpoint(components, runtime.weight(_CHECKPOINT.name))
        return cls(runtime, components)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        scale = self.card.scale
        upscaled = torch.stack(
            [
                enlarge(image, scale=scale, minimum=_MINIMUM, multiple=_MULTIPLE)
                for image in batch.images
            ]
        )
        image = self._network(upscaled, batch).cpu() * 0.5 + 0.5
        rounding: Rounding = "none" if self.runtime.mended else "truncate"
        sr = fix_colours(image, upscaled, self._colour_fix, before=rounding, after=rounding)
        height, width = (scale * side for side in batch.images.shape[-2:])
        if sr.shape[-2:] == (height, width):
            return sr
        return torch.stack([resize(image, (height, width)) for image in sr])

    def _network(self, upscaled: Tensor, batch: LRBatch) -> Tensor:
        """Return the restored images in [-1, 1] of upscaled LR images in [0, 1]."""
        from baselines import vae
        from baselines.sd21.components import embed
        from baselines.sd21.one_step import TIMESTEP, denoise

        parts, runtime = self._components, self.runtime
        device = runtime.device
        x = (upscaled * 2 - 1).to(device, runtime.torch_dtype)
        noise = batch.randn(4, x.shape[-2] // _MULTIPLE, x.shape[-1] // _MULTIPLE)
        with self.stage("text"), self.on_device(parts.text_encoder):
            text = embed(parts, [prompt_of(tags) for tags in batch.prompts or ()], device)
        with self.stage("vae"), self.on_device(parts.vae):
            z = vae.encode(parts.vae, x, noise, tiled=self._vae_tiles)

        def eps(z: Tensor) -> Tensor:
            prediction: Tensor = parts.unet(z, TIMESTEP, encoder_hidden_states=text).sample
            return prediction

        with self.stage("network"), self.on_device(parts.unet):
            x0 = denoise(z, eps, TILING)
        with self.stage("vae"), self.on_device(parts.vae):
            return vae.decode(parts.vae, x0, tiled=self._vae_tiles)


def prompt_of(tags: str) -> str:
    """Return the prompt for an image's tags, as upstream builds it with an empty user's prompt.

    A prompt that upstream saved ends so already.
    """
    return tags if tags.endswith(_PROMPT_END) else tags + _PROMPT_END
