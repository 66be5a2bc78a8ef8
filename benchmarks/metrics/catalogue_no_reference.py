"""No-reference metrics of single images: NIQE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.api.metric import MetricSpec
from benchmarks.metrics import weight_files

if TYPE_CHECKING:
    from benchmarks.api.card import WeightFile

_ONE_STEP = ("OSEDiff", "TSD-SR", "MFSR")


def _niqe(
    variant: str,
    definition: str,
    settings: dict[str, str | int],
    *,
    weight: WeightFile = weight_files.NIQE,
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
        weights=(weight,),
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
        "As niqe@pyiqa, with the float32 order of a CPU.",
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
        weight=weight_files.NIQE_MATLAB,
        used_by=("pyiqa niqe_matlab",),
    ),
)

NO_REFERENCE = _NIQE
