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
from benchmarks.options import choose, split_datasets, split_lists
from benchmarks.results.read import read_run
from reports.comparison import compare
from reports.figures.looks import looks
from reports.figures.model import ALL_FORMATS, Columns, Format
from reports.selection import Originals, select

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.figures.drawing.files import Drawn
    from reports.figures.grid import ByHand
    from reports.figures.latency import Latency
    from reports.figures.looks import Look
    from reports.figures.places import Box
    from reports.identity import Dataset

    D = TypeVar("D", bound=Drawn)

app = typer.Typer(help="Figures for papers: PNG, PDF, SVG, LaTeX.", no_args_is_help=True)

Runs = Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")]
Methods = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Only these methods, in this order.")
]
Datasets = Annotated[list[str] | None, typer.Option(metavar="NAMES", help="Only these data sets.")]
Metrics = Annotated[
    list[str] | None, typer.Option(metavar="NAMES", help="Only these metrics, in this order.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of the files. Default: figures in the first run."),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAMES",
        help="png, pdf, svg, and tex: the LaTeX around the PDF. Default: png,pdf,svg.",
    ),
]
Width = Annotated[
    Columns | None,
    typer.Option("--columns", help="Width in columns of a paper. Default: by the panels."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the options that all figures share come to."""

    results: Sequence[RunResults]
    comparison: Comparison
    styles: Mapping[str, Look]  # of all methods of the runs: a choice of methods keeps its colours
    out: Path
    formats: tuple[Format, ...]
    columns: Columns | None

    def write(self, draw: Callable[[D, Columns | None], Figure], figures: Iterable[D]) -> None:
        """Write figures, print their files on stdout, and say on stderr what is not in them."""
        from reports.figures.drawing.files import write

        for one in figures:
            for note in one.about.notes:
                console.say(note, style="yellow")
            for file in write(draw, one, self.out, self.formats, self.columns):
                console.out().print(show(file), markup=False)


def _asked(
    runs: Sequence[Path],
    methods: list[str] | None,
    datasets: list[str] | None,
    metrics: list[str] | None,
    out: Path | None,
    formats: list[str] | None,
    columns: Columns | None,
) -> _Asked:
    known = {form.value: () for form in Format}
    see = "mfsr-bench report figure steps --help"
    chosen = choose(split_lists(formats), known, what="format", see=see)
    results = [read_run(run) for run in runs]
    comparison = compare(results)
    return _Asked(
        results=results,
        comparison=select(comparison, methods=methods, datasets=datasets, metrics=metrics),
        styles=looks(comparison),
        out=out or runs[0] / "figures",
        formats=tuple(map(Format, chosen)) if chosen else ALL_FORMATS,
        columns=columns,
    )


@app.command()
def steps(
    runs: Runs,
    *,
    methods: Methods = None,
    datasets: Datasets = None,
    metrics: Metrics = None,
    out: Out = None,
    formats: Formats = None,
    columns: Width = None,
) -> None:
    """Draw metrics against sampling steps: a line per method, dashed where there is one value."""
    from reports.figures.drawing.steps import draw
    from reports.figures.steps import steps_figures

    asked = _asked(runs, methods, datasets, metrics, out, formats, columns)
    asked.write(draw, steps_figures(asked.comparison, asked.styles))


@app.command()
def scatter(
    runs: Runs,
    *,
    methods: Methods = None,
    datasets: Datasets = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y",
            help="Two metrics. Default: the first with a reference, the first without.",
        ),
    ] = None,
    out: Out = None,
    formats: Formats = None,
    columns: Width = None,
) -> None:
    """Draw perception against distortion: one metric against another, methods as points."""
    from reports.figures.drawing.points import draw
    from reports.figures.scatter import scatter_figures

    asked = _asked(runs, methods, datasets, metrics, out, formats, columns)
    pair = tuple(asked.comparison.metrics) if metrics else None
    asked.write(draw, scatter_figures(asked.comparison, pair, asked.styles))


@app.command()
def pareto(
    runs: Runs,
    *,
    bench: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Latency by mfsr-bench bench at batch 1. Default: what the runs took per image.",
        ),
    ] = None,
    methods: Methods = None,
    datasets: Datasets = None,
    metrics: Metrics = None,
    out: Out = None,
    formats: Formats = None,
    columns: Width = None,
) -> None:
    """Draw quality against latency, with the methods that no other one beats in both."""
    from reports.figures.drawing.points import draw
    from reports.figures.latency import latency_of_bench, latency_of_runs
    from reports.figures.pareto import pareto_figures

    asked = _asked(runs, methods, datasets, metrics, out, formats, columns)
    measured = latency_of_bench(bench) if bench else None

    def latency(dataset: Dataset) -> Latency:
        return measured or latency_of_runs(asked.comparison, asked.results, dataset)

    asked.write(draw, pareto_figures(asked.comparison, latency, asked.styles))


@app.command()
def distributions(
    runs: Runs,
    *,
    methods: Methods = None,
    datasets: Datasets = None,
    metrics: Metrics = None,
    out: Out = None,
    formats: Formats = None,
    columns: Width = None,
) -> None:
    """Draw the values per image behind the means: violins, boxes and points."""
    from reports.figures.distributions import distribution_figures
    from reports.figures.drawing.distributions import draw

    asked = _asked(runs, methods, datasets, metrics, out, formats, columns)
    asked.write(draw, distribution_figures(asked.comparison, asked.styles))


@app.command()
def grid(
    runs: Runs,
    *,
    image: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Show this image; again for another row."),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="Its place, in pixels of the results; once per --image. Default: by the rule.",
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Images that the rule chooses.")] = 3,
    crop: Annotated[
        int | None,
        typer.Option(min=1, help="Side of its boxes. Default: a quarter of the shorter side."),
    ] = None,
    among: Annotated[int, typer.Option(min=1, help="Images that it looks at.")] = 100,
    seed: Annotated[int, typer.Option(help="Draws these, where there are more.")] = 0,
    originals: Originals = None,
    methods: Methods = None,
    datasets: Datasets = None,
    out: Out = None,
    formats: Formats = None,
    columns: Width = None,
) -> None:
    """Draw the same place as every method restored it, with LR and reference.

    Without --image, places are where the methods disagree most: the variance between their results
    after averaging over the area of an LR pixel. Every place is said on stderr, as options that
    give it again.
    """
    from reports.figures.drawing.grid import draw
    from reports.figures.grid import grid_figures
    from reports.figures.places import Rule
    from reports.pictures import pictures_of

    by_hand = _by_hand(image or [], box or [])
    asked = _asked(runs, methods, datasets, None, out, formats, columns)
    pictures = pictures_of(asked.comparison, asked.results, split_datasets(originals))
    rule = Rule(count=rows, crop=crop, among=among, seed=seed)
    with console.count("images") as progress:
        figures = tuple(
            grid_figures(asked.comparison, pictures, by_hand=by_hand, rule=rule, progress=progress)
        )
    asked.write(draw, figures)


def _by_hand(images: Sequence[str], boxes: Sequence[str]) -> ByHand:
    from reports.figures.places import parse_box

    if boxes and len(boxes) != len(images):
        raise UsageError(
            f"{len(boxes)} boxes for {len(images)} images.", "Give --box once for each --image."
        )
    places: list[Box | None] = [parse_box(one) for one in boxes]
    places = places or [None] * len(images)
    return tuple(zip(images, places, strict=True))
