"""OSEDiff behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from baselines.sd21.restorer import OneStepRestorer
from baselines.sd21.weights import PARAMETERS, SD21_BASE, VAE_TILES
from benchmarks.api.card import MethodCard, Paper, Upstream, WeightFile
from benchmarks.api.colour import colour_option
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from torch import Tensor

    from benchmarks.api.restorer import LRBatch, Runtime

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
TILING = Tiling(tile=96, overlap=32)


class OSEDiff(OneStepRestorer):
    """One evaluation of an adapted SD 2.1, starting from the LR image's own latent."""

    tiling = TILING

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
        options=(colour_option("adain"), VAE_TILES),
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

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the base model and fold the checkpoint into it."""
        from baselines.osediff.network import apply_checkpoint
        from baselines.sd21.components import load_components

        components = load_components(runtime.weight(SD21_BASE.name), PARAMETERS)
        apply_checkpoint(components, runtime.weight(_CHECKPOINT.name))
        return cls(runtime, components)

    def _prompts(self, batch: LRBatch) -> list[str]:
        return [prompt_of(tags) for tags in batch.prompts or ()]

    def _restored(self, z: Tensor, text: Tensor) -> Tensor:
        from baselines.sd21.one_step import TIMESTEP, denoise

        def eps(z: Tensor) -> Tensor:
            prediction: Tensor = self._components.unet(
                z, TIMESTEP, encoder_hidden_states=text
            ).sample
            return prediction

        return denoise(z, eps, TILING)


def prompt_of(tags: str) -> str:
    """Return the prompt for an image's tags, as upstream builds it with an empty user's prompt.

    A prompt that upstream saved ends so already.
    """
    return tags if tags.endswith(_PROMPT_END) else tags + _PROMPT_END
