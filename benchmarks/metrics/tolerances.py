"""How near a published log two correct computations of a metric come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """The largest difference, per image and of a set's mean, that is still agreement."""

    per_image: float | None  # None: not known, only means are compared
    mean: float
    why: str


_MEASURED = "measured over the 193 images of OSEDiff's log"
_BETWEEN_RUNS = "OSEDiff's log against the MFSR paper's row: inference run anew, means alone"

# The log prints six decimals; a GPU's float32 sums move PSNR by up to 9e-6 dB. NIQE agrees to
# 2.2e-5; its tolerance is that of pyiqa on a CPU, whose float32 order differs.
TOLERANCES: dict[str, Tolerance] = {
    "psnr@y601": Tolerance(per_image=1e-5, mean=1e-5, why=_MEASURED),
    "ssim@y601": Tolerance(per_image=2e-6, mean=2e-6, why=_MEASURED),
    "niqe@pyiqa": Tolerance(per_image=0.02, mean=1e-3, why=_MEASURED),
    "niqe@pyiqa-cpu": Tolerance(per_image=0.02, mean=1e-3, why=_MEASURED),
    "lpips@alex": Tolerance(per_image=None, mean=2e-4, why=_BETWEEN_RUNS),
    "dists@vgg16": Tolerance(per_image=None, mean=2e-4, why=_BETWEEN_RUNS),
    "maniqa@pipal": Tolerance(per_image=None, mean=1e-3, why=_BETWEEN_RUNS),
    "clipiqa@rn50": Tolerance(per_image=None, mean=1e-3, why=_BETWEEN_RUNS),
    "musiq@koniq": Tolerance(per_image=None, mean=0.05, why=_BETWEEN_RUNS),
    "fid@clean": Tolerance(per_image=None, mean=0.2, why=_BETWEEN_RUNS),
}
