"""No-reference metrics of single images: NIQE, MUSIQ, MANIQA, CLIPIQA, LIQE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.api.metric import MetricSpec
from benchmarks.metrics import weight_files

if TYPE_CHECKING:
    from benchmarks.api.card import WeightFile

_PYIQA_LICENCE = "PolyForm-Noncommercial-1.0.0"
_PYIQA = ("pyiqa", "torch", "torchvision")
_ONE_STEP = ("OSEDiff", "TSD-SR", "MFSR")


def _niqe(
    variant: str,
    definition: str,
    settings: dict[str, str | int],
    *,
    weights: tuple[WeightFile, ...] = (),
    used_by: tuple[str, ...] = (),
    note: str = "",
) -> MetricSpec:
    return MetricSpec(
        id=f"niqe@{variant}",
        title="NIQE",
        higher_is_better=False,
        needs_reference=False,
        definition=definition,
        loader="benchmarks.metrics.niqe:load",
        settings=settings,
        value_range=(0.0, 20.0),
        light=True,
        minimum_side=96 + 2 * int(settings.get("crop", 0)),
        packages=("numpy", "opencv-python-headless", "scipy"),
        weights=weights,
        shipped=() if weights else ("niqe_modelparameters.mat",),
        used_by=used_by,
        note=note or "Below 192 pixels per side one block is left: the value means little.",
    )


_NIQE = (
    _niqe(
        "pyiqa",
        "NIQE of full-range luma (YIQ) in whole grey levels, blocks of 96, scales 1 and 1/2, with "
        "pyiqa's pristine model and the float32 order of a GPU; no border cropped.",
        {"space": "yiq"},
        used_by=(*_ONE_STEP, "S3Diff"),
    ),
    _niqe(
        "pyiqa-cpu",
        "As niqe@pyiqa, with float32 rounded after each operation, as on many CPUs.",
        {"space": "yiq", "arithmetic": "cpu"},
        used_by=("pyiqa run on a CPU",),
    ),
    _niqe(
        "crop4",
        "As niqe@pyiqa, 4 border pixels cropped.",
        {"space": "yiq", "crop": 4},
        used_by=("cswry/SeeSR issue 60", "pyiqa niqe with crop_border=4"),
    ),
    _niqe(
        "y601",
        "As niqe@pyiqa, of BT.601 studio-range luma.",
        {"space": "y601"},
        used_by=("pyiqa niqe with color_space='ycbcr'",),
    ),
    _niqe(
        "matlab",
        "As niqe@pyiqa, with the pristine model of MATLAB's toolbox: another scale.",
        {"space": "yiq"},
        weights=(weight_files.NIQE_MATLAB,),
        used_by=("pyiqa niqe_matlab",),
    ),
)


def _musiq(
    variant: str,
    trained_on: str,
    pyiqa: str,
    weight: WeightFile,
    *,
    value_range: tuple[float, float] = (0.0, 100.0),
    decimals: int = 2,
    used_by: tuple[str, ...] = (),
) -> MetricSpec:
    return MetricSpec(
        id=f"musiq@{variant}",
        title="MUSIQ",
        higher_is_better=True,
        needs_reference=False,
        definition=f"MUSIQ trained on {trained_on}: full size and longer sides of 224 and 384.",
        loader="benchmarks.metrics.deep.no_reference:load",
        settings={"pyiqa": pyiqa},
        value_range=value_range,
        decimals=decimals,
        minimum_side=32,
        packages=_PYIQA,
        weights=(weight,),
        used_by=used_by,
        licence=_PYIQA_LICENCE,
        note="Depends on the image's size.",
    )


_MUSIQ = (
    _musiq(
        "koniq",
        "KonIQ-10k",
        "musiq",
        weight_files.MUSIQ_KONIQ,
        used_by=(*_ONE_STEP, "S3Diff", "SinSR"),
    ),
    _musiq(
        "ava",
        "AVA",
        "musiq-ava",
        weight_files.MUSIQ_AVA,
        value_range=(1.0, 10.0),
        decimals=4,
        used_by=("pyiqa musiq-ava",),
    ),
    _musiq("paq2piq", "PaQ-2-PiQ", "musiq-paq2piq", weight_files.MUSIQ_PAQ2PIQ, used_by=("pyiqa",)),
    _musiq("spaq", "SPAQ", "musiq-spaq", weight_files.MUSIQ_SPAQ, used_by=("pyiqa", "VBench")),
)


def _maniqa(
    variant: str, trained_on: str, pyiqa: str, weight: WeightFile, used_by: tuple[str, ...]
) -> MetricSpec:
    return MetricSpec(
        id=f"maniqa@{variant}",
        title="MANIQA",
        higher_is_better=True,
        needs_reference=False,
        definition=f"MANIQA trained on {trained_on}: mean of 20 crops of 224 on a regular grid.",
        loader="benchmarks.metrics.deep.no_reference:load",
        settings={"pyiqa": pyiqa},
        minimum_side=8,
        packages=(*_PYIQA, "timm"),
        weights=(weight,),
        used_by=used_by,
        licence=_PYIQA_LICENCE,
        note="Of a 512 x 512 image the grid never sees the bottom 72 rows. pyiqa before 0.1.12 "
        "drew the crops at random. Sides up to 224 are enlarged first.",
    )


_MANIQA = (
    _maniqa(
        "pipal",
        "PIPAL",
        "maniqa-pipal",
        weight_files.MANIQA_PIPAL,
        (*_ONE_STEP, "SeeSR"),
    ),
    _maniqa(
        "koniq",
        "KonIQ-10k",
        "maniqa",
        weight_files.MANIQA_KONIQ,
        ("S3Diff's script", "pyiqa maniqa from 0.1.10"),
    ),
    _maniqa(
        "kadid", "KADID-10k", "maniqa-kadid", weight_files.MANIQA_KADID, ("pyiqa maniqa-kadid",)
    ),
)


def _clipiqa(
    variant: str,
    definition: str,
    pyiqa: str,
    weights: tuple[WeightFile, ...],
    used_by: tuple[str, ...],
) -> MetricSpec:
    return MetricSpec(
        id=f"clipiqa@{variant}",
        title="CLIPIQA" if pyiqa == "clipiqa" else "CLIPIQA+",
        higher_is_better=True,
        needs_reference=False,
        definition=definition,
        loader="benchmarks.metrics.deep.no_reference:load_clipiqa",
        settings={"pyiqa": pyiqa},
        minimum_side=32,
        packages=(*_PYIQA, "openai-clip"),
        weights=weights,
        used_by=used_by,
        licence=_PYIQA_LICENCE,
    )


_CLIPIQA = (
    _clipiqa(
        "rn50",
        "CLIP-IQA as pyiqa computes it: CLIP RN50 at full size without position embedding, mean "
        "over five prompt pairs (the paper and torchmetrics use one).",
        "clipiqa",
        (weight_files.CLIP_RN50,),
        (*_ONE_STEP, "S3Diff", "SinSR"),
    ),
    _clipiqa(
        "plus",
        "CLIP-IQA+: CLIP RN50 without position embedding, learned prompts.",
        "clipiqa+",
        (weight_files.CLIP_RN50, weight_files.CLIPIQA_PLUS),
        ("pyiqa clipiqa+",),
    ),
    _clipiqa(
        "plus-rn50-512",
        "CLIP-IQA+: CLIP RN50 with position embedding, prompts learned at 512 pixels.",
        "clipiqa+_rn50_512",
        (weight_files.CLIP_RN50, weight_files.CLIPIQA_PLUS_RN50),
        ("pyiqa clipiqa+_rn50_512",),
    ),
    _clipiqa(
        "plus-vitl14-512",
        "CLIP-IQA+: CLIP ViT-L/14 with position embedding, prompts learned at 512 pixels.",
        "clipiqa+_vitL14_512",
        (weight_files.CLIP_VIT_L14, weight_files.CLIPIQA_PLUS_VIT_L14),
        ("pyiqa clipiqa+_vitL14_512",),
    ),
)


def _liqe(
    variant: str, trained_on: str, pyiqa: str, weight: WeightFile, used_by: tuple[str, ...]
) -> MetricSpec:
    return MetricSpec(
        id=f"liqe@{variant}",
        title="LIQE",
        higher_is_better=True,
        needs_reference=False,
        definition=f"LIQE trained on {trained_on}: CLIP ViT-B/32, 15 crops of 224.",
        loader="benchmarks.metrics.deep.no_reference:load",
        settings={"pyiqa": pyiqa},
        value_range=(1.0, 5.0),
        minimum_side=224,
        packages=(*_PYIQA, "openai-clip"),
        weights=(weight, weight_files.CLIP_VIT_B32),
        used_by=used_by,
        licence=_PYIQA_LICENCE,
    )


_LIQE = (
    _liqe("koniq", "KonIQ-10k", "liqe", weight_files.LIQE_KONIQ, ("pyiqa liqe",)),
    _liqe("mix", "six data sets at once", "liqe_mix", weight_files.LIQE_MIX, ("pyiqa liqe_mix",)),
)

NO_REFERENCE = (*_NIQE, *_MUSIQ, *_MANIQA, *_CLIPIQA, *_LIQE)
