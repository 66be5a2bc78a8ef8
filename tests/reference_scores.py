"""Writes sample_scores.csv: scores of enlarged photographs of the sample, by pyiqa's own networks.

    python tests/reference_scores.py > tests/benchmarks/conformance/sample_scores.csv

The photographs are in the public domain (benchmarks/datasets/sample/README.md); what is scored is
Pillow's bicubic enlargement of their LR images. No code of this project's metrics takes part; NIQE
has the model of its authors' release, which ships with the package.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pyiqa.archs.niqe_arch import NIQE
from pyiqa.archs.psnr_arch import PSNR
from pyiqa.archs.ssim_arch import SSIM
from scipy.io import savemat

from benchmarks.metrics.niqe import shipped_model

SAMPLE = Path(__file__).parents[1] / "benchmarks" / "datasets" / "sample"
NAMES = ("astronaut", "flowers", "otter")


def enlarged(name: str) -> Image.Image:
    """Return the image that is scored."""
    lr = Image.open(SAMPLE / "lr" / f"{name}.png")
    return lr.resize((4 * lr.width, 4 * lr.height), Image.Resampling.BICUBIC)


def _tensor(image: Image.Image) -> torch.Tensor:
    pixels = torch.from_numpy(np.asarray(image.convert("RGB")).copy())
    return (pixels.float() / 255).permute(2, 0, 1)[None]


def main() -> None:
    """Print the scores."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "niqe.mat"
        model = shipped_model()
        savemat(path, {"mu_prisparam": model.mean[None], "cov_prisparam": model.covariance})
        niqe = NIQE(pretrained_model_path=str(path))
    on_luma = {"test_y_channel": True, "color_space": "ycbcr"}
    psnr, ssim = PSNR(**on_luma), SSIM(**on_luma)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(("image", "PSNR", "SSIM", "NIQE"))
    for name in NAMES:
        sr, hr = _tensor(enlarged(name)), _tensor(Image.open(SAMPLE / "hr" / f"{name}.png"))
        values = psnr(sr, hr).item(), ssim(sr, hr).item(), niqe(sr).item()
        rows.writerow((f"{name}.png", *(f"{value:.6f}" for value in values)))


if __name__ == "__main__":
    main()
