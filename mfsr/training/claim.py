"""A run's folder belongs to one recipe, and to one origin.

<run>/recipe.json
<run>/origin.json      data, weights and processes; both are written before the first step
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.api import documents
from benchmarks.api.errors import ConflictError
from benchmarks.api.images import show
from mfsr.origin import Origin
from mfsr.training.changes import differences
from mfsr.training.recipes import Recipe
from mfsr.training.settings import FREE

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


def check(run: Path, recipe: Recipe, origin: Origin) -> None:
    """Check that a run goes on as it began; a new folder is free.

    Raises:
        ConflictError: it was begun with another recipe, or from another origin.
    """
    path = run / "recipe.json"
    if not path.is_file():
        return
    began = documents.read(Recipe, path, error=ConflictError)
    # Without a schedule that ends with the run, a run may be made longer.
    free = FREE | {"trainer.steps"} if recipe.trainer.schedule == "constant" else FREE
    path = run / "origin.json"
    first = documents.read(Origin, path, error=ConflictError) if path.is_file() else None
    if first and _same_samples(began, first, recipe, origin):
        free = free | {"trainer.batch", "trainer.accumulate"}
        origin = replace(origin, processes=first.processes)
    found = differences(documents.to_plain(began), documents.to_plain(recipe))
    changed = [key for key in found if key not in free]
    if changed:
        raise ConflictError(
            f"{show(run)} was begun with another recipe; it differs in {', '.join(changed)}.",
            _remedy(began, first, origin),
        )
    if first is None:
        logger.warning("%s does not say what it was begun from: what is given now", show(run))
        return
    other = first.changed(origin)
    if other:
        raise ConflictError(
            f"{show(run)} was begun from something else. {other[0].upper()}{other[1:]}.",
            _remedy(began, first, origin),
        )


def _remedy(began: Recipe, first: Origin | None, now: Origin) -> str:
    if first is None or first.processes == now.processes or began.stage == "base":
        return "Give what it began with, or another --out."
    samples = _samples(began, first.processes)
    return (
        f"Give what it began with: on other processes {samples} samples a step, by "
        f"--set trainer.batch and trainer.accumulate; or another --out."
    )


def _samples(recipe: Recipe, processes: int) -> int:
    """Return how many samples an optimiser step takes in, of all processes."""
    return recipe.trainer.batch * recipe.trainer.accumulate * processes


def _same_samples(began: Recipe, first: Origin, recipe: Recipe, origin: Origin) -> bool:
    """Return whether every step takes the samples, times and noise that it would have taken.

    They belong to a sample's number, so that it does not matter which process draws them. Stage 0
    is not so: its distances look at a part of each micro-batch.
    """
    as_many = _samples(began, first.processes) == _samples(recipe, origin.processes)
    return as_many and began.stage != "base"


def claim(run: Path, recipe: Recipe, origin: Origin) -> None:
    """Make a folder the run's own. To be called after `check`, by one process."""
    documents.write(recipe, run / "recipe.json")
    documents.write(origin, run / "origin.json")
