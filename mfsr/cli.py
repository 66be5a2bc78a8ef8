"""`mfsr-bench train teacher|mfsr`: the two stages of training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mfsr.recipes import Stage
    from mfsr.trainer import Progress

app = typer.Typer(
    help="Train a DiT4SR teacher (stage 1) or distil it into an MFSR student (stage 2).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

RecipeName = Annotated[str, typer.Option("--recipe", help="paper or tiny.")]
Data = Annotated[
    list[Path] | None, typer.Option("--data", help="Folder of photographs or latents; repeatable.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run.")]
Base = Annotated[Path | None, typer.Option("--base", help="Folder of SD3.5-medium's pipeline.")]
Captions = Annotated[
    Path | None, typer.Option("--captions", help="Folder of <photograph's stem>.txt.")
]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the run.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes that prepare data.")]
Plan = Annotated[
    bool, typer.Option("--plan", help="Print what would be trained, and its memory; then stop.")
]


@app.command()
def teacher(
    recipe: RecipeName,
    data: Data = None,
    out: Out = None,
    base: Base = None,
    captions: Captions = None,
    steps: Steps = None,
    seed: Seed = 0,
    workers: Workers = 0,
    plan: Plan = False,
) -> None:
    """Stage 1: train DiT4SR, or fine-tune it. The same command again goes on where it stopped."""
    _run("teacher", recipe, data, out, base, captions, None, steps, seed, workers, plan=plan)


@app.command()
def mfsr(
    recipe: RecipeName,
    data: Data = None,
    out: Out = None,
    teacher: Annotated[
        Path | None, typer.Option("--teacher", help="Model folder of the teacher.")
    ] = None,
    base: Base = None,
    captions: Captions = None,
    steps: Steps = None,
    seed: Seed = 0,
    workers: Workers = 0,
    plan: Plan = False,
) -> None:
    """Stage 2: distil a teacher into MFSR. The same command again goes on where it stopped."""
    _run("mfsr", recipe, data, out, base, captions, teacher, steps, seed, workers, plan=plan)


def _run(
    stage: Stage,
    name: str,
    data: list[Path] | None,
    out: Path | None,
    base: Path | None,
    captions: Path | None,
    teacher: Path | None,
    steps: int | None,
    seed: int,
    workers: int,
    *,
    plan: bool,
) -> None:
    from mfsr.recipes import recipe as named

    recipe = named(stage, name)
    changed = replace(recipe.trainer, seed=seed, steps=steps or recipe.trainer.steps)
    recipe = replace(recipe, trainer=changed)
    if plan:
        from mfsr.plan import plan as planned

        console.out().print("\n".join(planned(recipe).lines()), markup=False)
        return
    if out is None or not data:
        raise UsageError(
            "A run needs data and a folder.",
            f"Use: mfsr-bench train {stage} --recipe {name} --data PHOTOS --out RUN",
        )
    from mfsr.stages import Sources, train

    sources = Sources(
        data=tuple(data), out=out, base=base, teacher=teacher, captions=captions, workers=workers
    )
    with _progress(recipe.trainer.steps) as report:
        folder = train(recipe, sources, report)
    console.out().print(str(folder), markup=False)


def _progress(steps: int) -> _Bar | _Lines:
    return _Bar(steps) if console.err().is_terminal else _Lines()


class _Lines:
    """One line on stderr at the first step, the last, and every tenth between them."""

    def __enter__(self) -> Callable[[Progress], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        pass

    def _show(self, progress: Progress) -> None:
        if progress.step in (1, progress.steps) or progress.step % 10 == 0:
            console.err().print(_text(progress), markup=False)


class _Bar:
    """A bar on a terminal."""

    def __init__(self, steps: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self.bar = RichProgress(
            BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
            console=console.err(),
        )  # fmt: skip
        self.task = self.bar.add_task("", total=steps)

    def __enter__(self) -> Callable[[Progress], None]:
        self.bar.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def _show(self, progress: Progress) -> None:
        self.bar.update(self.task, completed=progress.step, description=_text(progress))


def _text(progress: Progress) -> str:
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"step {progress.step}/{progress.steps}  loss {progress.loss:.4g}  "
        f"{progress.seconds:.2f} s/step  {hours:d}:{minutes:02d}:{seconds:02d} left"
    )
