"""Metrics of whole sets of images: FID. They never mean anything without the number of images."""

from __future__ import annotations

from benchmarks.api.metric import MetricSpec
from benchmarks.metrics import weight_files


def _fid(variant: str, resizing: str, used_by: tuple[str, ...]) -> MetricSpec:
    return MetricSpec(
        id=f"fid@{variant}",
        title="FID",
        higher_is_better=False,
        needs_reference=True,
        definition=f"Frechet distance of Inception features (2015 weights, 2048-d), {resizing}, "
        "between the SR and the HR images of a set.",
        loader="benchmarks.metrics.fid:load",
        settings={"mode": variant.replace("-", "_")},
        level="set",
        value_range=(0.0, 300.0),
        decimals=2,
        packages=("clean-fid", "numpy", "pillow", "torch", "torchvision"),
        weights=(weight_files.INCEPTION,),
        used_by=used_by,
        licence="MIT",
        note="Strongly biased by the number of images: compare only within one set.",
    )


SETS = (
    _fid(
        "clean",
        "each image resized to 299 with Pillow's antialiased bicubic filter in float",
        ("OSEDiff", "TSD-SR", "S3Diff", "MFSR", "pyiqa fid", "clean-fid"),
    ),
    _fid(
        "legacy-pytorch",
        "each image resized to 299 with PyTorch's bilinear filter, not antialiased",
        ("pytorch-fid", "clean-fid legacy_pytorch"),
    ),
    _fid(
        "legacy-tensorflow",
        "each image resized to 299 with TensorFlow 1's bilinear filter",
        ("the FID paper's own code", "clean-fid legacy_tensorflow"),
    ),
)
