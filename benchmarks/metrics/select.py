"""From the metric names that a user types to specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from benchmarks import registry
from benchmarks.api.errors import UsageError
from benchmarks.api.names import unknown

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.metrics.protocol import Protocol

ALL = "all"
_SEE = "mfsr-bench list metrics"


def select(
    names: Iterable[str], protocol: Protocol, specs: Mapping[str, MetricSpec] | None = None
) -> tuple[MetricSpec, ...]:
    """Return the metrics that `names` stand for, each once, in the order they were named.

    A name is an id (`maniqa@koniq`), a bare name that the protocol fixes (`maniqa` is
    `maniqa@pipal`) or that has one variant only, or `all` for every registered metric.

    Raises:
        UnknownNameError: no metric goes by a name.
        UsageError: a bare name could mean several metrics.
    """
    known = registry.metric_specs() if specs is None else specs
    found: dict[str, MetricSpec] = {}
    for name in names:
        for metric in known if name == ALL else (_id_of(name, protocol, known),):
            found[metric] = known[metric]
    return tuple(found.values())


def of_protocol(
    protocol: Protocol, *, has_reference: bool, specs: Mapping[str, MetricSpec] | None = None
) -> tuple[MetricSpec, ...]:
    """Return the metrics of a protocol for a data set with or without HR images."""
    known = registry.metric_specs() if specs is None else specs
    ids = protocol.with_reference if has_reference else protocol.without_reference
    return tuple(known[metric] for metric in ids)


def _id_of(name: str, protocol: Protocol, known: Mapping[str, MetricSpec]) -> str:
    fixed = [one for one in protocol.metrics if one.partition("@")[0] == name and one in known]
    if len(fixed) == 1:
        return fixed[0]
    if name in known:
        return name
    variants = [metric for metric, spec in known.items() if spec.name == name]
    if len(variants) == 1:
        return variants[0]
    if variants:
        raise UsageError(
            f"Metric '{name}' has several conventions and {protocol.id} fixes none: "
            f"{', '.join(variants)}.",
            f"Name one of them. See: {_SEE}",
        )
    names = {spec.name for spec in known.values()}
    raise unknown("metric", name, [*known, *sorted(names), ALL], see=_SEE)
