"""The test sets that are known, as data."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.api.card import HubFile
from benchmarks.api.dataset import DatasetCard, Source

# OSEDiff's repository holds the crops of RealSR and DRealSR that papers report on.
_OSEDIFF = (
    "https://raw.githubusercontent.com/cswry/OSEDiff/"
    "fcc4f09c7ed66a9bc0ba9433940d76b343142426/preset/datasets"
)
# StableSR's test sets: one archive, S-Lab License 1.0.
_STABLESR = HubFile(repo="Iceclear/StableSR-TestSets", filename="StableSR_testsets.zip")
_CROPS = "128x128 LR and 512x512 HR centre crops, made by the authors of StableSR."


def _crop_sources(osediff: str, stablesr: str, size: int) -> tuple[Source, Source]:
    """Return where one of the two sets of crops is: `size` bytes by file, or in the archive."""
    return (
        Source(
            files=(
                ("lr", f"{_OSEDIFF}/{osediff}/test_LR/{{name}}"),
                ("hr", f"{_OSEDIFF}/{osediff}/test_HR/{{name}}"),
            ),
            bytes=size,
        ),
        Source(
            hub=_STABLESR,
            unpack=(
                ("lr", f"StableSR_testsets/{stablesr}/test_LR"),
                ("hr", f"StableSR_testsets/{stablesr}/test_HR"),
            ),
        ),
    )


REALSR = DatasetCard(
    id="realsr",
    title="RealSR",
    n=100,
    has_reference=True,
    lr_size=(128, 128),
    licence="none stated by its authors; used for research",
    homepage="https://github.com/csjcai/RealSR",
    manifest="benchmarks.datasets:manifests/realsr.csv",
    sources=_crop_sources("benchmark_realsr", "RealSRVal_crop128", 40_899_758),
    not_to_confuse="the full-size RealSR test images, which the ResShift family reports on",
    note=f"50 Canon and 50 Nikon photographs. {_CROPS} LR and HR files have the same names, "
    "all ending in _LR4.png.",
)

DREALSR = DatasetCard(
    id="drealsr",
    title="DRealSR",
    n=93,
    has_reference=True,
    lr_size=(128, 128),
    licence="none stated by its authors; used for research",
    homepage="https://github.com/xiezw5/Component-Divide-and-Conquer-for-Real-World-Image-Super-Resolution",
    manifest="benchmarks.datasets:manifests/drealsr.csv",
    sources=_crop_sources("benchmark_drealsr", "DrealSRVal_crop128", 35_731_518),
    not_to_confuse="the full-size DRealSR test images, thousands of pixels wide",
    note=f"{_CROPS} LR and HR files have the same names, all ending in _x1.png.",
)

DIV2K_VAL = DatasetCard(
    id="div2k-val",
    title="DIV2K-Val",
    n=100,
    has_reference=True,
    lr_size=(128, 128),
    kind="made",
    licence="DIV2K: academic research only",
    homepage="https://data.vision.ee.ethz.ch/cvl/DIV2K/",
    sources=(
        Source(
            archive="https://data.vision.ee.ethz.ch/cvl/DIV2K/DIV2K_valid_HR.zip",
            unpack=(("hr", "DIV2K_valid_HR"),),
            bytes=449_000_000,
            note="the 100 validation images; about 449 MB",
        ),
    ),
    not_to_confuse="div2k-val-3k, StableSR's 3000 crops, which most papers call DIV2K-Val",
    note="One random 512x512 crop of each of the 100 DIV2K validation images, degraded as in "
    "Real-ESRGAN: the recipe of the MFSR paper. The paper's own 100 crops are not published; "
    "these are defined by a seed, so scores on them are not the paper's.",
)

DIV2K_BICUBIC = replace(
    DIV2K_VAL,
    id="div2k-bicubic",
    title="DIV2K-bicubic",
    not_to_confuse="div2k-val and div2k-val-3k, whose LR images are degraded as photographs are",
    note="The central 512x512 of each DIV2K validation image and its LR image by PyTorch's "
    "antialiased bicubic filter, rounded to 8 bits: OFTSR's set, scored by the protocol "
    "oftsr-bicubic. Not a Real-ISR set.",
)

DIV2K_VAL_3K = DatasetCard(
    id="div2k-val-3k",
    title="DIV2K-Val-3k",
    n=3000,
    has_reference=True,
    lr_size=(128, 128),
    licence="S-Lab License 1.0 (non-commercial); the photographs: DIV2K, academic research only",
    homepage="https://github.com/IceClear/StableSR",
    sources=(
        Source(
            hub=_STABLESR,
            unpack=(
                ("lr", "StableSR_testsets/DIV2K_V2_val/lq"),
                ("hr", "StableSR_testsets/DIV2K_V2_val/gt"),
            ),
        ),
    ),
    not_to_confuse="div2k-val, the 100 crops of the MFSR paper: FID there is about four times this",
    note="StableSR's DIV2K_V2_val: 128x128 LR and 512x512 HR crops. No official hashes are known.",
)

REALLQ250 = DatasetCard(
    id="reallq250",
    title="RealLQ250",
    n=250,
    has_reference=False,
    licence="not stated by its authors (DreamClear); used for research",
    homepage="https://github.com/shallowdream204/DreamClear",
    sources=(
        Source(
            page="https://drive.google.com/file/d/16uWuJOyGMw5fbXHGcl6GOmxYJb_Szrqe/view",
            unpack=(("lr", "lq"),),
            note="download the RealLQ250 archive",
        ),
    ),
    note="Whole photographs 001 to 250 without references; their 4x results need tiling, which "
    "differs by method. No official hashes are known.",
)

REALLR200 = DatasetCard(
    id="reallr200",
    title="RealLR200",
    n=200,
    has_reference=False,
    licence="not stated by its authors (SeeSR); used for research",
    homepage="https://github.com/cswry/SeeSR",
    sources=(
        Source(
            page="https://drive.google.com/drive/folders/1L2VsQYQRKhWJxe6yWZU9FgBWSgBCk6mz",
            unpack=(("lr", "RealLR200"),),
            note="download the folder RealLR200, which Google Drive packs as an archive",
        ),
    ),
    note="Whole photographs 001 to 200 of various sizes without references. "
    "No official hashes are known.",
)

SAMPLE = DatasetCard(
    id="sample",
    title="Sample",
    n=8,
    has_reference=True,
    lr_size=(128, 128),
    kind="built-in",
    licence="CC0-1.0 and public domain, by photograph",
    homepage="https://github.com/BuddiesOfBudgie/budgie-backgrounds",
    manifest="benchmarks.datasets:manifests/sample.csv",
    note="Eight 512x512 photographs, degraded as by a camera: one blur, little noise, mild JPEG. "
    "For trying things out: eight images are too few for conclusions. Not to be trained on.",
)

CARDS = (
    REALSR,
    DREALSR,
    DIV2K_VAL,
    DIV2K_BICUBIC,
    DIV2K_VAL_3K,
    REALLQ250,
    REALLR200,
    SAMPLE,
)
