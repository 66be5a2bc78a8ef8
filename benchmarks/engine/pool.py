"""Worker processes that may die without taking the run with them.

A task is a picklable value, and a worker answers it with one value. When a worker dies (killed, out
of memory, a crash in native code) its task is answered by `Died`, and the next one gets a new
process. When the parent dies, the workers follow.

A worker may be given tasks ahead, so that it never waits for the parent between two of them.

`run` is the one function: tasks in, answers out, each task once. Here are the processes of this
machine; with a cluster, `benchmarks.engine.cluster` does the same on its nodes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import psutil

from benchmarks.api.errors import MFSRBenchError
from benchmarks.console import foreign_output, hush
from benchmarks.engine.tasks import Died, Handler, Job, Raised, Worker

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from benchmarks.plan import Cluster

__all__ = ["Died", "Handler", "Job", "Worker", "run"]

T = TypeVar("T")


def run(
    workers: Sequence[Worker[T]],
    *,
    inline: bool = False,
    env: Mapping[str, str] | None = None,
    ahead: int = 0,
    cluster: Cluster | None = None,
    job: Job | None = None,
) -> Iterator[tuple[T, Any]]:
    """Do the workers' tasks and yield each with its answer, in the order they come.

    A worker's next task is taken after the caller has seen its last answer, so that a plan is never
    in memory at once, and may depend on what came before. A worker that dies has its tasks answered
    by `Died`, the one that it was at first, before it is given others.

    Args:
        workers: one process each, started for its first task.
        inline: do everything in this process, one worker after the other, for debugging.
        env: environment variables of the processes.
        ahead: tasks that wait at each worker while it is at one; 0 inline.
        cluster: where the processes are; None: on this machine.
        job: what another machine has to know of the tasks.

    Raises:
        MFSRBenchError: a handler raised it.
    """
    if inline:
        yield from _inline(workers)
        return
    if cluster:
        from benchmarks.engine.cluster import run_on

        yield from run_on(cluster, workers, env=env or {}, ahead=ahead, job=job or Job())
        return
    crew = [_Process(make, iter(tasks), env or {}, 1 + ahead) for make, tasks in workers]
    finished = False
    try:
        busy = [one for one in crew if one.take()]
        while busy:
            for one in _ready(busy):
                yield from one.answers()
                if not one.take():
                    busy.remove(one)
        finished = True
    finally:
        for one in crew:
            one.stop(kill=not finished)


def _inline(workers: Sequence[Worker[T]]) -> Iterator[tuple[T, Any]]:
    for make, tasks in workers:
        handler: Handler[T] | None = None
        try:
            for task in tasks:
                with foreign_output():
                    handler = handler or make()
                    answer = handler(task)
                yield task, answer
        finally:
            if handler:
                handler.close()


class _Process(Generic[T]):
    """A worker as the parent sees it: the process, the pipe to it, and the tasks it has."""

    def __init__(
        self,
        make: Callable[[], Handler[T]],
        tasks: Iterator[T],
        env: Mapping[str, str],
        most: int,
    ) -> None:
        self._make, self._tasks, self._env, self._most = make, tasks, env, most
        self._given: deque[T] = deque()  # the one it is at, and those that wait
        self._process: BaseProcess | None = None

    def take(self) -> bool:
        """Give the process as many tasks as it may have; return whether it has any."""
        while len(self._given) < self._most:
            try:
                task = next(self._tasks)
            except StopIteration:
                break
            if self._process is None:
                self._start()
            self._given.append(task)
            with suppress(OSError):  # it died just now: its sentinel will tell
                self._pipe.send(task)
        return bool(self._given)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        watched, self._lifeline = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work, args=(self._make, theirs, watched), daemon=True
        )
        with _environment(self._env):
            self._process.start()
        theirs.close()
        watched.close()

    def sources(self) -> tuple[Any, Any]:
        """Return what tells that the process has answered or ended."""
        assert self._process is not None
        return self._pipe, self._process.sentinel

    def answers(self) -> Iterator[tuple[T, Any]]:
        """Yield a task with its answer, or all if the process died; nothing if neither is so."""
        assert self._process is not None and self._given
        alive = self._process.is_alive()  # asked first: what it said before its end is in the pipe
        try:
            if self._pipe.poll():
                answer = self._pipe.recv()
                if isinstance(answer, Raised):
                    raise answer.error
                yield self._given.popleft(), answer
                return
        except (EOFError, OSError):
            alive = False
        if not alive:
            self._process.join()
            died = Died(_cause(self._process.exitcode))
            _kill_session(self._process.pid)
            self.stop(kill=False)
            while self._given:
                yield self._given.popleft(), died

    def stop(self, *, kill: bool) -> None:
        """End the process: at once, or by letting it close what it holds."""
        if self._process is None:
            return
        self._pipe.close()
        if kill:
            self._process.kill()
            _kill_session(self._process.pid)
        self._process.join()
        self._lifeline.close()
        self._process.close()
        self._process = None


def _ready(busy: Sequence[_Process[T]]) -> list[_Process[T]]:
    """Wait for processes that have answered or ended, and return them, each once."""
    sources = {source: one for one in busy for source in one.sources()}
    return list(dict.fromkeys(sources[source] for source in wait(list(sources))))


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


def _kill_session(leader: int | None) -> None:
    """Kill a process with all that it started, in whatever groups; it may be gone already."""
    if leader is None:
        return
    for pid in psutil.pids():
        with suppress(OSError):
            if pid != leader and os.getsid(pid) == leader:
                os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _work(make: Callable[[], Handler[T]], pipe: Connection, lifeline: Connection) -> None:
    """Be a worker: runs in the child process, and leaves the parent's stdout to the parent."""
    os.setsid()  # Ctrl-C reaches the parent alone, and our own children end with us
    with suppress(OSError):  # where there is no stderr
        os.dup2(2, 1)
    hush()
    follower = threading.Thread(target=_follow, args=(lifeline,), daemon=True)
    follower.start()
    handler: Handler[T] | None = None
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            break
        try:
            handler = handler or make()
            answer = handler(task)
        except MFSRBenchError as error:
            answer = Raised(error)
        pipe.send(answer)
    if handler:
        handler.close()
    if lifeline.poll():  # the parent is gone, and this process would end before its children
        follower.join()


def _follow(lifeline: Connection) -> None:
    """Wait until the parent is gone, then end with everything that was started from here."""
    with suppress(EOFError, OSError):
        lifeline.recv()
    _kill_session(os.getpid())
