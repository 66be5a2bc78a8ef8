"""`mfsr-bench study build`: a packet for raters out of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.images import show
from benchmarks.options import Quiet, split_datasets, split_lists, unfolded
from reports.selection import Originals
from reports.study.stimuli import Enlarging

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.pictures import Pictures
    from reports.study.build import Plan
    from reports.study.study import ExclusionRule, Wording


class Form(StrEnum):
    """What raters are asked."""

    BEST_OF_K = "best-of-k"
    TWO_AFC = "2afc"


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What is rated."""

    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")]
    methods: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Methods; default: all of the run.")
    ] = None
    datasets: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only images of these data sets.")
    ] = None
    where: Originals = None


@dataclass(frozen=True, kw_only=True)
class _Trials:
    """What each rater is shown."""

    images: Annotated[int, typer.Option(help="Images, chosen by the seed.")] = 25
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="These images instead.")
    ] = None
    design: Annotated[Form, typer.Option(help="Pick the best of k, or of two.")] = Form.BEST_OF_K
    shown: Annotated[int, typer.Option(help="Best of k: results side by side; default: all.")] = 0
    per_image: Annotated[int, typer.Option(help="Trials of one image and one rater.")] = 1
    raters: Annotated[int, typer.Option(help="Raters to plan for.")] = 75
    seed: Annotated[int, typer.Option(help="Decides images, orders and places.")] = 0
    repeats: Annotated[int, typer.Option(help="Trials shown twice, places turned round.")] = 2
    obvious: Annotated[int, typer.Option(help="Trials of one result among blurred images.")] = 2
    min_seconds: Annotated[
        float, typer.Option(help="Seconds that a trial is seen before it can be answered.")
    ] = 1.0

    def plan(self) -> Plan:
        """Return these as the plan of a study."""
        from reports.study.build import Plan

        if self.design is Form.TWO_AFC and self.shown not in (0, 2):
            raise UsageError("--design 2afc shows two results.", "Leave --shown out.")
        return Plan(
            images=self.images,
            only=split_lists(self.only),
            shown=2 if self.design is Form.TWO_AFC else self.shown,
            per_image=self.per_image,
            repeats=self.repeats,
            obvious=self.obvious,
            raters=self.raters,
            seed=self.seed,
        )


@dataclass(frozen=True, kw_only=True)
class _Excluded:
    """Who does not count."""

    fast_seconds: Annotated[
        float, typer.Option(help="An answer in fewer seconds than this is fast.")
    ] = 2.0
    exclude_failed: Annotated[
        int, typer.Option(help="Exclude raters who fail this many obvious trials.")
    ] = 1
    exclude_fast: Annotated[
        float, typer.Option(help="Or whose share of fast answers is above this.")
    ] = 0.2
    exclude_answered: Annotated[
        float, typer.Option(help="Or who answer a smaller share of the rated trials.")
    ] = 0.5
    exclude_agreed: Annotated[
        float, typer.Option(help="Or who answer a smaller share of repeats alike.")
    ] = 0.0

    def rule(self) -> ExclusionRule:
        """Return these as a rule."""
        from reports.study.study import ExclusionRule

        return ExclusionRule(
            failed_obvious=self.exclude_failed,
            fast_share=self.exclude_fast,
            fast_seconds=self.fast_seconds,
            answered=self.exclude_answered,
            repeats_agreed=self.exclude_agreed,
        )


@dataclass(frozen=True, kw_only=True)
class _Words:
    """What raters read; an empty text stands for ours."""

    title: Annotated[str, typer.Option(help="Of the page.")] = ""
    question: Annotated[str, typer.Option(help="What is asked.")] = ""
    consent: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Text of the consent page.")
    ] = None

    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML file of the buttons and all else, as in the docs."),
    ] = None

    def wording(self) -> Wording:
        """Return these as the wording of a study."""
        from benchmarks.api import documents
        from reports.study.build import QUESTION, TITLE, consent
        from reports.study.labels import Labels
        from reports.study.study import Wording

        text = consent().strip() if self.consent is None else _read(self.consent)
        labels = Labels()
        if self.labels:
            plain = documents.read_toml(self.labels)
            labels = documents.check(Labels, plain, where=show(self.labels))
        return Wording(
            title=self.title or TITLE,
            question=self.question or QUESTION,
            consent=text,
            labels=labels,
        )


@unfolded
def build(
    run: _Run,
    trials: _Trials,
    excluded: _Excluded,
    words: _Words,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the study.")],
    lr: Annotated[
        Enlarging, typer.Option(help="How LR images are brought to the size of the results.")
    ] = Enlarging.NEAREST,
    quiet: Quiet = False,
) -> None:
    """Write a packet for raters, and the key to it, which stays with you.

    Give raters the folder `packet`, or serve it. The rule by which raters are excluded is fixed
    here, before any answer is seen. The same command again finishes what was interrupted.

    Examples:
        mfsr-bench study build runs/x --out studies/x --images 25
    """
    from reports.study.build import design_of, study_of, write
    from reports.study.study import PACKET

    plan = trials.plan()
    comparison, pictures = _rated(run)
    study = study_of(
        comparison,
        pictures,
        design_of(comparison, pictures, plan),
        wording=words.wording(),
        rule=excluded.rule(),
        min_seconds=trials.min_seconds,
    )
    with console.count("images") as progress:
        report = (lambda *_: None) if quiet else progress
        study = write(study, pictures, out, enlarging=lr, progress=report)
    console.say(
        f"{study.design.trials} trials for each of {plan.raters} raters: {study.design.rated} "
        f"rated, {plan.repeats} repeated, {plan.obvious} obvious. {study.rule}"
    )
    console.out().print(show(out / PACKET), markup=False)


def _rated(run: _Run) -> tuple[Comparison, Pictures]:
    """Return the methods that are rated, without those that have no results, and their images."""
    from benchmarks.results.read import read_run
    from reports.comparison import compare
    from reports.pictures import pictures_of, with_results, without_results
    from reports.selection import select

    results = [read_run(one) for one in run.runs]
    comparison = select(compare(results), methods=run.methods, datasets=run.datasets)
    pictures = pictures_of(comparison, results, split_datasets(run.where))
    if without := without_results(comparison, pictures.every):
        console.say(without, style="yellow")
        comparison = comparison.select(methods=with_results(comparison, pictures.every))
    return comparison, pictures


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip().replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {show(path)}: {error}.") from None
