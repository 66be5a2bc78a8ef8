"""What a run says, on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks import console
from benchmarks.api.text import printable
from benchmarks.engine.events import Advanced, Completed, Event, ItemFailed, Noted, StageBegan

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
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[text]}", markup=False),
        console=console.err(),
    )
    with bars:
        yield _Bars(bars)


class _Bars:
    """One bar per stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageBegan):
            self._task = self._bars.add_task(
                event.name, total=event.total, completed=event.done, text=""
            )
        elif isinstance(event, Advanced) and self._task is not None:
            self._bars.update(self._task, advance=event.units, text=printable(event.text))
        elif isinstance(event, ItemFailed):
            self._bars.console.print(_text(event.failure), style="red", markup=False)
            if self._task is not None:
                self._bars.update(self._task, advance=1)
        elif isinstance(event, Noted):
            self._bars.console.print(printable(event.text), markup=False)


class _Lines:
    """A line when a stage begins and ends, every few seconds between, and for each failure."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._stage = StageBegan("", 0, 0)
        self._done = 0
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageBegan):
            self._stage, self._done = event, event.done
            self._say("")
        elif isinstance(event, Advanced):
            self._done += event.units
            if self._done >= self._stage.total or self._is_time():
                self._say(event.text)
        elif isinstance(event, ItemFailed):
            self._done += 1
            console.say(_text(event.failure))
        elif isinstance(event, Noted) and not self._quiet:
            console.say(event.text)
        elif isinstance(event, Completed) and not self._quiet:
            console.say("done")

    def _is_time(self) -> bool:
        return time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES

    def _say(self, text: str) -> None:
        if not self._quiet:
            console.say(f"{self._stage.name} {self._done}/{self._stage.total} {text}".rstrip())
        self._last = time.monotonic()


def _text(row: FailureRow) -> str:
    what = " ".join(part for part in (row.method, f"{row.dataset}/{row.image}", row.metric) if part)
    return printable(f"failed to {row.stage} {what}: {row.cause}")
