"""How far our scores may lie from published scores of the same files.

| basis      | what it means                                                                       |
|------------|-------------------------------------------------------------------------------------|
| `measured` | 193 images scored here and compared with their authors' log (docs/protocols.md)     |
| `reported` | the gap between two publications of one method on one set; an upper bound, because  |
|            | there the images had been restored a second time                                    |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """The largest absolute difference that still counts as the same score."""

    image: float | None  # per image; None for set metrics
    flat: float = 0.0  # per image whose reference is nearly of one colour, where that is more
    mean: float  # of the set's value: a mean, or the set metric itself
    basis: Literal["measured", "reported"]


TOLERANCES = {
    "psnr@y601": Tolerance(image=1e-5, mean=1e-5, basis="measured"),
    "ssim@y601": Tolerance(image=2e-6, mean=2e-6, basis="measured"),
    # Two float32 orders of the luma's matrix product round differently at exact halves.
    "niqe@pyiqa": Tolerance(image=0.02, mean=1e-3, basis="measured"),
    # The log was computed with TF32 convolutions: float32 differs from it by TF32's rounding.
    "lpips@alex": Tolerance(image=4e-4, mean=1e-5, basis="measured"),
    "lpips@alex-tf32": Tolerance(image=4e-6, mean=1e-6, basis="measured"),
    # Its covariances are differences of means: of a flat image, the order of the sums decides.
    "dists@vgg16": Tolerance(image=5e-5, flat=5e-4, mean=1e-5, basis="measured"),
    "dists@vgg16-tf32": Tolerance(image=1.5e-5, flat=5e-4, mean=1e-5, basis="measured"),
    "maniqa@pipal": Tolerance(image=1e-3, mean=1e-3, basis="reported"),
    "clipiqa@rn50": Tolerance(image=1e-3, mean=1e-3, basis="reported"),
    "musiq@koniq": Tolerance(image=0.05, mean=0.05, basis="reported"),
    "fid@clean": Tolerance(image=None, mean=0.2, basis="reported"),
}
