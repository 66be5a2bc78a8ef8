"""What a run says, on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.api.text import printable
from benchmarks.engine.events import (
    Advanced,
    Completed,
    Event,
    ItemFailed,
    Loading,
    Noted,
    StageBegan,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from benchmarks.results.rows import FailureRow

_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Callable[[Event], None]]:
    """Yield what shows the events of a run.

    Args:
        quiet: show failures and nothing else.
    """
    if quiet or not console.shows_bars():
        yield _Lines(quiet)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[pace]}", markup=False),
        TextColumn("{task.fields[text]}", markup=False),
        console=console.err(),
    )
    with bars:
        yield _Bars(bars)


class _Pace:
    """How fast a stage goes, and how long it may take."""

    def __init__(self, stage: StageBegan) -> None:
        self.stage = stage
        self.done = stage.done
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return time.monotonic() - self._began

    def words(self) -> list[str]:
        """Return rate and time left; nothing before anything is done."""
        new, left = self.done - self.stage.done, self.stage.total - self.done
        if new <= 0 or self.elapsed <= 0:
            return []
        rate = new / self.elapsed
        words = [f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"]
        return [*words, f"{console.duration(left / rate)} left"] if left > 0 else words


class _Bars:
    """One bar per stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._pace = _Pace(StageBegan("", 0, 0))

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageBegan):
            self._begin(event)
        elif isinstance(event, Advanced):
            self._advance(event.units, printable(event.text))
        elif isinstance(event, Loading):
            self._advance(0, f"loading {printable(event.what)}")
        elif isinstance(event, ItemFailed):
            self._bars.console.print(_text(event.failure), style="red", markup=False)
            self._advance(1)
        elif isinstance(event, Noted):
            self._bars.console.print(printable(event.text), markup=False)
        elif isinstance(event, Completed) and event.found:
            self._bars.console.print(_nothing_to_do(*event.found), markup=False)

    def _begin(self, stage: StageBegan) -> None:
        self._pace, self._task = _Pace(stage), None
        if stage.done < stage.total:
            self._task = self._bars.add_task(
                stage.name, total=stage.total, completed=stage.done, text="", pace=""
            )

    def _advance(self, units: int, text: str | None = None) -> None:
        if self._task is None:
            return
        self._pace.done += units
        pace = ", ".join(self._pace.words())
        self._bars.update(self._task, advance=units, pace=pace)
        if text is not None:
            self._bars.update(self._task, text=text)


class _Lines:
    """A line when a stage begins and ends, every few seconds between, and for each failure."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._pace = _Pace(StageBegan("", 0, 0))
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageBegan):
            self._pace = _Pace(event)
            if event.done < event.total:
                self._say("")
        elif isinstance(event, Advanced):
            self._pace.done += event.units
            if self._pace.done >= self._pace.stage.total or self._is_time():
                self._say(event.text)
        elif isinstance(event, ItemFailed):
            self._pace.done += 1
            console.say(_text(event.failure))
        elif not self._quiet:
            self._tell(event)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Noted):
            console.say(event.text)
        elif isinstance(event, Loading):
            console.say(f"loading {event.what}")
        elif isinstance(event, Completed):
            console.say(_nothing_to_do(*event.found) if event.found else "done")

    def _is_time(self) -> bool:
        return time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES

    def _say(self, text: str) -> None:
        self._last = time.monotonic()
        if self._quiet:
            return
        pace = self._pace
        words = [f"{pace.stage.name} {pace.done}/{pace.stage.total}"]
        if pace.done > pace.stage.done:
            words += [f"{console.duration(pace.elapsed)} elapsed", *pace.words()]
        console.say(", ".join([*words, *filter(None, [text])]))


def _nothing_to_do(images: int, scores: int) -> str:
    return f"nothing to do: {images} images and {scores} scores were there"


def _text(row: FailureRow) -> str:
    what = " ".join(part for part in (row.method, f"{row.dataset}/{row.image}", row.metric) if part)
    return printable(f"failed to {row.stage} {what}: {row.cause}")
