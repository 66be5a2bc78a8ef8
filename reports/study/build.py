"""A run -> a study: which images, which methods, and the packet."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import ConfigError, ConflictError, DataError
from benchmarks.api.images import is_empty, show
from benchmarks.api.seeds import seed_for
from reports.study.design import Image, StudyDesign
from reports.study.packet import write_packet
from reports.study.stimuli import Enlarging, Progress, write_stimuli
from reports.study.study import KEY, PACKET, ExclusionRule, Study, Wording, read_study, write_study

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.pictures import Picture, Pictures

QUESTION = (
    "Which result best balances realism and fidelity to the low-resolution input?"  # MFSR, Fig. 4
)
TITLE = "Which enlarged photograph is best?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked of `build`, besides the run."""

    images: int
    only: tuple[str, ...] = ()  # ids of the images to rate; empty: chosen by the seed
    shown: int = 0  # results side by side; 0: all
    per_image: int = 1
    repeats: int = 2
    obvious: int = 2
    raters: int = 1
    seed: int = 0


def consent() -> str:
    """Return the consent text that is used where none is given."""
    return resources.files("reports.study").joinpath("assets", "consent.txt").read_text("utf-8")


def design_of(comparison: Comparison, pictures: Pictures, plan: Plan) -> StudyDesign:
    """Return the design of a study: images come in the order of their seeds, not of their names.

    Raises:
        DataError: the run has too few images that all methods restored, or no LR images.
        ConfigError: the numbers do not make a study.
    """
    for dataset, cause in pictures.lacking.items():
        raise DataError(
            f"A study shows LR images, and those of '{dataset}' are not here: {cause}",
            "Say where they are: --where folder:NAME=LR,HR",
        )
    usable = [
        (one.dataset, one.image)
        for one in pictures.every
        if all(method in one.results for method in comparison.methods)
    ]
    order = sorted(usable, key=lambda image: seed_for(plan.seed, "image", *image))
    rated = _rated(order, plan, _fewest(comparison, pictures.every))
    spare = [image for image in order if image not in rated] or rated
    return StudyDesign(
        methods=tuple(comparison.methods),
        images=tuple(rated),
        obvious=tuple(spare[: plan.obvious]),
        shown=plan.shown or len(comparison.methods),
        per_image=plan.per_image,
        repeats=plan.repeats,
        raters=plan.raters,
        seed=plan.seed,
    )


def _fewest(comparison: Comparison, images: Sequence[Picture]) -> str:
    """Return which method restored the fewest images, and how to have them all."""
    counts = {method: sum(method in one.results for one in images) for method in comparison.methods}
    method = min(counts, key=counts.__getitem__)
    title = comparison.methods[method].title
    return (
        f"Fewest are of {title}: {counts[method]} of {len(images)}. Give a smaller --images, or "
        f"--methods without it. {comparison.finish}"
    )


def _rated(order: Sequence[Image], plan: Plan, remedy: str) -> list[Image]:
    if plan.only:
        known = {image: (dataset, image) for dataset, image in order}
        lost = [name for name in plan.only if name not in known]
        if lost:
            raise DataError(f"Not restored by all methods, or unknown: {', '.join(lost)}.", remedy)
        return [known[name] for name in plan.only]
    if plan.images < 1 or len(order) < plan.images:
        raise DataError(
            f"{plan.images} images are asked for; all methods restored {len(order)}.",
            remedy,
        )
    return list(order[: plan.images])


def study_of(
    comparison: Comparison,
    pictures: Pictures,
    design: StudyDesign,
    *,
    wording: Wording,
    rule: ExclusionRule,
    min_seconds: float,
) -> Study:
    """Return a new study, with a secret of its own."""
    if min_seconds < 0:
        raise ConfigError("--min-seconds is at least 0.")
    found = _by_image(pictures)
    images = dict.fromkeys([*design.images, *design.obvious])
    return Study(
        design=design,
        wording=wording,
        rule=rule,
        min_seconds=min_seconds,
        titles={key: one.title for key, one in comparison.methods.items()},
        sizes={image: (found[image].width, found[image].height) for image in images},
        secret=secrets.token_hex(16),
        provenance=(
            f"protocol {comparison.protocol.label}",
            *(f"run {run.label}" for run in comparison.runs),
        ),
    )


def write(
    study: Study,
    pictures: Pictures,
    folder: Path,
    *,
    enlarging: Enlarging,
    progress: Progress,
) -> Study:
    """Write a study, or finish one that was interrupted, and return it.

    Raises:
        ConflictError: the folder holds another study, or something else.
        DataError: an image is missing or of another size than the others.
    """
    if (folder / KEY).is_file():
        before = read_study(folder)
        study = replace(study, secret=before.secret)
        if study != before:
            raise ConflictError(
                f"{show(folder)} holds another study.", "Choose a new folder with --out."
            )
    elif folder.exists() and not is_empty(folder):
        raise ConflictError(f"{show(folder)} holds other files.", "Choose a new folder with --out.")
    write_study(study, folder)
    packet = folder / PACKET
    write_stimuli(study, _by_image(pictures), packet, enlarging=enlarging, progress=progress)
    write_packet(study, packet)
    return study


def _by_image(pictures: Pictures) -> dict[Image, Picture]:
    return {(one.dataset, one.image): one for one in pictures.every}
