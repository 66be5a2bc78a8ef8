"""A run's folder belongs to one recipe, and to one origin.

<run>/recipe.json
<run>/origin.json      data, weights and processes; both are written before the first step
"""

from __future__ import annotations

import logging
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
    found = differences(documents.to_plain(began), documents.to_plain(recipe))
    changed = [key for key in found if key not in free]
    if changed:
        raise ConflictError(
            f"{show(run)} was begun with another recipe; it differs in {', '.join(changed)}.",
            "Use the recipe that it began with, or another --out.",
        )
    path = run / "origin.json"
    if not path.is_file():
        logger.warning("%s does not say what it was begun from: what is given now", show(run))
        return
    other = documents.read(Origin, path, error=ConflictError).changed(origin)
    if other:
        raise ConflictError(
            f"{show(run)} was begun from something else. {other[0].upper()}{other[1:]}.",
            "Give what it began with, or another --out.",
        )


def claim(run: Path, recipe: Recipe, origin: Origin) -> None:
    """Make a folder the run's own. To be called after `check`, by one process."""
    documents.write(recipe, run / "recipe.json")
    documents.write(origin, run / "origin.json")
