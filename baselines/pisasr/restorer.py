"""PiSA-SR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from baselines.pisasr.network import Residual, Scales, adapt
from baselines.sd21.restorer import OneStepRestorer
from baselines.sd21.weights import SD21_BASE, SD21_PARAMETERS, VAE_TILES
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream, WeightFile
from benchmarks.api.colour import colour_option
from benchmarks.api.errors import ConfigError
from benchmarks.api.tiling import Tiling, predict_tiled

if TYPE_CHECKING:
    from torch import Tensor, nn

    from baselines.sd21.components import Components
    from benchmarks.api.restorer import LRBatch, Runtime

_CHECKPOINT = WeightFile(
    name="pisa_sr.pkl",
    licence="Apache-2.0",
    page="https://drive.google.com/drive/folders/1oLetijWNd59xwJE5oU-eXylQBifxWdss",
    note="about 32 MB in float32; its licence is the README's word, the file that it links is "
    "not there",
)


class PiSASR(OneStepRestorer):
    """One evaluation of SD 2.1 with pixel and semantic updates; two where these are scaled."""

    tiling = Tiling(tile=96, overlap=32, symmetric=True)
    card = MethodCard(
        name="pisasr",
        title="PiSA-SR",
        paper=Paper(
            title="Pixel-level and Semantic-level Adjustable Super-resolution: "
            "A Dual-LoRA Approach",
            bibkey="sun2025pisasr",
            venue="CVPR 2025",
            arxiv="2412.03017",
        ),
        base_model="Stable Diffusion 2.1-base + LoRA",
        default_steps=1,
        legal_steps=(1,),
        prompt="fixed",
        colour_fix="adain",
        tiling=str(tiling),
        dtypes=("fp16", "fp32", "bf16"),
        options=(
            MethodOption(
                name="lambda-pix",
                default="1",
                help="strength of the pixel updates, 0 or more; not 1: two evaluations",
            ),
            MethodOption(
                name="lambda-sem",
                default="1",
                help="strength of the semantic updates, 0 or more; not 1: two evaluations",
            ),
            colour_option("adain"),
            VAE_TILES,
        ),
        weights=(SD21_BASE, _CHECKPOINT),
        upstream=Upstream(
            repo="csslc/PiSA-SR",
            commit="9c76e12e261d1980148738a0cff41e5e27d18c9f",
            licence="Apache-2.0",
        ),
        licence="LicenseRef-CreativeML-OpenRAIL-PP-M",
        trained_on=("LSDIR", "FFHQ (first 10,000)"),
        stochastic=True,
        deviations=(
            "the LR latent is sampled from the posterior with the image's own seed; upstream "
            "parses --seed and does not use it",
            "both scales at 1 take one evaluation, as upstream's --default; upstream's adjustable "
            "setting takes two there, and comes to the same but for rounding",
            "both groups of updates are folded into the weights in float32 before the cast; in "
            "its adjustable setting upstream adds the semantic group in float16 from the second "
            "evaluation on, so that its first image has other weights than all that follow "
            "(pisasr.py:397-408)",
            "results of another size than 4x (odd LR sides) are resized to 4x by Pillow's "
            "bicubic; upstream saves them up to 7 pixels short. Those of LR sides below 128 are "
            "resized there too",
            "the VAE is untiled at every size; upstream approximates it by tiles above 1088 "
            "(encoder) and 1968 (decoder) pixels. The option vae-tiles tiles above the same sizes, "
            "by diffusers' rule",
            "narrow latents, of more than 96x96 with a shorter side below 96, are tiled by that "
            "side; upstream fails there: it makes the tiles' weights before it narrows the tiles "
            "(pisasr.py:523). Below twice the overlap of 32 they overlap by half that side",
        ),
        quirks=(
            "8 bits by truncation, in the dtype of the network, before and after the colour fix; "
            "mended: no step to 8 bits before the file, which is rounded: about half of all values "
            "are a level higher, 0.5 on average",
        ),
        note="the prompt is empty; +lambda-pix and +lambda-sem are its adjustable setting",
    )

    def __init__(self, runtime: Runtime, components: Components, residual: Residual) -> None:
        self._residual = residual
        super().__init__(runtime, components)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the base model and fold the checkpoint into it."""
        from baselines.sd21.components import load_components

        scales = _scales(runtime)
        components = load_components(runtime.weight(SD21_BASE.name), SD21_PARAMETERS)
        residual = adapt(components.unet, runtime.weight(_CHECKPOINT.name), scales)
        return cls(runtime, components, residual)

    @classmethod
    def _copies(cls, runtime: Runtime) -> int:
        return 2 if _scales(runtime).adjusted else 1

    def _networks(self) -> tuple[nn.Module, ...]:
        pixel = self._residual.pixel
        return (self._residual.both,) if pixel is None else (self._residual.both, pixel)

    def _prompts(self, batch: LRBatch) -> list[str]:
        return [""] * len(batch)

    def _restored(self, z: Tensor, text: Tensor) -> Tensor:
        height, width = z.shape[-2:]
        residual = predict_tiled(
            lambda tile: self._residual(tile.crop(z), text), (height, width), self.tiling
        )
        return z - residual


def _scales(runtime: Runtime) -> Scales:
    values = {name: runtime.number(name) for name in ("lambda-pix", "lambda-sem")}
    for name, value in values.items():
        if value < 0:
            raise ConfigError(f"{name} is {value:g}.", "Use a number from 0 up.")
    return Scales(*values.values())
