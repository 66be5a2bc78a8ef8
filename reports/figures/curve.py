"""Two metrics over one option of a method: the curve along which a knob moves it.

Perception against distortion over a knob of fidelity, as in the OFTSR paper; any option will do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, UsageError
from benchmarks.results.directory import slug
from reports.figures.looks import Look, looks
from reports.figures.model import About, Values, arrow, headline, of_means
from reports.figures.points import Axis, Cloud, Plane, Planes, Point

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.identity import Dataset, Method, Metric

_DEFAULT = ("psnr", "lpips")  # distortion and perception, both against the reference


def curve_figures(
    comparison: Comparison,
    option: str | None = None,
    metrics: tuple[str, ...] | None = None,
    styles: Mapping[str, Look] | None = None,
) -> tuple[Planes, ...]:
    """Return the figures of a comparison, one for each data set with a curve of two points.

    Args:
        comparison: what is compared.
        option: its name; default: the one that takes the most values.
        metrics: ids of the metrics along x and y; default: PSNR and LPIPS.
        styles: looks of its methods; default: by their order.

    Raises:
        UsageError: `metrics` are not two.
        DataError: no method was run with two values of the option, or has two values of both
            metrics.
    """
    chosen = option or _most_varied(comparison)
    groups = _groups(comparison, chosen)
    if not any(len(group) > 1 for group in groups):
        names = ", ".join(method.title for method in comparison.methods.values())
        raise DataError(
            f"No method was run with two values of option '{chosen}': {names}.",
            "Add some: mfsr-bench sweep --vary NAME=VALUE,VALUE --methods METHOD --out RUN",
        )
    pair = _pair(comparison, metrics)
    values = Values(comparison)
    figures = tuple(
        Planes(about=_about(values, dataset, pair, chosen), planes=(plane,))
        for dataset in comparison.datasets.values()
        if (plane := _plane(values, dataset, pair, groups, chosen, styles or looks(comparison)))
    )
    if not figures:
        raise DataError(
            f"No curve over '{chosen}' has two points with {pair[0].title} and {pair[1].title}.",
            "Choose other --metrics.",
        )
    return figures


def setting(method: Method, option: str) -> str | None:
    """Return the value of an option of a method, given or its card's default; None: it has none."""
    if option in method.options:
        return method.options[option]
    card = method.facts.get("card", {})
    defaults = {one["name"]: str(one["default"]) for one in card.get("options") or ()}
    return defaults.get(option)


def _most_varied(comparison: Comparison) -> str:
    counts: dict[str, int] = {}
    for name in dict.fromkeys(n for m in comparison.methods.values() for n in m.options):
        counts[name] = max(len(group) for group in _groups(comparison, name))
    if not counts:
        raise DataError(
            "No method here has an option that is not its default.",
            "Add some: mfsr-bench sweep --vary NAME=VALUE,VALUE --methods METHOD --out RUN",
        )
    return max(counts, key=lambda name: counts[name])


def _groups(comparison: Comparison, option: str) -> list[list[Method]]:
    """Return methods that differ in the option alone, by its value; others by themselves."""
    found: dict[str, list[Method]] = {}
    for method in comparison.methods.values():
        facts = {k: v for k, v in method.facts.items() if k not in ("title", "options")}
        rest = {name: value for name, value in method.options.items() if name != option}
        same = json.dumps([facts, rest], sort_keys=True)
        known = setting(method, option) is not None
        found.setdefault(same if known else method.key, []).append(method)
    return [sorted(group, key=lambda method: _order(method, option)) for group in found.values()]


def _order(method: Method, option: str) -> tuple[float, str]:
    value = setting(method, option) or ""
    try:
        return float(value), ""
    except ValueError:
        return 0.0, value


def _pair(comparison: Comparison, metrics: tuple[str, ...] | None) -> tuple[Metric, Metric]:
    every = comparison.metrics
    if metrics is not None:
        if len(metrics) != 2:
            raise UsageError(
                f"A curve has two metrics, not {len(metrics)}.", "Say: --metrics psnr,lpips"
            )
        return every[metrics[0]], every[metrics[1]]
    found = [next((m for m in every.values() if m.name == name), None) for name in _DEFAULT]
    if found[0] is None or found[1] is None:
        has = ", ".join(metric.title for metric in every.values()) or "no metric"
        raise DataError(
            f"PSNR and LPIPS are the default, and these runs have {has}.",
            "Name two metrics: --metrics psnr,niqe",
        )
    return found[0], found[1]


def _plane(
    values: Values,
    dataset: Dataset,
    pair: tuple[Metric, Metric],
    groups: Sequence[Sequence[Method]],
    option: str,
    styles: Mapping[str, Look],
) -> Plane | None:
    x, y = (values.of(dataset, metric) for metric in pair)
    clouds = []
    for group in groups:
        known = [method for method in group if method.key in x and method.key in y]
        points = tuple(
            Point(
                title=method.title,
                steps=None,
                label=setting(method, option) or "" if len(known) > 1 else "",
                x=x[method.key],
                y=y[method.key],
            )
            for method in known
        )
        if points:
            title = _bare(known[0].title, option) if len(known) > 1 else known[0].title
            clouds.append(Cloud(title=title, look=styles[group[0].key], points=points))
    if all(len(cloud.points) < 2 for cloud in clouds):
        return None
    axes = [Axis(title=arrow(one), higher_is_better=one.higher_is_better) for one in pair]
    return Plane(x=axes[0], y=axes[1], clouds=tuple(clouds))


def _bare(title: str, option: str) -> str:
    """Return a method's title without its value of the option."""
    return re.sub(rf" \+{re.escape(option)}=\S+", "", title)


def _about(values: Values, dataset: Dataset, pair: tuple[Metric, Metric], option: str) -> About:
    counts = [n for metric in pair for n in values.counts(dataset, metric)]
    return About(
        name=slug("-".join(["curve", dataset.id, option, *(metric.name for metric in pair)])),
        title=headline(dataset, counts),
        caption=f"{pair[1].title} against {pair[0].title} over the option {option}, whose values "
        f"stand beside the points. {of_means(values.comparison, dataset, counts)}",
        notes=tuple(note for metric in pair for note in values.notes(dataset, metric)),
    )
