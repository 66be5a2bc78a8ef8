"""A metric's full version: all that could change a value of it on this machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import PluginError
from benchmarks.api.metric import WEIGHTS_OWNER
from benchmarks.api.weight_checks import check, is_packaged

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.weights import WeightStore


def metric_version(spec: MetricSpec, store: WeightStore, sha256: Callable[[Path], str]) -> str:
    """Return our version, the packages' versions and the weights' hashes, as one line.

    It keys stored scores, so equal versions must mean equal values. It imports no package. A file
    that was converted from a package goes by its own name and hash: another version than the
    official file's, whose tensors may be equal but have not been compared.

    Args:
        spec: the metric.
        store: where its weights lie.
        sha256: the hash of a file; one that remembers makes this cheap.

    Raises:
        WeightsMissingError: a weight file is not here.
        WeightsCorruptError: a weight file is not the one that the spec names.
        PluginError: a package is not installed.
    """
    parts = [f"v{spec.version}"]
    parts += [f"{package}={_installed(spec, package)}" for package in spec.packages]
    for weight in spec.weights:
        path = store.require(WEIGHTS_OWNER, weight)
        name = weight.packaged_name if is_packaged(weight, path) else weight.name
        parts.append(f"{name}={check(weight, path, sha256)}")
    return " ".join(parts)


_version = cache(version)  # each look parses the package's description


def _installed(spec: MetricSpec, package: str) -> str:
    try:
        return _version(package)
    except PackageNotFoundError:
        raise PluginError(
            f"Metric '{spec.id}' needs the package {package}, which is not installed.",
            "Install mfsr-bench again in a new virtual environment.",
        ) from None
