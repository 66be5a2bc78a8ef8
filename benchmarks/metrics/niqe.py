"""NIQE as pyiqa computes it, several times faster.

Mittal et al. 2013: the distance between two Gaussians over natural-scene features, one fitted to
the image's 96 x 96 blocks, one to pristine photographs (the model file). Rows and columns that do
not fill a block are dropped at the right and bottom border: a 512 x 512 image loses 32 of each, and
its value changes by up to 0.7 when it is mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.api.errors import ScoreError, WeightsCorruptError
from benchmarks.api.metric import SampleMetric
from benchmarks.metrics.luma import grey_levels
from benchmarks.metrics.niqe_features import FEATURES, block_features, half_size, normalised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.api.metric import MetricRuntime
    from benchmarks.metrics.arithmetic import Arithmetic
    from benchmarks.metrics.luma import Space

BLOCK = 96  # pixels per side; half of it on the second scale


@dataclass(frozen=True, slots=True)
class PristineModel:
    """The Gaussian of pristine photographs over the features of both scales."""

    mean: NDArray[np.float64]  # (36,)
    covariance: NDArray[np.float64]  # (36, 36)


_SHIPPED = Path(__file__).parent / "niqe_model" / "pristine.npz"


def shipped_model() -> PristineModel:
    """Return the model of the NIQE release, which pyiqa uses; its licence lies beside it."""
    with np.load(_SHIPPED, allow_pickle=False) as parameters:
        return PristineModel(parameters["mean"], parameters["covariance"])


def read_model(path: Path) -> PristineModel:
    """Read a model from a MATLAB file with `mu_prisparam` and `cov_prisparam`.

    Raises:
        WeightsCorruptError: the file is not such a model.
    """
    from scipy.io import loadmat

    try:
        parameters = loadmat(path)
        mean = np.ravel(parameters["mu_prisparam"]).astype(np.float64)
        covariance = np.asarray(parameters["cov_prisparam"], dtype=np.float64)
    except Exception as error:
        raise _corrupt(path, f"{type(error).__name__}: {error}") from None
    size = 2 * FEATURES
    if mean.shape != (size,) or covariance.shape != (size, size):
        raise _corrupt(path, f"shapes {mean.shape} and {covariance.shape}")
    return PristineModel(mean, covariance)


def _corrupt(path: Path, why: str) -> WeightsCorruptError:
    return WeightsCorruptError(
        f"{path} is not a NIQE model: {why}",
        "Delete the file and run: mfsr-bench weights fetch metrics",
    )


def niqe(
    levels: NDArray[np.float64], model: PristineModel, arithmetic: Arithmetic = "cuda"
) -> float:
    """Return the NIQE of grey levels (h, w), 0 to 255.

    Raises:
        ScoreError: the image holds no block, or only blocks without texture.
    """
    rows, columns = (side // BLOCK for side in levels.shape)
    if not rows or not columns:
        raise ScoreError(
            f"NIQE needs {BLOCK} x {BLOCK} pixels; the image has "
            f"{levels.shape[1]} x {levels.shape[0]}."
        )
    full = levels[: rows * BLOCK, : columns * BLOCK]
    features = np.hstack(
        [
            block_features(normalised(full), BLOCK),
            block_features(normalised(half_size(full, arithmetic)), BLOCK // 2),
        ]
    )  # (blocks, 36)
    return _distance(features, model)


def _distance(features: NDArray[np.float64], model: PristineModel) -> float:
    """Return the distance of eq. 10; a block without texture has NaN among its features."""
    valid = ~np.isnan(features)
    whole = features[valid.all(axis=1)]
    if not len(whole):
        raise ScoreError("NIQE has no value: every block of the image is flat.")
    # As pyiqa and MATLAB: the mean leaves out single features, the covariance whole blocks.
    mean = np.where(valid, features, 0).sum(axis=0) / valid.sum(axis=0)
    centred = whole - whole.mean(axis=0)
    covariance = centred.T @ centred / max(len(whole) - 1, 1)
    pooled = (model.covariance + covariance) / 2
    difference = model.mean - mean
    inverse = np.linalg.pinv(pooled, rcond=len(pooled) * np.finfo(np.float64).eps)
    return float(np.sqrt(difference @ inverse @ difference))


class Niqe(SampleMetric):
    """NIQE with one pristine model."""

    def __init__(
        self,
        model: PristineModel,
        space: Space = "yiq",
        crop: int = 0,
        arithmetic: Arithmetic = "cuda",
    ) -> None:
        self.model = model
        self.space = space
        self.crop = crop
        self.arithmetic = arithmetic

    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score images (h, w, 3); there is no reference."""
        inner = slice(self.crop, -self.crop or None)
        cropped = [grey_levels(sr[inner, inner], self.space, self.arithmetic) for sr in srs]
        return [niqe(levels, self.model, self.arithmetic) for levels in cropped]


def load(runtime: MetricRuntime) -> Niqe:
    """Build the variant that the spec describes: with its weight file, or the shipped model."""
    settings: Any = runtime.spec.settings
    files = [runtime.weight(weight.name) for weight in runtime.spec.weights]
    return Niqe(
        read_model(files[0]) if files else shipped_model(),
        settings.get("space", "yiq"),
        settings.get("crop", 0),
        settings.get("arithmetic", "cuda"),
    )
