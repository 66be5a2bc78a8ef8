"""MFSR and the two small models, as methods of the harness."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from baselines.dit4sr.releases import DIT4SR, SD35
from benchmarks.api.card import (
    MethodCard,
    MethodOption,
    Paper,
    SizeRule,
    WeightFile,
    WeightFolder,
)
from benchmarks.api.errors import WeightsMissingError
from benchmarks.api.resizing import enlarge
from benchmarks.api.restorer import LRBatch, LRFile, Restorer, Runtime
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from mfsr.bundle import Model

# Where the small models are, teacher/ and student/: in the package, unless the user says otherwise.
TINY = Path(os.environ.get("MFSR_BENCH_TINY") or Path(__file__).parent / "tiny")

_MFSR = Paper(
    title="MFSR: MeanFlow Distillation for One-Step Real-World Image Super-Resolution",
    bibkey="mfsr",
)
_TRAIN = (
    "Train it: mfsr-bench train mfsr --recipe paper --data PHOTOS --teacher DIT4SR --out RUN "
    "(docs/training.md)."
)


_TEXTURE = MethodOption(
    name="texture",
    default="0.25",
    help="Share of the sampled detail that is added to the base restoration: 0 none, 1 all.",
)


class _Tiny(Restorer):
    """A small model of the package."""

    texture: float
    folder: ClassVar[Path]
    tiling: ClassVar[Tiling] = Tiling(tile=192, overlap=48, symmetric=True)
    model: Model

    @classmethod
    def _files(cls) -> None:
        if not (cls.folder / "model.json").is_file():
            stage = "mfsr" if cls.folder.name == "student" else "teacher"
            raise WeightsMissingError(
                f"The weights of '{cls.card.name}' are not in {cls.folder}.",
                f"Train them: mfsr-bench train {stage} --recipe tiny (docs/training.md), and put "
                "the run's model folder there.",
            )

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Return the hashes of the weight files."""
        from benchmarks.api.images import sha256_file

        folders = {DiT4SRTiny.folder, cls.folder}  # a student stands on its teacher
        files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
        return " ".join(f"{file.relative_to(TINY)}={sha256_file(file)}" for file in files)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        from baselines.dit4sr.inference import starting_noise
        from mfsr.inference import condition

        assert steps is not None
        generators = batch.generators()
        lr_up = torch.stack([enlarge(x, scale=self.card.scale) for x in batch.images])
        prompts = [self.model.config.positive] * len(batch)
        c = condition(self.model, lr_up, prompts, generators)
        channels = self.model.autoencoder.channels
        eps = starting_noise(c.z_lr[:, :channels], generators)
        with self.stage("network"):
            z = self._sample(eps, c, steps)
        # The decoder is linear in z: this is the straight line between the base and the sample.
        return self.model.autoencoder.decode(self.texture * z, lr_up.to(z.device)).clamp(0, 1)

    def _sample(self, eps: Tensor, c: object, steps: int) -> Tensor:
        raise NotImplementedError


class DiT4SRTiny(_Tiny):
    """The small teacher: a U-Net on what its base leaves, by Euler steps with guidance."""

    guidance: float

    folder = TINY / "teacher"
    card = MethodCard(
        name="dit4sr-tiny",
        title="DiT4SR-tiny",
        base_model="U-Net, 1 M parameters, on the residual of a base of 0.8 M; from nothing",
        default_steps=16,
        nfe_per_step=2,
        prompt="fixed",
        tiling=str(_Tiny.tiling),
        size=SizeRule(multiple_of=2, minimum=4),
        options=(
            MethodOption(
                name="guidance", default="1.25", help="Guidance scale; 1 is without guidance."
            ),
            _TEXTURE,
        ),
        trained_on=("BSDS500", "Urban100", "Sun-Hays 80"),
        stochastic=True,
        deviations=(
            "network: a convolutional U-Net in the place of SD3's transformer",
            "latent: frequencies of 4 x 4 cells of HR minus a base restoration; no autoencoder",
            "text: a table of phrases in the place of CLIP and T5",
            f"result: the base plus {_TEXTURE.default} of the sampled detail (option texture)",
        ),
        note="A demonstration, to run on a laptop without downloads. Not a rival's number.",
    )

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read the weights of the package."""
        from mfsr.bundle import load_teacher

        cls._files()
        self = cls(runtime)
        self.model = load_teacher(cls.folder, device=runtime.device, dtype=runtime.torch_dtype)
        self.guidance = runtime.number("guidance")
        self.texture = runtime.number("texture")
        return self

    def _sample(self, eps: Tensor, c: object, steps: int) -> Tensor:
        from baselines.dit4sr.field import Condition
        from mfsr.inference import run_teacher

        assert isinstance(c, Condition)
        return run_teacher(
            self.model,
            eps,
            c,
            self.tiling,
            steps=steps,
            guidance=self.guidance,
        )


class MFSRTiny(_Tiny):
    """The small student: one evaluation per step, one step by default."""

    folder = TINY / "student"
    card = MethodCard(
        name="mfsr-tiny",
        title="MFSR-tiny",
        paper=_MFSR,
        base_model="student of dit4sr-tiny",
        default_steps=1,
        prompt="fixed",
        tiling=str(_Tiny.tiling),
        size=SizeRule(multiple_of=2, minimum=4),
        options=(_TEXTURE,),
        trained_on=("BSDS500", "Urban100", "Sun-Hays 80"),
        stochastic=True,
        deviations=(
            *DiT4SRTiny.card.deviations,
            "the student is trained whole, without LoRA",
        ),
        note="A demonstration, to run on a laptop without downloads. Not MFSR's number.",
    )

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read the weights of the package."""
        from mfsr.bundle import load_student

        cls._files()
        self = cls(runtime)
        self.model = load_student(
            cls.folder, DiT4SRTiny.folder, device=runtime.device, dtype=runtime.torch_dtype
        )
        self.texture = runtime.number("texture")
        return self

    def _sample(self, eps: Tensor, c: object, steps: int) -> Tensor:
        from baselines.dit4sr.field import Condition
        from mfsr.inference import run_student

        assert isinstance(c, Condition)
        return run_student(self.model, eps, c, self.tiling, steps=steps)


