"""`mfsr-bench study build`: a packet for raters out of a run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.images import show
from benchmarks.options import Quiet, split_datasets, split_lists
from benchmarks.results.read import read_run
from reports.comparison import compare
from reports.pictures import pictures_of, with_results, without_results
from reports.selection import Originals, datasets_of, rows_of
from reports.study import build as building
from reports.study.build import Plan
from reports.study.stimuli import Enlarging
from reports.study.study import PACKET, ExclusionRule, Wording


class Form(StrEnum):
    """What raters are asked."""

    BEST_OF_K = "best-of-k"
    TWO_AFC = "2afc"


def build(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the study.")],
    images: Annotated[int, typer.Option(help="Images, chosen by the seed.")] = 25,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="These images instead.")
    ] = None,
    methods: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Methods; default: all of the run.")
    ] = None,
    where: Originals = None,
    datasets: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only images of these data sets.")
    ] = None,
    design: Annotated[Form, typer.Option(help="Pick the best of k, or of two.")] = Form.BEST_OF_K,
    shown: Annotated[int, typer.Option(help="Best of k: results side by side; default: all.")] = 0,
    per_image: Annotated[int, typer.Option(help="Trials of one image and one rater.")] = 1,
    raters: Annotated[int, typer.Option(help="Raters to plan for.")] = 75,
    seed: Annotated[int, typer.Option(help="Decides images, orders and places.")] = 0,
    repeats: Annotated[int, typer.Option(help="Trials shown twice, places turned round.")] = 2,
    obvious: Annotated[int, typer.Option(help="Trials of one result among blurred images.")] = 2,
    min_seconds: Annotated[float, typer.Option(help="Before which nobody can answer.")] = 1.0,
    fast_seconds: Annotated[float, typer.Option(help="Below which an answer is fast.")] = 2.0,
    exclude_failed: Annotated[
        int, typer.Option(help="Exclude raters who fail so many obvious trials.")
    ] = 1,
    exclude_fast: Annotated[
        float, typer.Option(help="Or whose share of fast answers is above this.")
    ] = 0.2,
    exclude_answered: Annotated[
        float, typer.Option(help="Or who answer a smaller share of the rated trials.")
    ] = 0.5,
    exclude_agreed: Annotated[
        float, typer.Option(help="Or who answer a smaller share of repeats alike.")
    ] = 0.0,
    title: Annotated[str, typer.Option(help="Of the page.")] = building.TITLE,
    question: Annotated[str, typer.Option(help="What is asked.")] = building.QUESTION,
    consent: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Text of the consent page.")
    ] = None,
    lr: Annotated[
        Enlarging, typer.Option(help="How LR images are brought to the size of the results.")
    ] = Enlarging.NEAREST,
    quiet: Quiet = False,
) -> None:
    """Write a packet for raters, and the key to it, which stays with you.

    Give raters the folder `packet`, or serve it. The rule by which raters are excluded is fixed
    here, before any answer is seen. The same command again finishes what was interrupted.
    """
    results = [read_run(run) for run in runs]
    known = compare(results)
    comparison = known.select(
        methods=rows_of(known, methods), datasets=datasets_of(known, datasets)
    )
    pictures = pictures_of(comparison, results, split_datasets(where))
    if without := without_results(comparison, pictures.every):
        console.say(without, style="yellow")
        comparison = comparison.select(methods=with_results(comparison, pictures.every))
    plan = Plan(
        images=images,
        only=split_lists(only),
        shown=_shown(design, shown),
        per_image=per_image,
        repeats=repeats,
        obvious=obvious,
        raters=raters,
        seed=seed,
    )
    study = building.study_of(
        comparison,
        pictures,
        building.design_of(comparison, pictures, plan),
        wording=Wording(title=title, question=question, consent=_consent(consent)),
        rule=ExclusionRule(
            failed_obvious=exclude_failed,
            fast_share=exclude_fast,
            fast_seconds=fast_seconds,
            answered=exclude_answered,
            repeats_agreed=exclude_agreed,
        ),
        min_seconds=min_seconds,
    )
    with console.count("images") as progress:
        report = (lambda *_: None) if quiet else progress
        study = building.write(study, pictures, out, enlarging=lr, progress=report)
    console.say(
        f"{study.design.trials} trials for each of {raters} raters: {study.design.rated} rated, "
        f"{repeats} repeated, {obvious} obvious. {study.rule}"
    )
    console.out().print(show(out / PACKET), markup=False)


def _shown(design: Form, shown: int) -> int:
    if design is Form.TWO_AFC:
        if shown not in (0, 2):
            raise UsageError("--design 2afc shows two results.", "Leave --shown out.")
        return 2
    return shown


def _consent(path: Path | None) -> str:
    if path is None:
        return building.consent().strip()
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {show(path)}: {error}.") from None
    return text.replace("\r\n", "\n")
