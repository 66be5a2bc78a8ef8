"""`mfsr-bench train base|teacher|mfsr|refine`: the stages of training."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import UsageError
from benchmarks.options import unfolded

if TYPE_CHECKING:
    from collections.abc import Callable

    from mfsr.training.recipes import Recipe, Stage
    from mfsr.training.settings import StepReport

app = typer.Typer(
    help="Train a teacher (stage 1) and distil it into an MFSR student (stage 2); refine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

_Start = Annotated[
    Path | None,
    typer.Option("--from", help="Model folder of the same stage, whose weights it starts from."),
]


@dataclass(frozen=True, kw_only=True)
class _Given:
    """What every stage is given."""

    recipe: Annotated[str, typer.Option("--recipe", help="paper or tiny.")]
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Folder of photographs or latents; repeatable."),
    ] = None
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the run.")] = None
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps.")] = None
    seed: Annotated[int, typer.Option("--seed", help="Seed of the run.")] = 0
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes that prepare data.")
    ] = 0
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change the recipe: distil.prob_equal=0.25; repeatable."),
    ] = None
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Print what would be trained, and its memory; then stop."),
    ] = False
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False


@dataclass(frozen=True, kw_only=True)
class _Around:
    """What stands around the networks of the stages after the first."""

    base: Annotated[
        Path | None,
        typer.Option(
            "--base", help="Folder of SD3.5-medium's pipeline, or of the small models' base."
        ),
    ] = None
    captions: Annotated[
        Path | None, typer.Option("--captions", help="Folder of <photograph's stem>.txt.")
    ] = None


@app.command()
@unfolded
def base(
    given: _Given,
    perceptual: Annotated[
        Path | None, typer.Option("--perceptual", help="Folder of the weights of LPIPS and DISTS.")
    ] = None,
    start: _Start = None,
) -> None:
    """Stage 0: train the small models' base. Run again, it resumes where it stopped.

    Examples:
        mfsr-bench train base --recipe tiny --data photos --out models/base
    """
    _carry_out("base", given, perceptual=perceptual, start=start)


@app.command()
@unfolded
def teacher(given: _Given, around: _Around, start: _Start = None) -> None:
    """Stage 1: train DiT4SR, or fine-tune it. Run again, it resumes where it stopped.

    Examples:
        mfsr-bench train teacher --recipe tiny --data photos --base models/base --out models/teacher
    """
    _carry_out("teacher", given, around, start=start)


@app.command()
@unfolded
def mfsr(
    given: _Given,
    around: _Around,
    teacher: Annotated[
        Path | None, typer.Option("--teacher", help="Model folder of the teacher.")
    ] = None,
    start: _Start = None,
) -> None:
    """Stage 2: distil a teacher into MFSR. Run again, it resumes where it stopped.

    Examples:
        mfsr-bench train mfsr --recipe tiny --plan
    """
    _carry_out("mfsr", given, around, teacher=teacher, start=start)


@app.command()
@unfolded
def refine(
    given: _Given,
    around: _Around,
    student: Annotated[
        Path | None, typer.Option("--student", help="Model folder of the student.")
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option("--teacher", help="Model folder of its teacher.")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option("--features", help="Folder of what the discriminator sees: DINOv3's, gated."),
    ] = None,
) -> None:
    """Stage 3: refine a student. The same command again goes on where it stopped.

    Examples:
        mfsr-bench train refine --recipe tiny --plan
    """
    _carry_out("refine", given, around, student=student, teacher=teacher, features=features)


def _carry_out(
    stage: Stage, given: _Given, around: _Around | None = None, **more: Path | None
) -> None:
    """Show what a stage would train, or train it from what it is given."""
    recipe = _recipe(stage, given)
    if given.plan:
        _show_plan(recipe, json=given.json)
    else:
        around = around or _Around()
        _train(recipe, given, base=around.base, captions=around.captions, **more)


def _recipe(stage: Stage, given: _Given) -> Recipe:
    from mfsr.training.changes import override
    from mfsr.training.recipes import recipe as named

    all_changes = [f"trainer.seed={given.seed}", *(given.changes or ())]
    if given.steps is not None:
        all_changes.append(f"trainer.steps={given.steps}")
    made = named(stage, given.recipe)
    return override(made, all_changes, where=f"recipe '{given.recipe}' of {stage}")


def _show_plan(recipe: Recipe, *, json: bool) -> None:
    from mfsr.training.plan import plan as planned

    found = planned(recipe)
    if json:
        console.print_json(asdict(found))
    else:
        console.out().print("\n".join(found.lines()), markup=False)


def _train(recipe: Recipe, given: _Given, **more: Path | None) -> None:
    if given.out is None or not given.data:
        raise UsageError(
            "A run needs data and a folder.",
            f"Use: mfsr-bench train {recipe.stage} --recipe {recipe.name} --data PHOTOS --out RUN",
        )
    from mfsr.training.stages import Sources, train

    sources = Sources(data=tuple(given.data), out=given.out, workers=given.workers, **more)
    with _progress(recipe.trainer.steps) as report:
        folder = train(recipe, sources, report)
    if given.json:
        console.print_json({"run": str(given.out), "model": str(folder)})
    else:
        console.out().print(str(folder), markup=False)


def _progress(steps: int) -> _Bar | _Lines:
    return _Bar(steps) if console.err().is_terminal else _Lines()


class _Lines:
    """One line on stderr at the first step, the last, and every tenth between them."""

    def __enter__(self) -> Callable[[StepReport], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        pass

    def _show(self, progress: StepReport) -> None:
        if progress.step in (1, progress.steps) or progress.step % 10 == 0:
            console.err().print(_text(progress), markup=False)


class _Bar:
    """A bar on a terminal."""

    def __init__(self, steps: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.bar = Progress(
            BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
            console=console.err(),
        )  # fmt: skip
        self.task = self.bar.add_task("", total=steps)

    def __enter__(self) -> Callable[[StepReport], None]:
        self.bar.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def _show(self, progress: StepReport) -> None:
        self.bar.update(self.task, completed=progress.step, description=_text(progress))


def _text(progress: StepReport) -> str:
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"step {progress.step}/{progress.steps}  loss {progress.loss:.4g}  "
        f"{progress.seconds:.2f} s/step  {hours:d}:{minutes:02d}:{seconds:02d} left"
    )