class MFSR(Restorer):
    """MFSR: one evaluation of a DiT4SR-sized student."""

    tiling: ClassVar[Tiling] = Tiling(tile=64, overlap=24)
    model: Model
    card = MethodCard(
        name="mfsr",
        title="MFSR",
        paper=_MFSR,
        base_model="Stable Diffusion 3.5 medium + DiT4SR + LoRA",
        default_steps=1,
        prompt="caption:llava",
        colour_fix="adain",
        tiling=str(tiling),
        size=SizeRule(multiple_of=4, minimum=128),
        dtypes=("bf16", "fp32"),
        options=(
            MethodOption(
                name="student",
                default="",
                help="Another student of yours: the folder of its name beside the first one.",
            ),
        ),
        weights=(
            *(
                WeightFile(
                    name=f"{{student}}/{name}",
                    licence="LicenseRef-unpublished",
                    unpublished=_TRAIN,
                )
                for name in ("student.safetensors", "model.json")
            ),
            WeightFolder(
                name="dit4sr",
                repo="acceptee/DiT4SR",
                licence="LicenseRef-Pi-Lab-1.0",
                files=(
                    "dit4sr_q/transformer/config.json",
                    "dit4sr_q/transformer/diffusion_pytorch_model.safetensors",
                ),
            ),
            SD35,
        ),
        upstream=DIT4SR,
        licence="LicenseRef-Pi-Lab-1.0",
        trained_on=("DIV2K", "DIV8K", "Flickr2K", "LSDIR", "NKUSR8K", "FFHQ-10k"),
        stochastic=True,
        deviations=(
            "no code or weights of MFSR are published: what the paper leaves open is listed in "
            "docs/training.md",
            "colour fix, tiling and the added prompt are DiT4SR's; the paper names none",
            "z_LR is one seeded sample of the posterior (upstream: unseeded)",
        ),
    )

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read student, teacher and SD3.5's parts, from where their cards put them."""
        from mfsr.bundle import load_student

        folder = runtime.option("student")
        student, _ = (
            runtime.weight(f"{folder}/{name}".lstrip("/"))
            for name in ("student.safetensors", "model.json")
        )
        self = cls(runtime)
        self.model = load_student(
            student.parent,
            runtime.weight("dit4sr") / "dit4sr_q",
            base=runtime.weight("stable-diffusion-3.5-medium"),
            key_control="noise",
            device=runtime.device,
            dtype=runtime.torch_dtype,
        )
        return self

    def begin(self, dataset: str, images: Sequence[LRFile], *, seed: int) -> None:
        """Encode all prompts, so that the encoders are loaded once and gone while it restores."""
        missing = self.model.text.missing(self._prompt(image.prompt or "") for image in images)
        if missing:
            network = self.model.field.network
            network.to("cpu")
            self.model.text.embed(missing)
            network.to(self.runtime.device)

    def _prompt(self, caption: str) -> str:
        return f"{caption} {self.model.config.positive}"

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        from baselines.dit4sr.inference import starting_noise
        from benchmarks.api.colour import fix_colours
        from mfsr.inference import condition, run_student

        assert steps is not None and batch.prompts is not None
        generators = batch.generators()
        lr_up = torch.stack([enlarge(x, scale=self.card.scale) for x in batch.images])
        prompts = [self._prompt(prompt) for prompt in batch.prompts]
        with self.stage("condition"):
            c = condition(self.model, lr_up, prompts, generators)
        eps = starting_noise(c.z_lr, generators)
        with self.stage("network"):
            z = run_student(self.model, eps, c, self.tiling, steps=steps)
        with self.stage("vae"):
            sr = self.model.autoencoder.decode(z, lr_up).clamp(0, 1)
        return fix_colours(sr, lr_up, "adain", before="round", after="truncate")
