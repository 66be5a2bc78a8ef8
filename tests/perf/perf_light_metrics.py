"""PSNR, SSIM and NIQE of the 17 realsr-mini pairs against the loop that calls pyiqa per image.

Without the shared photographs it runs on as many made ones of the same size.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from ratios import Ratio, cpu_seconds, show
from scipy.io import savemat

from benchmarks import registry
from benchmarks.api.images import write_png
from benchmarks.api.weights import WeightStore
from benchmarks.metrics.niqe import shipped_model
from benchmarks.metrics.scoring import Scorer

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
METRICS = ("psnr@y601", "ssim@y601", "niqe@pyiqa")
Pairs = list[tuple[Path, Path]]


def pairs_in(folder: Path) -> Pairs:
    mini = _DATA / "realsr-mini"
    if mini.is_dir():
        return [(path, mini / "hr" / path.name) for path in sorted((mini / "osediff").iterdir())]
    random = np.random.default_rng(0)
    pairs = []
    for k in range(17):
        hr = random.integers(0, 256, (16, 16, 3)).repeat(32, 0).repeat(32, 1)
        for name in ("sr", "hr"):
            image = np.clip(hr + random.normal(0, 12, hr.shape), 0, 255).astype(np.uint8)
            write_png(folder / f"{k}_{name}.png", image)
        pairs.append((folder / f"{k}_sr.png", folder / f"{k}_hr.png"))
    return pairs


def _model_for_pyiqa(folder: Path) -> Path:
    path, model = folder / "model.mat", shipped_model()
    savemat(path, {"mu_prisparam": model.mean[None], "cov_prisparam": model.covariance})
    return path


def _pyiqa_loop(pairs: Pairs, model: Path) -> list[float]:
    import torch
    from pyiqa.archs.niqe_arch import NIQE
    from pyiqa.archs.psnr_arch import PSNR
    from pyiqa.archs.ssim_arch import SSIM
    from pyiqa.utils.img_util import imread2tensor

    torch.set_num_threads(1)
    psnr = PSNR(test_y_channel=True, color_space="ycbcr")
    ssim = SSIM(test_y_channel=True, color_space="ycbcr")
    niqe = NIQE(pretrained_model_path=model)
    values = []
    with torch.no_grad():
        for paths in pairs:
            sr, hr = (imread2tensor(str(path), rgb=True)[None] for path in paths)
            values += [psnr(sr, hr).item(), ssim(sr, hr).item(), niqe(sr).item()]
    return values


def _ours(pairs: Pairs, scorer: Scorer) -> list[float]:
    values: list[float] = []
    for sr, hr in pairs:
        scores = scorer.score_image({"sr": sr}, hr)
        values += [scores["sr", metric] for metric in METRICS]
    return values


def main() -> bool:
    """Measure and print; return whether the target is reached."""
    folder = Path(tempfile.mkdtemp())
    try:
        pairs, model = pairs_in(folder), _model_for_pyiqa(folder)
        specs = registry.metric_specs()
        scorer = Scorer([specs[metric] for metric in METRICS], store=WeightStore(folder))
        _ours(pairs[:1], scorer)  # imports
        _pyiqa_loop(pairs[:1], model)
        ours = cpu_seconds(lambda: _ours(pairs, scorer))
        alternative = cpu_seconds(lambda: _pyiqa_loop(pairs, model))
        difference = np.abs(np.subtract(_ours(pairs[:3], scorer), _pyiqa_loop(pairs[:3], model)))
        assert difference.max() < 0.02, difference  # NIQE's float32 order; see arithmetic.py
    finally:
        shutil.rmtree(folder)
    name = f"PSNR + SSIM + NIQE of {len(pairs)} pairs, pyiqa loop"
    return show([Ratio(name=name, ours=ours, alternative=alternative, target=10)])


if __name__ == "__main__":
    raise SystemExit(not main())
