"""Full-reference metrics of single images: PSNR, SSIM, LPIPS, DISTS."""

from __future__ import annotations

from benchmarks.api.metric import MetricSpec
from benchmarks.metrics import weight_files

_PYIQA_LICENCE = "PolyForm-Noncommercial-1.0.0"
_PYIQA = ("pyiqa", "torch", "torchvision")
_ONE_STEP = ("OSEDiff", "TSD-SR", "S3Diff", "SinSR", "MFSR")


def _psnr(
    variant: str,
    definition: str,
    channels: str,
    *,
    crop: int = 0,
    used_by: tuple[str, ...] = (),
    note: str = "",
) -> MetricSpec:
    return MetricSpec(
        id=f"psnr@{variant}",
        title="PSNR",
        higher_is_better=True,
        needs_reference=True,
        definition=definition,
        loader="benchmarks.metrics.psnr:load",
        settings={"channels": channels, "crop": crop},
        value_range=(0.0, 50.0),
        decimals=2,
        light=True,
        minimum_side=2 * crop + 1,
        packages=("numpy",),
        used_by=used_by,
        note=note or "Identical images have 80 dB: 1e-8 is added to the mean squared error.",
    )


_PSNR = (
    _psnr(
        "y601",
        "PSNR of BT.601 studio-range luma (16 to 235), unrounded, no border cropped.",
        "y601",
        used_by=_ONE_STEP,
    ),
    _psnr(
        "y601-crop4",
        "PSNR of BT.601 studio-range luma, unrounded, 4 border pixels cropped.",
        "y601",
        crop=4,
        used_by=("classical x4 SR papers", "SeeSR (as its issue 30 says)"),
    ),
    _psnr(
        "y601-u8",
        "PSNR of BT.601 studio-range luma rounded to whole grey levels, no border cropped.",
        "y601-rounded",
        used_by=("scikit-image or torchmetrics on 8-bit Y",),
        note="Within 2e-5 dB of scikit-image, which has no 1e-8 and gives identical images inf.",
    ),
    _psnr(
        "yiq",
        "PSNR of full-range luma (YIQ), unrounded, no border cropped.",
        "yiq",
        used_by=("pyiqa psnry", "pyiqa psnr with test_y_channel=True alone"),
        note="Exactly 20 log10(255 / 219) = 1.3219 dB below y601, but for the 1e-8.",
    ),
    _psnr(
        "yiq-crop4",
        "PSNR of full-range luma (YIQ), unrounded, 4 border pixels cropped.",
        "yiq",
        crop=4,
        used_by=("cswry/SeeSR issue 60",),
    ),
    _psnr(
        "rgb",
        "PSNR over the three RGB channels, no border cropped.",
        "rgb",
        used_by=("pyiqa psnr", "scikit-image", "torchmetrics"),
    ),
    _psnr(
        "rgb-crop4",
        "PSNR over the three RGB channels, 4 border pixels cropped.",
        "rgb",
        crop=4,
        used_by=("BasicSR test configurations for RGB",),
    ),
)


def _ssim(
    variant: str,
    definition: str,
    settings: dict[str, str | int],
    *,
    loader: str = "benchmarks.metrics.ssim:load",
    light: bool = True,
    minimum_side: int = 11,
    packages: tuple[str, ...] = ("numpy", "opencv-python-headless"),
    used_by: tuple[str, ...] = (),
    note: str = "",
) -> MetricSpec:
    return MetricSpec(
        id=f"ssim@{variant}",
        title="SSIM",
        higher_is_better=True,
        needs_reference=True,
        definition=definition,
        loader=loader,
        settings=settings,
        light=light,
        minimum_side=minimum_side,
        packages=packages,
        used_by=used_by,
        note=note,
    )


_SSIM = (
    _ssim(
        "y601",
        "SSIM (11 x 11 Gaussian, sigma 1.5, valid region, negative contrast-structure terms set "
        "to zero) of BT.601 studio-range luma in whole grey levels, no border cropped.",
        {"channels": "y601"},
        used_by=_ONE_STEP,
    ),
    _ssim(
        "y601-crop4",
        "As ssim@y601, 4 border pixels cropped.",
        {"channels": "y601", "crop": 4},
        minimum_side=19,
        used_by=("classical x4 SR papers", "SeeSR (as its issue 30 says)"),
    ),
    _ssim(
        "yiq",
        "As ssim@y601, of full-range luma (YIQ).",
        {"channels": "yiq"},
        used_by=("pyiqa ssim",),
    ),
    _ssim(
        "yiq-crop4",
        "As ssim@y601, of full-range luma (YIQ), 4 border pixels cropped.",
        {"channels": "yiq", "crop": 4},
        minimum_side=19,
        used_by=("cswry/SeeSR issue 60",),
    ),
    _ssim(
        "rgb",
        "As ssim@y601, the mean over the three RGB channels.",
        {"channels": "rgb"},
        used_by=("pyiqa ssimc",),
    ),
    _ssim(
        "skimage-gaussian",
        "scikit-image's SSIM with gaussian_weights, sigma 1.5, population covariance, of BT.601 "
        "studio-range luma in whole grey levels: ssim@y601 with negative terms kept.",
        {"window": "gaussian"},
        loader="benchmarks.metrics.library_ssim:load_skimage",
        packages=("numpy", "scikit-image", "scipy"),
        used_by=("scikit-image as Wang et al. 2004",),
    ),
    _ssim(
        "skimage-uniform7",
        "scikit-image's SSIM with its defaults (7 x 7 uniform window, sample covariance) of "
        "BT.601 studio-range luma in whole grey levels.",
        {"window": "uniform"},
        loader="benchmarks.metrics.library_ssim:load_skimage",
        minimum_side=7,
        packages=("numpy", "scikit-image", "scipy"),
        used_by=("scikit-image by default",),
    ),
    _ssim(
        "torchmetrics",
        "torchmetrics' SSIM with data_range=1 of unrounded BT.601 studio-range luma, float32.",
        {},
        loader="benchmarks.metrics.library_ssim:load_torchmetrics",
        light=False,
        packages=("torch", "torchmetrics"),
        used_by=("torchmetrics with data_range=1",),
        note="Without data_range torchmetrics infers it from the images: up to 0.14 lower.",
    ),
)

