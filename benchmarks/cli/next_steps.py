"""What a person may want after a run, as commands that work as they are printed."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import TYPE_CHECKING

from benchmarks import registry, requirements
from benchmarks.api.weights import package_of, size_of
from benchmarks.console import say, size

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.plan import RunPlan


def say_next_steps(plan: RunPlan) -> None:
    """Say on stderr where the images are and which commands may come next."""
    run = shlex.quote(str(plan.out))
    say(f"Images: {plan.out / 'images'}")
    say(f"A page to look at them: mfsr-bench report html {run}")
    say_fetches(plan.scoring.skipped)
    sets = ",".join(shlex.quote(dataset.spec) for dataset in plan.datasets)
    say(
        f"Your own results beside these: mfsr-bench run --out {run} --datasets {sets}"
        f"{_same(plan)} --methods precomputed:NAME=FOLDER"
    )


def say_fetches(left_out: Collection[str]) -> None:
    """Say on stderr which commands bring the metrics that were left out, and what they weigh."""
    specs = registry.metric_specs()
    skipped = [specs[metric] for metric in left_out if metric in specs]
    on_index = [spec for spec in skipped if all(map(package_of, spec.weights))]
    for chosen, origin in ((on_index, " --from index"), (skipped, "")):
        if chosen:
            names = ", ".join(dict.fromkeys(spec.title for spec in chosen))
            ids = ",".join(spec.id for spec in chosen)
            fetch = f"mfsr-bench weights fetch {ids}{origin}"
            say(f"{names} too ({_size(chosen, packaged=bool(origin))}): {fetch}")


def _same(plan: RunPlan) -> str:
    """Return the options without which another command would be another run."""
    words = []
    for key in ("protocol", "seed", "limit", "images"):
        if key in plan.asked:
            value = plan.asked[key]
            text = ",".join(value) if isinstance(value, list) else str(value)
            words += [f"--{key}", shlex.quote(text)]
    return "".join(f" {word}" for word in words)


def _size(specs: list[MetricSpec], *, packaged: bool) -> str:
    """Return the size of what would be downloaded, each file or archive once."""
    weights = [need.weight for need in requirements.of_metrics(specs)]
    if not packaged:
        return size(sum(map(size_of, weights)))
    packages = filter(None, map(package_of, weights))
    return size(sum({package.archive: package.archive_bytes for package in packages}.values()))
