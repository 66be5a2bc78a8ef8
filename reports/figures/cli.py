"""`mfsr-bench report figure`: what a run found, as figures for papers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from benchmarks import console
from benchmarks.api.errors import UsageError
from benchmarks.api.images import show
from benchmarks.commands import subgroup
from benchmarks.options import choose, split_datasets, split_lists, unfolded
from benchmarks.results.read import read_run
from reports.comparison import compare
from reports.figures.looks import looks
from reports.figures.model import ALL_FORMATS, Columns, Format, Page, Paper
from reports.selection import Originals, metrics_of, select

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.figures.drawing.files import Drawn
    from reports.figures.grid import ByHand
    from reports.figures.looks import Look
    from reports.figures.pareto import Latency
    from reports.figures.places import Box, Rule
    from reports.identity import Dataset

    D = TypeVar("D", bound=Drawn)

app = subgroup("Figures for papers: PNG, PDF, SVG, LaTeX.")

_Metrics = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Only these metrics, in this order.")
]


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What every figure is asked with."""

    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")]
    methods: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these methods, in this order.")
    ] = None
    datasets: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Only these data sets.")
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the files. Default: figures in the first run."),
    ] = None
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="png, pdf, svg, and tex: the LaTeX around the PDF. Default: png,pdf,svg.",
        ),
    ] = None
    paper: Annotated[Paper, typer.Option(help="Whose columns it fits.")] = Paper.CVPR
    columns: Annotated[
        Columns | None, typer.Option(help="Width in columns. Default: by the panels.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What these options come to."""

    results: Sequence[RunResults]
    comparison: Comparison
    styles: Mapping[str, Look]  # of all methods of the runs: a choice of methods keeps its colours
    out: Path
    formats: tuple[Format, ...]
    page: Page

    def write(self, draw: Callable[[D, Page], Figure], figures: Iterable[D]) -> None:
        """Write figures, print their files on stdout, and say on stderr what is not in them."""
        from reports.figures.drawing.files import write

        for one in figures:
            for note in one.about.notes:
                console.say(note, style="yellow")
            for file in write(draw, one, self.out, self.formats, self.page):
                console.out().print(show(file), markup=False)


def _asked(options: _Options, metrics: list[str] | None = None, *, scored: bool = True) -> _Asked:
    """Return what is asked for; with `scored`, methods without scores are named on stderr."""
    known = {form.value: () for form in Format}
    see = "mfsr-bench report figure steps --help"
    chosen = choose(split_lists(options.formats), known, what="format", see=see)
    results = [read_run(run) for run in options.runs]
    comparison = compare(results)
    part = select(comparison, methods=options.methods, datasets=options.datasets, metrics=metrics)
    if scored and part.unscored:
        console.say(part.unscored, style="yellow")
    return _Asked(
        results=results,
        comparison=part,
        styles=looks(comparison),
        out=options.out or options.runs[0] / "figures",
        formats=tuple(map(Format, chosen)) if chosen else ALL_FORMATS,
        page=Page(paper=options.paper, columns=options.columns),
    )


@app.command()
@unfolded
def steps(options: _Options, *, metrics: _Metrics = None) -> None:
    """Draw metrics against sampling steps: a line per method, dashed where there is one value.

    Examples:
        mfsr-bench report figure steps runs/steps --metrics lpips,psnr
    """
    from reports.figures.drawing.steps import draw
    from reports.figures.steps import steps_figures

    asked = _asked(options, metrics)
    asked.write(draw, steps_figures(asked.comparison, asked.styles))


def steps_of_run(results: RunResults, out: Path) -> list[Path]:
    """Write the step sweeps of one run into a folder: PNG, PDF and SVG for each data set.

    Returns:
        The files.

    Raises:
        DataError: no method has values at two numbers of steps.
        ResourceError: the disk is full.
    """
    from reports.figures.drawing.files import write
    from reports.figures.drawing.steps import draw
    from reports.figures.steps import steps_figures

    return [file for one in steps_figures(compare([results])) for file in write(draw, one, out)]


@app.command()
@unfolded
def scatter(
    options: _Options,
    *,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y",
            help="Two metrics. Default: the first with a reference, the first without.",
        ),
    ] = None,
) -> None:
    """Draw perception against distortion: one metric against another, methods as points.

    Examples:
        mfsr-bench report figure scatter runs/x --metrics psnr,lpips
    """
    from reports.figures.drawing.points import draw
    from reports.figures.points import scatter_figures

    asked = _asked(options, metrics)
    pair = tuple(asked.comparison.metrics) if metrics else None
    asked.write(draw, scatter_figures(asked.comparison, pair, asked.styles))


@app.command()
@unfolded
def curve(
    options: _Options,
    *,
    option: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Option. Default: the one that takes most values."),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y", help="Two metrics. Default: psnr,lpips."),
    ] = None,
) -> None:
    """Draw two metrics over an option of a method: perception against distortion by its knob.

    Examples:
        mfsr-bench report figure curve runs/knob --option t --metrics psnr,lpips
    """
    from reports.figures.curve import curve_figures
    from reports.figures.drawing.points import draw

    asked = _asked(options, metrics)
    pair = tuple(asked.comparison.metrics) if metrics else None
    asked.write(draw, curve_figures(asked.comparison, option, pair, asked.styles))


