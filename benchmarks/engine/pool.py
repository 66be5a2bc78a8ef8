"""Worker processes that may die without taking the run with them.

A task is a picklable value. A worker turns it into a stream of messages; the parent passes them on
as they come. When a worker dies (killed, out of memory, a crash in native code) the parent learns
which task it was at, replaces the worker and goes on. When the parent dies, the workers follow.

This is the `local` engine. Another engine (`ray`) has to offer the same one function: tasks in,
messages out, each task at least once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

T = TypeVar("T")
S_contra = TypeVar("S_contra", contravariant=True)


class Handler(Protocol[S_contra]):
    """What does tasks, in a worker. It is made once per worker and may keep state (a network)."""

    def __call__(self, task: S_contra, /) -> Iterable[Any]:
        """Do a task; yield picklable messages meanwhile."""

    def close(self) -> None:
        """Release what is held beyond memory."""


MakeHandler = Callable[[], Handler[T]]


@dataclass(frozen=True, slots=True)
class Message(Generic[T]):
    """Something that a worker says while it is at a task."""

    task: T
    payload: Any


@dataclass(frozen=True, slots=True)
class Finished(Generic[T]):
    """A worker is through with a task."""

    task: T


@dataclass(frozen=True, slots=True)
class Died(Generic[T]):
    """A worker process ended while it was at a task."""

    task: T
    cause: str  # "killed by signal 9", "exit code 1"


Event = Message[T] | Finished[T] | Died[T]


class _Worker(Generic[T]):
    """One process, the pipe to it, and the task that it is at."""

    def __init__(self, make_handler: MakeHandler[T], env: Mapping[str, str]) -> None:
        self.make_handler = make_handler
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        watched, self._lifeline = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(
            target=_work, args=(make_handler, theirs, watched), daemon=True
        )
        with _environment(env):
            self.process.start()
        theirs.close()
        watched.close()
        self.task: T | None = None

    def give(self, task: T) -> None:
        self.task = task
        with suppress(OSError):  # it died just now: its sentinel will tell
            self.pipe.send(task)

    def stop(self, *, kill: bool) -> None:
        """End the process: at once, or by letting it close what it holds."""
        self.pipe.close()
        if kill:
            self.process.kill()
            _kill_group(self.process.pid)
        self.process.join()
        self._lifeline.close()
        self.process.close()


def run(
    tasks: Iterable[T],
    handlers: Sequence[MakeHandler[T]],
    *,
    inline: bool = False,
    env: Mapping[str, str] | None = None,
) -> Iterator[Event[T]]:
    """Do `tasks` in worker processes and yield what they say, in the order it comes.

    Tasks are taken from the iterator only when a worker is free, so that a long plan is never in
    memory at once; the iterator may grow while the caller handles events.

    Args:
        tasks: picklable values.
        handlers: one per worker; picklable, called in the worker, returns what does a task.
        inline: do everything in this process with the first handler, for debugging.
        env: environment variables of the workers.
    """
    if inline:
        yield from _inline(tasks, handlers[0])
        return
    pending = iter(tasks)
    unused = list(handlers)
    idle: deque[_Worker[T]] = deque()
    busy: list[_Worker[T]] = []
    finished = False
    try:
        while True:
            for task in _take(pending, len(handlers) - len(busy)):
                worker = idle.popleft() if idle else _Worker(unused.pop(0), env or {})
                busy.append(worker)
                worker.give(task)
            if not busy:
                finished = True
                return
            for worker in _ready(busy):
                yield from _listen(worker, busy, idle, unused)
    finally:
        for worker in (*busy, *idle):
            worker.stop(kill=not finished)


def _take(pending: Iterator[T], n: int) -> Iterator[T]:
    for _ in range(n):
        try:
            yield next(pending)
        except StopIteration:
            return


def _inline(tasks: Iterable[T], make_handler: MakeHandler[T]) -> Iterator[Event[T]]:
    handler = make_handler()
    try:
        for task in tasks:
            for payload in handler(task):
                yield Message(task, payload)
            yield Finished(task)
    finally:
        handler.close()


def _ready(busy: list[_Worker[T]]) -> list[_Worker[T]]:
    """Wait for workers that have said something or ended, and return them, each once."""
    sources: dict[Any, _Worker[T]] = {}
    for worker in busy:
        sources[worker.pipe] = sources[worker.process.sentinel] = worker
    return list(dict.fromkeys(sources[source] for source in wait(list(sources))))


def _listen(
    worker: _Worker[T],
    busy: list[_Worker[T]],
    idle: deque[_Worker[T]],
    unused: list[MakeHandler[T]],
) -> Iterator[Event[T]]:
    """Yield what one worker has said; put it among the idle ones, or away, when its task ends."""
    task = worker.task
    assert task is not None
    alive = worker.process.is_alive()  # asked first: whatever it said before its end is in the pipe
    try:
        while worker.pipe.poll():
            kind, payload = worker.pipe.recv()
            if kind == "finished":
                busy.remove(worker)
                idle.append(worker)
                yield Finished(task)
                return
            yield Message(task, payload)
    except (EOFError, OSError):
        alive = False
    if alive:
        return
    busy.remove(worker)
    worker.process.join()
    cause = _cause(worker.process.exitcode)
    worker.stop(kill=False)
    unused.append(worker.make_handler)
    yield Died(task, cause)


def _cause(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        hint = " (out of memory?)" if -exitcode == signal.SIGKILL else ""
        return f"the worker process was killed by {name}{hint}"
    return f"the worker process ended with exit code {exitcode}"


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """Set variables while a process starts: numeric libraries read theirs before our code runs."""
    before = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _kill_group(pid: int | None) -> None:
    """Kill a process with all that it started; it may be gone, or not yet lead a group."""
    if pid is not None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _work(make_handler: MakeHandler[T], pipe: Connection, lifeline: Connection) -> None:
    """Be a worker: runs in the child process."""
    os.setsid()  # Ctrl-C reaches the parent alone, and our own children end with us
    threading.Thread(target=_follow, args=(lifeline,), daemon=True).start()
    handler: Handler[T] | None = None
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            break
        handler = handler or make_handler()
        for payload in handler(task):
            pipe.send(("message", payload))
        pipe.send(("finished", None))
    if handler:
        handler.close()


def _follow(lifeline: Connection) -> None:
    """Wait until the parent is gone, then end with everything that was started from here."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    _kill_group(os.getpid())
