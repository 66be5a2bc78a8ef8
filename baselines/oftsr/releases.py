"""OFTSR's releases as data: their files, degradation, start and network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.api.card import HubFile, MethodOption, Upstream, WeightFile

UPSTREAM = Upstream(
    repo="yuanzhi-zhu/OFTSR",
    commit="003b6f4ef23eeeef408f8de2388388cd65304a96",
    licence="LicenseRef-none-found",
)
_HUB, _LICENCE = "Yuanzhi/OFTSR", "Apache-2.0"
_DISTILLED = "distil-v_boot-solver_rk2_0.5-dt0.05-w_distil_1.0-w_bound_0.1-w_align_0.01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What differs between the two networks."""

    channels: int
    layers: int  # resnets per level, on the way down
    attention: tuple[int, ...]  # downsampling factors of the levels that attend
    multipliers: tuple[int, ...] = (1, 1, 2, 2, 4, 4)  # of channels, per level

    @property
    def factor(self) -> int:
        """Image sides have to be multiples of this."""
        return 1 << (len(self.multipliers) - 1)


DIV2K_SHAPE = Shape(channels=128, layers=1, attention=(16,))
IMAGENET_SHAPE = Shape(channels=256, layers=2, attention=(8, 16, 32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One task, with its multi-step teacher and its one-step student."""

    name: str
    sigma_p: float  # noise in the start x_0 = sqrt(1 - sigma_p^2) x_LR + sigma_p eps
    teacher: str  # file names
    student: str
    shape: Shape = DIV2K_SHAPE
    enlarged: Literal["bicubic", "nearest"] = "bicubic"  # x_LR, by the transposed degradation

    def file(self, kind: Literal["teacher", "student"]) -> WeightFile:
        """Return the weight file of the teacher or the student."""
        name = self.teacher if kind == "teacher" else self.student
        return WeightFile(
            name=name,
            licence=_LICENCE,
            hub=HubFile(repo=_HUB, filename=name),
            only_with=f"variant={self.name}",
            folder="oftsr",
            about_bytes=374_400_000 if self.shape == DIV2K_SHAPE else 2_211_000_000,
        )


RELEASES = (
    Release(
        name="div2k",
        sigma_p=0.2,
        teacher="sr_bicubic-sf4-guided_unet-sigma0.2-bs128-loss_l1-lr1e-05-DIV2K-checkpoint_4.pth",
        student=f"sr_bicubic-sf4-guided_unet-sigma0.2-bs32-loss_l1-lr1e-05-{_DISTILLED}"
        "-DIV2K_DIS-checkpoint_5.pth",
    ),
    Release(
        name="ffhq",
        sigma_p=0.1,
        teacher="sr_bicubic-sf4-guided_unet-sigma0.1-bs32-loss_l1-lr0.0001-FFHQ-checkpoint_10.pth",
        student=f"sr_bicubic-sf4-guided_unet-sigma0.1-bs32-loss_l1-lr1e-05-{_DISTILLED}"
        "-FFHQ_DIS-checkpoint_2.pth",
    ),
    Release(
        name="ffhq-noisy",
        sigma_p=0.5,
        teacher="sr_avp-sf4-sigmay_0.05-guided_unet-sigma0.5-bs128-loss_l1-lr0.0001"
        "-FFHQ-checkpoint_23.pth",
        student=f"sr_avp-sf4-sigmay_0.05-guided_unet-sigma0.5-bs32-loss_l1-lr2e-05-{_DISTILLED}"
        "-FFHQ_DIS-checkpoint_24.pth",
        enlarged="nearest",
    ),
    Release(
        name="imagenet",
        sigma_p=0.2,
        teacher="sr_bicubic-sf4-guided_unet-sigma0.2-bs32-loss_l1-lr1e-04"
        "-ImageNet-checkpoint_10.pth",
        student=f"sr_bicubic-sf4-guided_unet-sigma0.2-bs8-loss_l1-lr1e-04-{_DISTILLED}"
        "-ImageNet_DIS-checkpoint_10.pth",
        shape=IMAGENET_SHAPE,
    ),
)

VARIANT = MethodOption(
    name="variant",
    default="div2k",
    help="which release: div2k, ffhq and imagenet are for bicubic LR images, ffhq-noisy for 4x4 "
    "averages with noise of standard deviation 0.05 of [-1, 1]",
    choices=tuple(found.name for found in RELEASES),
)


def release(name: str) -> Release:
    """Return the release of that name."""
    return next(found for found in RELEASES if found.name == name)
