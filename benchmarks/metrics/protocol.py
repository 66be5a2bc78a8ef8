"""Protocols: which metrics, on which data sets, under which rule; with a hash for every table."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.api.names import unknown
from benchmarks.metrics.catalogue import METRICS

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec

_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What makes two tables comparable."""

    id: str  # "mfsr-paper-v1"
    title: str
    rule: str  # what is scored: quantisation and crop
    datasets: tuple[str, ...]  # data set ids, in the order of tables
    with_reference: tuple[str, ...]  # metric ids where HR images exist, in the order of columns
    without_reference: tuple[str, ...]  # metric ids elsewhere

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metric ids of the protocol, each once."""
        return tuple(dict.fromkeys(self.with_reference + self.without_reference))

    @property
    def hash(self) -> str:
        """Hash of all in the protocol that could change a number.

        It says nothing of installed versions: the same protocol has one hash on every machine, and
        a run records the versions beside it.
        """
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]

    def as_json(self) -> dict[str, Any]:
        """Return as plain data what the hash is taken of."""
        specs = {spec.id: spec for spec in METRICS}
        return {
            "id": self.id,
            "rule": self.rule,
            "datasets": self.datasets,
            "with_reference": self.with_reference,
            "without_reference": self.without_reference,
            "metrics": {metric: _identity(specs[metric]) for metric in self.metrics},
        }


def _identity(spec: MetricSpec) -> dict[str, Any]:
    return {
        "definition": spec.definition,
        "settings": dict(spec.settings),
        "version": spec.version,
        "weights": {weight.name: weight.sha256 or weight.sha256_prefix for weight in spec.weights}
        | dict.fromkeys(spec.shipped, ""),
    }


# As the one-step diffusion papers print them; OSEDiff's script and log state the conventions. For
# LIQE no paper says which weights: `koniq` is what pyiqa's bare name `liqe` loads.
MFSR_PAPER = Protocol(
    id="mfsr-paper-v1",
    title="Convention of the one-step Real-ISR papers (OSEDiff, TSD-SR, MFSR)",
    rule="The saved 8-bit RGB PNG is scored at full size, no border cropped; networks run in "
    "float32, without autocast.",
    datasets=("div2k-val", "realsr", "drealsr", "reallq250", "reallr200"),
    with_reference=(
        "psnr@y601",
        "ssim@y601",
        "lpips@alex",
        "dists@vgg16",
        "fid@clean",
        "niqe@pyiqa",
        "musiq@koniq",
        "maniqa@pipal",
        "clipiqa@rn50",
    ),
    without_reference=(
        "niqe@pyiqa",
        "musiq@koniq",
        "maniqa@pipal",
        "clipiqa@rn50",
        "liqe@koniq",
    ),
)

# As OFTSR's program and scripts have it (evaluate.py, fid.py).
OFTSR_BICUBIC = Protocol(
    id="oftsr-bicubic",
    title="Bicubic x4 as the OFTSR paper reports it: PSNR over RGB against LPIPS and FID",
    rule=MFSR_PAPER.rule,
    datasets=("div2k-bicubic",),
    with_reference=("psnr@rgb", "lpips@alex", "fid@legacy-tensorflow"),
    without_reference=(),
)

PROTOCOLS = {protocol.id: protocol for protocol in (MFSR_PAPER, OFTSR_BICUBIC)}


def find(name: str) -> Protocol:
    """Return a protocol by id.

    Raises:
        UnknownNameError: there is none of that id.
    """
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS, see="mfsr-bench list protocols")
    return PROTOCOLS[name]
