"""Runs and scores from Python, as data frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from benchmarks.engine import run as engine
from benchmarks.engine.nodes import connection
from benchmarks.progress import progress
from benchmarks.request import Request, RunRequest, ScoreRequest, ask
from benchmarks.results import frames
from benchmarks.results.cache import ScoreCache
from benchmarks.results.directory import RunDirectory
from benchmarks.results.read import read_run
from benchmarks.results.rows import FailureRow, RunResults, ScoreRow, SetScoreRow
from benchmarks.results.store import RunStore
from benchmarks.settle import settle_run, settle_score, settled

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.api.weights import WeightStatus
    from benchmarks.plan import ScorePlan

R = TypeVar("R", bound=Request)


def run(
    methods: Sequence[str] | str | None = None,
    datasets: Sequence[str] | str | None = None,
    *,
    out: str | Path | None = None,
    quiet: bool = False,
    **options: Any,
) -> Results:
    """Restore and score: the same as `mfsr-bench run`, with the same options.

    The same call again does what is missing, and nothing else.

    Args:
        methods: a list, or a comma list; None for those of the command.
        datasets: likewise: ids, or "folder:LR::HR".
        out: the run directory; None for one that is named after what is asked.
        quiet: show no progress.
        options: `metrics`, `seed`, `device`, `limit`, ...: `mfsr-bench run --help` without dashes.

    Raises:
        MFSRBenchError: a name that does not exist, something that is missing, or a run that cannot
            go on. Images that fail are no error: they are in `Results.failures`.
    """
    asked = {"methods": methods, "datasets": datasets, "out": out, **options}
    request = _ask(RunRequest, asked)
    cache = ScoreCache()
    with connection(request.engine):
        plan = settled(lambda: settle_run(request, cache), fetch=_fetch_for(request.missing))
        with progress(quiet=quiet) as show:
            for event in engine.run(plan, cache):
                show(event)
    return Results.read(plan.out)


def score(
    sr: str | Path,
    hr: str | Path | None = None,
    *,
    metrics: Sequence[str] | str | None = None,
    quiet: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Score a folder of images: the same as `mfsr-bench score`, with the same options.

    Args:
        sr: folder of images.
        hr: folder of their references, of the same names.
        metrics: a list, or a comma list; None for those of the protocol.
        quiet: show no progress.
        options: `protocol`, `missing`, `device`, `workers`.

    Returns:
        One row per image, one column per metric id; NaN where there is no value. Its `attrs` hold
        `sets` (values of set metrics), `skipped` (metric -> why) and `failures` (image -> why).

    Raises:
        MFSRBenchError: a name that does not exist, or something that is missing.
    """
    request = _ask(ScoreRequest, {"sr": sr, "hr": hr, "metrics": metrics, **options})
    cache, store = ScoreCache(), RunStore(None)
    with connection(request.engine):
        plan = settled(lambda: settle_score(request, cache), fetch=_fetch_for(request.missing))
        with progress(quiet=quiet) as show:
            for event in engine.score(plan, store, cache):
                show(event)
    return _frame_of(plan, store)


class Results:
    """What a run found: data frames, whether it is finished or not.

    Attributes:
        path: the run directory.
        about: what the run is, as its `run.json` says.
    """

    def __init__(self, found: RunResults) -> None:
        self.path = found.path
        self.about = found.run
        self._found = found

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Open a run directory.

        Raises:
            DataError: there is no run in that folder, or it is damaged.
            ConflictError: another version of the program wrote it in another form.
        """
        return cls(read_run(Path(path).expanduser()))

    @property
    def scores(self) -> pd.DataFrame:
        """One row per image and metric: `dataset, method, image, metric, value`."""
        return frames.scores(self._found)

    @property
    def means(self) -> pd.DataFrame:
        """The cells of the tables, unrounded: `dataset, method, metric, value, n`.

        Means are over the `n` images that every method has.
        """
        return frames.means(self._found)

    @property
    def images(self) -> pd.DataFrame:
        """One row per restored image, with the `path` of its file."""
        found = frames.images(self._found)
        place = RunDirectory(self.path).image
        names = zip(found.method, found.dataset, found.image, strict=True)
        found["path"] = [str(place(*name)) for name in names]
        return found

    @property
    def failures(self) -> pd.DataFrame:
        """One row per recorded failure: `dataset, method, image, stage, metric, error, cause`."""
        return frames.failures(self._found)

    def __repr__(self) -> str:
        identity = self.about["identity"]
        methods, datasets = (", ".join(identity[key]) for key in ("methods", "datasets"))
        n, failed = len(self._found.images), len(self._found.failures)
        return f"<Results {self.path}: {methods} on {datasets}, {n} images, {failed} failures>"


def _frame_of(plan: ScorePlan, store: RunStore) -> pd.DataFrame:
    import pandas as pd

    columns = [spec.id for spec in plan.images.sample_specs()]
    frame = pd.DataFrame(index=list(plan.images.images()), columns=columns, dtype=float)
    frame.index.name = "image"
    for row in store.rows(ScoreRow):
        frame.loc[row.image, row.metric] = row.value
    frame.attrs = {
        "sets": {row.metric: row.value for row in store.rows(SetScoreRow)},
        "skipped": dict(plan.scoring.skipped),
        "failures": {row.image or row.metric: row.cause for row in store.rows(FailureRow)},
    }
    return frame


def _ask(kind: type[R], values: Mapping[str, Any]) -> R:
    return ask(kind, {key: one for key, one in values.items() if one is not None}, named="{}")


def _fetch_for(missing: str | None) -> Callable[[Iterable[WeightStatus]], None] | None:
    if missing != "fetch":
        return None
    from benchmarks.cli.weights import fetch_all

    return fetch_all
