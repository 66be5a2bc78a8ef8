"""`mfsr-bench report export`: the values per image, one column per metric."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import ConfigError, DataError, PluginError
from benchmarks.api.images import show, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from benchmarks.results.rows import RunResults


def export(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .csv or a .parquet file.")],
) -> None:
    """Write the values per image as one wide table: a row per image, a column per metric.

    The columns before them name run, data set, method, the method's printed title, and image;
    `seconds` is what restoring the image took. Values are unrounded; what is missing is empty.

    Examples:
        mfsr-bench report export runs/x --out x.csv
        mfsr-bench report export runs/x runs/y --out both.parquet
    """
    from benchmarks.results.read import read_run

    if out.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"The suffix of '{show(out)}' is neither .csv nor .parquet.")
    table = wide([read_run(run) for run in runs])
    if table.empty:
        raise DataError("These runs have no scores.", "Finish them first.")
    write_atomic(out, _parquet(table) if out.suffix == ".parquet" else _csv(table))
    console.say(f"{len(table)} rows, {len(table.columns)} columns: {show(out)}")


def wide(results: Iterable[RunResults]) -> pd.DataFrame:
    """Return a row per image of each run and method, with a column per metric and `seconds`."""
    import pandas as pd

    return pd.concat([_wide(one) for one in results], ignore_index=True)


def _wide(results: RunResults) -> pd.DataFrame:
    import pandas as pd

    from benchmarks.results.frames import scores

    key = ["dataset", "method", "image"]
    values = scores(results).pivot(index=key, columns="metric", values="value")
    recorded = list(results.run["identity"]["protocol"]["metrics"])
    values = values.reindex(columns=[name for name in recorded if name in values.columns])
    seconds = {(row.dataset, row.method, row.image): row.seconds for row in results.timings}
    values["seconds"] = [seconds.get(one, float("nan")) for one in values.index]
    table = values.reset_index()
    methods = results.run["identity"]["methods"]
    titles = table["method"].map(lambda name: methods.get(name, {}).get("title", name))
    table.insert(2, "title", titles)
    table.insert(0, "run", results.path.resolve().name)
    table.columns.name = None
    return pd.DataFrame(table)


def _csv(table: pd.DataFrame) -> bytes:
    text: str = table.to_csv(index=False, lineterminator="\n")
    return text.encode()


def _parquet(table: pd.DataFrame) -> bytes:
    try:
        content: bytes = table.to_parquet(index=False)
    except ImportError:
        raise PluginError(
            "Parquet needs the package pyarrow.", "Run: pip install pyarrow, or write a .csv"
        ) from None
    return content
