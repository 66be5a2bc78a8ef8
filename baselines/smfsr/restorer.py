"""SMFSR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from baselines.dit4sr import restorer as dit4sr
from baselines.dit4sr.releases import SD35
from baselines.dit4sr.restorer import DiT4SRReleased
from benchmarks.api.card import MethodCard, MethodOption, Paper, Upstream, WeightFolder
from benchmarks.api.colour import colour_option

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.dit4sr.field import Condition
    from benchmarks.api.restorer import Runtime

_LICENCE = "LicenseRef-Pi-Lab-1.0"
_VARIANTS = ("q", "f")
_INTERVAL_PARAMETERS = 7_080_960  # beside DiT4SR's


def _weights(variant: str) -> WeightFolder:
    folder = f"smfsr_{variant}/transformer"
    return WeightFolder(
        name=f"smfsr_{variant}",
        repo="zw121/SMFSR",
        licence=_LICENCE,
        files=(f"{folder}/config.json", f"{folder}/diffusion_pytorch_model.safetensors"),
        only_with=f"variant={variant}",
        note="its README says Apache-2.0; it is a modified DiT4SR on Stable Diffusion 3.5 medium",
    )


class SMFSR(DiT4SRReleased):
    """One evaluation from noise to the restored latent, beside the LR image's; two to four too."""

    card = MethodCard(
        name="smfsr",
        title="SMFSR",
        paper=Paper(
            title="Noise-Started One-Step Real-World Super-Resolution via LR-Conditioned "
            "SplitMeanFlow and GAN Refinement",
            bibkey="zhu2026smfsr",
            venue="NeurIPS 2026",
            arxiv="2605.09328",
        ),
        base_model="Stable Diffusion 3.5 medium + DiT4SR",
        default_steps=1,
        legal_steps=(1, 2, 3, 4),
        prompt="caption:llava",
        colour_fix="adain",
        tiling=str(dit4sr.TILING),
        dtypes=("fp16", "bf16", "fp32"),
        options=(
            MethodOption(
                name="variant",
                default="q",
                help="which release: q (quality) or f (fidelity)",
                choices=_VARIANTS,
            ),
            colour_option("adain"),
        ),
        weights=(SD35, *map(_weights, _VARIANTS)),
        upstream=Upstream(
            repo="wzhu121/SMFSR",
            commit="0726a9a1c6936815f6b24faa70e8a57137cabf93",
            licence="Apache-2.0",
        ),
        licence=_LICENCE,
        trained_on=("DIV2K", "DIV8K", "Flickr2K", "Flickr8K", "NKUSR8K"),
        stochastic=True,
        deviations=(
            *(text for text in DiT4SRReleased.card.deviations if "r1" not in text),
            "kept: the LR stream's key is the noise stream's, normalised twice, as in DiT4SR's f "
            "and q",
            "strict: upstream loads without asking whether keys fit. Its second copy of the "
            "interval's embedding, which nothing uses, is dropped by name",
            "latents that are not square, on which upstream's feed-forward stops unless it tiles, "
            "are restored",
            "which of its two releases upstream's tables are of is not known here; q is the "
            "default, as DiT4SR's. No guidance: upstream's default of 1",
        ),
        quirks=(DiT4SRReleased.card.quirks[-1],),
        note="Non-commercial: a modified DiT4SR. Its tables could not be read here.",
    )

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read network and VAE to the CPU; the text encoders come first on the device."""
        from baselines.smfsr.network import load

        name = f"smfsr_{runtime.option('variant')}"
        folder = runtime.weight(name) / name / "transformer"
        return cls(runtime, load(folder, runtime.torch_dtype), *cls._around(runtime))

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return DiT4SR's peak without guidance, and the embedding's weights."""
        peak = super().memory_estimate(runtime, lr_size, batch=batch)
        return peak and peak + _INTERVAL_PARAMETERS * runtime.torch_dtype.itemsize

    @classmethod
    def _guidance_of(cls, runtime: Runtime) -> float:
        return 1.0

    def _run(self, eps: Tensor, c: Condition, other_lr: Tensor | None, steps: int) -> Tensor:
        from baselines.smfsr.sampler import sample

        return sample(self._network, eps, c, dit4sr.TILING, steps=steps)