def curves_of_run(results: RunResults, out: Path) -> list[Path]:
    """Write the curves of one run's most varied option into a folder, as `steps_of_run` does.

    Returns:
        The files.

    Raises:
        DataError: no method has PSNR and LPIPS at two values of an option.
        ResourceError: the disk is full.
    """
    from reports.figures.curve import curve_figures
    from reports.figures.drawing.files import write
    from reports.figures.drawing.points import draw

    return [file for one in curve_figures(compare([results])) for file in write(draw, one, out)]


@app.command()
@unfolded
def pareto(
    options: _Options,
    *,
    bench: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Latency by mfsr-bench bench at batch 1. Default: what the runs took per image.",
        ),
    ] = None,
    metrics: _Metrics = None,
) -> None:
    """Draw quality against latency, with the methods that no other one beats in both.

    Examples:
        mfsr-bench report figure pareto runs/x
    """
    from reports.figures.drawing.points import draw
    from reports.figures.pareto import latency_of_bench, latency_of_runs, pareto_figures

    asked = _asked(options, metrics)
    measured = latency_of_bench(bench) if bench else None

    def latency(dataset: Dataset) -> Latency:
        return measured or latency_of_runs(asked.comparison, asked.results, dataset)

    asked.write(draw, pareto_figures(asked.comparison, latency, asked.styles))


@app.command()
@unfolded
def distributions(options: _Options, *, metrics: _Metrics = None) -> None:
    """Draw the values per image behind the means: violins, boxes and points.

    Examples:
        mfsr-bench report figure distributions runs/x --metrics lpips
    """
    from reports.figures.distributions import distribution_figures
    from reports.figures.drawing.distributions import draw

    asked = _asked(options, metrics)
    asked.write(draw, distribution_figures(asked.comparison, asked.styles))


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Which places of which images a grid shows."""

    image: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Show this image; again for another row."),
    ] = None
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="Its place, in pixels of the results, or several joined by '+'; once per --image. "
            "Default: by the rule.",
        ),
    ] = None
    rows: Annotated[int, typer.Option(min=1, help="Images that the rule chooses.")] = 3
    boxes: Annotated[
        int, typer.Option(min=1, max=4, help="Places that it chooses in each image.")
    ] = 1
    crop: Annotated[
        int | None,
        typer.Option(min=1, help="Side of its boxes. Default: a quarter of the shorter side."),
    ] = None
    among: Annotated[int, typer.Option(min=1, help="Images that it looks at.")] = 100
    seed: Annotated[int, typer.Option(help="Draws these, where there are more.")] = 0

    def rule(self) -> Rule:
        """Return how places are chosen that are not given by hand."""
        from reports.figures.places import Rule

        return Rule(
            count=self.rows, boxes=self.boxes, crop=self.crop, among=self.among, seed=self.seed
        )


@app.command()
@unfolded
def grid(
    options: _Options,
    places: _Places,
    *,
    metrics: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Under each crop, the image's values: psnr,lpips."),
    ] = None,
    inset: Annotated[
        bool, typer.Option("--inset", help="Show whole images, the places enlarged inside them.")
    ] = False,
    originals: Originals = None,
) -> None:
    """Draw the same place as every method restored it, with LR and reference.

    Without --image, places are where the methods disagree most: the variance between their results
    after averaging over the area of an LR pixel. Every place is said on stderr, as options that
    give it again.

    Examples:
        mfsr-bench report figure grid runs/x
        mfsr-bench report figure grid runs/x --image Canon_001_LR4 --box 200,200,96,96
        mfsr-bench report figure grid runs/x --boxes 2 --metrics psnr,lpips
        mfsr-bench report figure grid runs/x --inset --rows 1
    """
    from reports.figures.drawing.grid import draw
    from reports.figures.grid import grid_figures
    from reports.pictures import pictures_of

    by_hand = _by_hand(places.image or [], places.box or [])
    asked = _asked(options, scored=False)
    pictures = pictures_of(asked.comparison, asked.results, split_datasets(originals))
    with console.count("images") as progress:
        figures = tuple(
            grid_figures(
                asked.comparison,
                pictures,
                by_hand=by_hand,
                rule=places.rule(),
                metrics=metrics_of(asked.comparison, metrics) or (),
                inset=inset,
                progress=progress,
            )
        )
    asked.write(draw, figures)


def _by_hand(images: Sequence[str], boxes: Sequence[str]) -> ByHand:
    from reports.figures.places import parse_boxes

    if boxes and len(boxes) != len(images):
        raise UsageError(
            f"{len(boxes)} --box for {len(images)} --image.",
            "Give --box once for each --image; several boxes of one image are joined by '+'.",
        )
    places: list[tuple[Box, ...]] = [parse_boxes(one) for one in boxes]
    return tuple(zip(images, places or [()] * len(images), strict=True))