_DEEP = (
    MetricSpec(
        id="lpips@alex",
        title="LPIPS",
        higher_is_better=False,
        needs_reference=True,
        definition="LPIPS v0.1 with AlexNet, images in [-1, 1], full size.",
        loader="benchmarks.metrics.deep.lpips:load",
        settings={"pyiqa": "lpips"},
        minimum_side=31,
        packages=_PYIQA,
        weights=(weight_files.LPIPS_ALEX, weight_files.ALEXNET),
        used_by=_ONE_STEP,
        licence=_PYIQA_LICENCE,
    ),
    MetricSpec(
        id="lpips@alex-tf32",
        title="LPIPS",
        higher_is_better=False,
        needs_reference=True,
        definition="As lpips@alex, AlexNet's convolutions in TF32 as GPUs since Ampere compute "
        "them by default.",
        loader="benchmarks.metrics.deep.lpips:load",
        settings={"pyiqa": "lpips", "arithmetic": "tf32"},
        minimum_side=31,
        packages=_PYIQA,
        weights=(weight_files.LPIPS_ALEX, weight_files.ALEXNET),
        used_by=("OSEDiff's log", "whoever scores on a GPU with PyTorch's defaults"),
        licence=_PYIQA_LICENCE,
        note="Computed alike on every device, from rounded inputs and weights.",
    ),
    MetricSpec(
        id="lpips@vgg",
        title="LPIPS",
        higher_is_better=False,
        needs_reference=True,
        definition="LPIPS v0.1 with VGG16, images in [-1, 1], full size.",
        loader="benchmarks.metrics.deep.lpips:load",
        settings={"pyiqa": "lpips-vgg"},
        minimum_side=16,
        packages=_PYIQA,
        weights=(weight_files.LPIPS_VGG, weight_files.VGG16),
        used_by=("pyiqa lpips-vgg", "ResShift in training"),
        licence=_PYIQA_LICENCE,
    ),
    MetricSpec(
        id="dists@vgg16",
        title="DISTS",
        higher_is_better=False,
        needs_reference=True,
        definition="DISTS with VGG16 at full size.",
        loader="benchmarks.metrics.deep.dists:load",
        settings={"pyiqa": "dists"},
        minimum_side=16,
        packages=_PYIQA,
        weights=(weight_files.DISTS, weight_files.VGG16),
        used_by=("OSEDiff", "TSD-SR", "S3Diff", "MFSR"),
        licence=_PYIQA_LICENCE,
    ),
    MetricSpec(
        id="dists@vgg16-tf32",
        title="DISTS",
        higher_is_better=False,
        needs_reference=True,
        definition="As dists@vgg16, VGG16's convolutions but the first in TF32 as GPUs since "
        "Ampere compute them by default.",
        loader="benchmarks.metrics.deep.dists:load",
        settings={"pyiqa": "dists", "arithmetic": "tf32"},
        minimum_side=16,
        packages=_PYIQA,
        weights=(weight_files.DISTS, weight_files.VGG16),
        used_by=("OSEDiff's log", "whoever scores on a GPU with PyTorch's defaults"),
        licence=_PYIQA_LICENCE,
        note="Computed alike on every device, from rounded inputs and weights.",
    ),
    MetricSpec(
        id="dists@vgg16-resize256",
        title="DISTS",
        higher_is_better=False,
        needs_reference=True,
        definition="DISTS with VGG16 after resizing the shorter side to 256 where it is longer.",
        loader="benchmarks.metrics.deep.dists:load",
        settings={"pyiqa": "dists", "resize": 256},
        minimum_side=16,
        packages=(*_PYIQA, "pillow"),
        weights=(weight_files.DISTS, weight_files.VGG16),
        used_by=("the authors' own DISTS script",),
        licence=_PYIQA_LICENCE,
    ),
)

REFERENCE = (*_PSNR, *_SSIM, *_DEEP)
