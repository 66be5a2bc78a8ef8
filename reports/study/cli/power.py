"""`mfsr-bench study power`: how many raters and images, before anyone is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from benchmarks.api.errors import ConfigError, UsageError
from benchmarks.options import Form, Json, TableFile
from benchmarks.tables.model import Cell, Column, Document, Footnote, Group, Row, Table, cells
from benchmarks.tables.write import chosen_format, write

if TYPE_CHECKING:
    from reports.study.power import Power

_MOST_STUDIES = 100_000
N = TypeVar("N", int, float)


def power(
    *,
    shares: Annotated[str, typer.Option(metavar="P,P,...", help="Expected share of each method.")],
    raters: Annotated[str, typer.Option(metavar="N,N,...", help="Numbers of raters.")] = "75",
    images: Annotated[str, typer.Option(metavar="N,N,...", help="Numbers of images.")] = "25",
    shown: Annotated[int, typer.Option(help="Results side by side; default: all.")] = 0,
    per_image: Annotated[int, typer.Option(help="Trials of one image and one rater.")] = 1,
    rater_sd: Annotated[
        float, typer.Option(help="How far raters differ in what they like, in log odds.")
    ] = 0.5,
    image_sd: Annotated[
        float, typer.Option(help="How far images differ in what suits them, in log odds.")
    ] = 0.7,
    studies: Annotated[int, typer.Option(help="Simulated studies of each size.")] = 400,
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = 0,
    form: Form = None,
    out: TableFile = None,
    json: Json = False,
) -> None:
    """Print how often a study would find the best method, and how exact its share would be.

    Studies are simulated and tested as `study analyse` tests them. A difference counts as found
    where the test after Holm's correction is below 5 % and the better method is ahead.

    Examples:
        mfsr-bench study power --shares 0.5,0.3,0.2 --raters 25,75
    """
    from reports.study.power import checked_shares, design_of
    from reports.study.power import power as simulated
    from reports.study.simulation import population_of

    form = chosen_format(form, out, json=json)
    if not 1 <= studies <= _MOST_STUDIES or rater_sd < 0 or image_sd < 0:
        raise ConfigError(f"--studies is 1 to {_MOST_STUDIES}, and no deviation is below 0.")
    wanted = checked_shares(_numbers("--shares", shares, float))
    people = population_of(wanted, rater_sd=rater_sd, image_sd=image_sd)
    sizes = list(product(_numbers("--raters", raters, int), _numbers("--images", images, int)))
    designs = [
        design_of(len(wanted), raters=n, images=of, shown=shown, per_image=per_image)
        for n, of in sizes
    ]
    found = [simulated(design, people, studies=studies, seed=seed) for design in designs]
    about = {"shares": wanted.tolist(), "rater_sd": rater_sd, "image_sd": image_sd}
    data = {**about, "studies": studies, "sizes": [asdict(one) for one in found]}
    table = _table(found, [float(share) for share in wanted], studies)
    write(Document(tables=(table,), data=data), form, out)


def _numbers(option: str, text: str, kind: Callable[[str], N]) -> list[N]:
    try:
        return [kind(one) for one in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a list of numbers.") from None


def _table(found: Sequence[Power], shares: Sequence[float], studies: int) -> Table:
    head = (
        *("raters", "images", "votes", "share"),
        *(f"over {share:.1%}" for share in shares[1:]),
        "over all",
    )
    return Table(
        caption=f"Power to find that the best method, with {shares[0]:.1%}, is ahead.",
        label="study-power",
        columns=tuple(Column(title=text, numeric=True) for text in head),
        groups=(Group(rows=tuple(map(_row, found))),),
        stub=2,
        footnotes=(
            Footnote(
                text=f"share: 95 % range of the best method's share, in points. {studies} "
                "simulated studies of each size, Holm over all pairs."
            ),
        ),
    )


def _row(one: Power) -> Row:
    return Row(
        cells=(
            *cells(one.raters, one.images, one.votes),
            Cell(text=f"±{100 * one.half_width:.1f}", value=one.half_width),
            *(Cell(text=f"{rate:.0%}", value=rate) for rate in (*one.found, one.all_found)),
        )
    )
