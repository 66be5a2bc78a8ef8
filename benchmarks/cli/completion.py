"""What a shell offers for the ids in comma lists; it imports cards and nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks import registry

Completion = Callable[[str], list[str]]


def _of(known: Callable[[], Iterable[str]]) -> Completion:
    """Return what completes the last item of a comma list."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in known() if name.startswith(last)]

    return complete


def _methods() -> Iterable[str]:
    return registry.entries("restorers")


def _datasets() -> Iterable[str]:
    return registry.dataset_cards()


def _metrics() -> Iterable[str]:
    specs = registry.metric_specs()
    return dict.fromkeys(word for spec in specs.values() for word in (spec.name, spec.id))


def _protocols() -> Iterable[str]:
    from benchmarks.metrics.protocol import PROTOCOLS

    return PROTOCOLS


def _presets() -> Iterable[str]:
    from benchmarks.presets import presets

    return presets()


def _owners() -> Iterable[str]:
    return [*_methods(), *registry.entries("prompts"), *_metrics(), "metrics", "all"]


methods, datasets, metrics, protocols, presets, owners = map(
    _of, (_methods, _datasets, _metrics, _protocols, _presets, _owners)
)
COMPLETIONS: dict[str, Completion] = {
    "methods": methods,
    "datasets": datasets,
    "metrics": metrics,
    "protocol": protocols,
}
