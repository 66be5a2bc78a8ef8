"""Which conventions of a metric are in use, by whom, and which of them a number belongs to.

Every registered variant of a metric is one convention; pooled PSNR, which has no value per image,
is added here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from benchmarks.api.errors import UsageError
from benchmarks.metrics.protocol import MFSR_PAPER

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.metrics.protocol import Protocol

_EPSILON = 1e-8  # what PSNR adds to the mean squared error
POOLED = "-pooled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """One way in which a number of this name is computed."""

    id: str  # a metric id, or one that is derived from it
    definition: str
    used_by: tuple[str, ...]
    derived_from: str = ""  # the metric id whose values per image it is computed from


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A convention whose value of a folder is near an expected number."""

    convention: Convention
    value: float
    gap: float  # value - expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Two conventions that would explain why two numbers of one folder differ."""

    ours: str  # metric id that the first number would be
    expected: str  # metric id that the second number would be
    typical: tuple[float, float]  # expected - ours, lowest and highest that was measured


# Means over OSEDiff's published outputs, (RealSR, n = 100; DRealSR, n = 93): what a change of
# convention does to the same images. Computed with this package on 2026-11-21; MANIQA's are of
# SeeSR on RealSR, as cswry/SeeSR issue 30 gives them.
MEASURED: dict[str, tuple[float, ...]] = {
    "psnr@y601": (25.15110, 27.92428),
    "psnr@y601-crop4": (25.17190, 28.01740),
    "psnr@y601-u8": (25.14657, 27.91437),
    "psnr@y601-pooled": (24.48210, 26.15178),
    "psnr@yiq": (23.82918, 26.60238),
    "psnr@yiq-crop4": (23.84998, 26.69550),
    "psnr@rgb": (23.58951, 25.85177),
    "psnr@rgb-crop4": (23.61139, 25.93636),
    "psnr@rgb-pooled": (22.96166, 24.31728),
    "ssim@y601": (0.73408, 0.78346),
    "ssim@y601-crop4": (0.73457, 0.78387),
    "ssim@yiq": (0.70732, 0.75471),
    "ssim@yiq-crop4": (0.70784, 0.75512),
    "ssim@rgb": (0.69229, 0.73725),
    "ssim@skimage-gaussian": (0.73174, 0.78235),
    "ssim@skimage-uniform7": (0.72532, 0.77196),
    "ssim@torchmetrics": (0.73199, 0.78228),
    "niqe@pyiqa": (5.64759, 6.49022),
    "niqe@crop4": (5.63765, 6.50009),
    "niqe@y601": (5.68716, 6.63400),
    "maniqa@pipal": (0.6198,),
    "maniqa@koniq": (0.5050,),
}
# How far a number is rounded in print, by metric name: half a unit of the last digit.
_PRINTED = {"psnr": 0.005, "ssim": 5e-5, "niqe": 5e-4, "maniqa": 5e-5}


def parse_expected(text: str) -> tuple[str, float]:
    """Return the name of a metric and the value that somebody has of it.

    >>> parse_expected("PSNR@y601 = 26.85")
    ('psnr', 26.85)

    Raises:
        UsageError: it is not METRIC=VALUE.
    """
    name, equals, value = text.partition("=")
    try:
        if equals:
            return name.partition("@")[0].strip().lower(), float(value)
    except ValueError:
        pass
    raise UsageError(f"'{text}' is not METRIC=VALUE.", "Use, for instance: --expect psnr=26.85")


def conventions(specs: Iterable[MetricSpec], name: str) -> tuple[Convention, ...]:
    """Return the conventions of the metric called `name`, in the order of the catalogue."""
    found = []
    for spec in specs:
        if spec.name == name:
            found.append(Convention(id=spec.id, definition=spec.definition, used_by=spec.used_by))
            if spec.id in ("psnr@y601", "psnr@rgb"):
                found.append(_pooled(spec))
    return tuple(found)


def _pooled(spec: MetricSpec) -> Convention:
    return Convention(
        id=spec.id + POOLED,
        definition=f"{spec.definition[:-1]}, of the squared error pooled over all images.",
        used_by=("torchmetrics' PeakSignalNoiseRatio class by default",),
        derived_from=spec.id,
    )


def pooled_psnr(values: Sequence[float], pixels: Sequence[int] | None = None) -> float:
    """Return the PSNR of the squared error pooled over images, from their PSNR values.

    Args:
        values: PSNR of each image, in dB, of a convention that adds 1e-8 to the error.
        pixels: pixels of each image, where sizes differ.
    """
    weights = pixels or [1] * len(values)
    errors = [10 ** (-value / 10) - _EPSILON for value in values]
    mean = sum(e * w for e, w in zip(errors, weights, strict=True)) / sum(weights)
    return -10 * math.log10(mean + _EPSILON)


def nearest(
    found: Sequence[Convention], values: Mapping[str, float], expected: float
) -> tuple[Match, ...]:
    """Return which conventions give a folder the number that was expected, the nearest first.

    Args:
        found: conventions of one metric.
        values: a folder's value by convention id; those that were not computed are left out.
        expected: the number in a paper, or from another tool.
    """
    matches = [
        Match(convention=one, value=values[one.id], gap=values[one.id] - expected)
        for one in found
        if one.id in values
    ]
    return tuple(sorted(matches, key=lambda match: abs(match.gap)))


def explain(
    name: str, ours: float, expected: float, protocol: Protocol = MFSR_PAPER
) -> tuple[Explanation, ...]:
    """Return which mix-ups of conventions would turn `expected` into `ours`, the surest first.

    It needs no images: the effect of a change of convention on the same images is known roughly,
    that of the luma range on PSNR exactly (1.3219 dB). One side is the protocol's own convention.
    """
    gap = expected - ours
    printed = _PRINTED.get(name, 0.0)
    if abs(gap) <= 2 * printed:
        return ()
    fitting = []
    variants = [metric for metric in MEASURED if metric.partition("@")[0] == name]
    for first, second in permutations(variants, 2):
        if not {first, second} & set(protocol.metrics):
            continue
        gaps = [b - a for a, b in zip(MEASURED[first], MEASURED[second], strict=True)]
        low, high = min(gaps), max(gaps)
        margin = 2 * printed + (high - low) / 4  # other images, other methods
        if low - margin <= gap <= high + margin:
            fitting.append(Explanation(ours=first, expected=second, typical=(low, high)))
    return tuple(sorted(fitting, key=lambda e: e.typical[1] - e.typical[0]))
