"""AddSR behind the harness's interface: SeeSR's networks, distilled to four steps or one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baselines.sd21.weights import VAE_TILES
from baselines.seesr import weights
from baselines.seesr.restorer import SeeSR
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream
from benchmarks.api.colour import colour_option
from benchmarks.api.errors import ConfigError
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from baselines.streams import Draw
    from benchmarks.api.restorer import Runtime

TIMESTEPS = (999, 749, 499, 249)  # one step is the first of them
TILING = Tiling(tile=320, overlap=4)


class AddSR(SeeSR):
    """x0 by the formula, noised again for the next step, which sees the result of the last one."""

    _tiling = TILING
    _added = "clean, high-resolution, 8k, extremely detailed, best quality, sharp"

    card = MethodCard(
        name="addsr",
        title="AddSR",
        paper=Paper(
            title="AddSR: Accelerating Diffusion-based Blind Super-Resolution with Adversarial "
            "Diffusion Distillation",
            bibkey="xie2024addsr",
            arxiv="2404.01717",
        ),
        base_model="Stable Diffusion 2-base + ControlNet",
        default_steps=4,
        legal_steps=(1, 4),
        prompt="tags:dape-lr",
        colour_fix="adain",
        tiling=str(TILING),
        dtypes=("fp16", "fp32", "bf16"),
        options=(
            MethodOption(
                name="blend",
                default="0.4",
                help="weight of the last step's result in what the next one sees of the image",
            ),
            colour_option("adain"),
            VAE_TILES,
        ),
        weights=weights.ADDSR,
        upstream=Upstream(
            repo="NJU-PCALab/AddSR", commit=weights.ADDSR_COMMIT, licence="Apache-2.0"
        ),
        licence="LicenseRef-AddSR",
        trained_on=("LSDIR", "FFHQ (first 10,000)"),
        stochastic=True,
        deviations=(
            "all noise comes from the image's own stream: start, posterior, then one per step; "
            "upstream draws from the global stream",
            "x0, latents and the blend are in float32; upstream has float16, whose 1/sqrt(abar) of "
            "14.6 shows as noise",
            "one step is the first of the four (999), as the published one-step rows must have it: "
            "upstream's loop has four steps whatever --num_inference_steps says",
            "the VAE is untiled at every size (option vae-tiles, as in SeeSR)",
            "latents above 320 pixels a side are tiled as in SeeSR; upstream's tiled branch stops "
            "with a ValueError (it unpacks two of the ControlNet's four results)",
            "kept: --PSR_weight never reaches the pipeline, so that the blend is 0.4, not the 0.5 "
            "of the command line (option blend)",
            "kept: the blend is resized to the tagger's 384 pixels by torch's bicubic, the LR "
            "image by its bilinear filter, neither with antialiasing",
            "kept: the tags are those of the LR image in all steps; no guidance",
            "kept: the prompt reads 'tags, ,clean, ...'; 8 bits rounded before the colour fix and "
            "truncated after it",
        ),
        note="three different files were released over time; the card names the last, of July 2024",
    )

    @classmethod
    def _check(cls, runtime: Runtime) -> None:
        blend_of(runtime)

    def _sample(
        self, source: Tensor, embedding: Tensor, prompts: tuple[str, ...], draw: Draw, steps: int
    ) -> Tensor:
        from baselines.sd21.ancestral import add_noise

        _, text = self._embed("", prompts)
        z = self._start(source, draw)
        source = source.to(self.runtime.device)
        hint, x0 = source, z
        for index, timestep in enumerate(TIMESTEPS[:steps]):
            if index:
                z = add_noise(x0, draw(), timestep)
                hint = self._blend(x0, source)
                embedding = self._look(self._seen(hint, "bicubic"))
            with self.stage("network"), self._networks_on_device():
                x0 = self._x0(z, timestep, hint, self._with_text(text, embedding))
        return x0

    def _with_text(
        self, text: Tensor, embedding: Tensor
    ) -> Callable[[Tensor, int, Tensor], Tensor]:
        network = self._eps_of(embedding)
        return lambda z, timestep, hint: network(z, timestep, text, hint)

    def _blend(self, x0: Tensor, source: Tensor) -> Tensor:
        weight = blend_of(self.runtime)
        return weight * self._decode(x0) + (1 - weight) * source


def blend_of(runtime: Runtime) -> float:
    """Return the weight of the last step's result.

    Raises:
        ConfigError: it is not within 0 and 1.
    """
    weight = runtime.number("blend")
    if not 0 <= weight <= 1:
        raise ConfigError(f"blend is {weight}; it is a weight within 0 and 1.")
    return weight
