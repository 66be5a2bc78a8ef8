"""The pool passes messages on, survives the death of its workers, and takes them along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.engine import pool

HERE = Path(__file__)


class Squares:
    """Yields a number's square and the process that computed it; 13 is deadly."""

    def __call__(self, task: int) -> Iterator[Any]:
        yield ("begin", task)
        if task == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if task == 14:
            sys.exit(5)
        yield ("square", task * task, os.getpid(), os.environ.get("POOL_TEST"))

    def close(self) -> None:
        marker = os.environ.get("POOL_TEST_CLOSED")
        if marker:
            Path(marker).touch()


def squares(events: list[Any]) -> set[int]:
    return {
        e.payload[1] for e in events if isinstance(e, pool.Message) and e.payload[0] == "square"
    }


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_task_is_done_once(workers: int) -> None:
    events = list(pool.run(range(5), [Squares] * max(1, workers), inline=workers == 0))
    assert squares(events) == {0, 1, 4, 9, 16}
    assert sum(isinstance(e, pool.Finished) for e in events) == 5


def test_messages_of_a_dying_worker_arrive_and_the_rest_is_done() -> None:
    events = list(pool.run([1, 13, 2, 14, 3], [Squares, Squares]))
    died = {e.task: e.cause for e in events if isinstance(e, pool.Died)}
    assert died == {
        13: "the worker process was killed by SIGKILL (out of memory?)",
        14: "the worker process ended with exit code 5",
    }
    assert squares(events) == {1, 4, 9}
    assert pool.Message(13, ("begin", 13)) in events


def test_workers_get_their_environment_and_ours_is_unchanged() -> None:
    events = list(pool.run([1], [Squares], env={"POOL_TEST": "yes"}))
    messages = [e.payload for e in events if isinstance(e, pool.Message)]
    assert messages[-1][3] == "yes"
    assert "POOL_TEST" not in os.environ


def test_a_finished_pool_closes_its_handlers(tmp_path: Path) -> None:
    marker = tmp_path / "closed"
    list(pool.run([1], [Squares], env={"POOL_TEST_CLOSED": str(marker)}))
    assert marker.exists()


def test_tasks_may_be_added_while_events_are_handled() -> None:
    class Growing:
        def __init__(self) -> None:
            self.items = [2]

        def __iter__(self) -> Growing:
            return self

        def __next__(self) -> int:
            if not self.items:
                raise StopIteration
            return self.items.pop()

    tasks = Growing()
    seen = []
    for event in pool.run(tasks, [Squares]):
        if isinstance(event, pool.Finished):
            seen.append(event.task)
            if event.task < 5:
                tasks.items.append(event.task + 1)
    assert seen == [2, 3, 4, 5]


def test_tasks_are_taken_only_when_a_worker_is_free() -> None:
    taken = []

    def tasks() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    events = pool.run(tasks(), [Squares])
    next(events)
    assert len(taken) == 1
    events.close()


class Sleeps:
    """Sleeps in a grandchild too, as an external command does."""

    def __call__(self, task: int) -> Iterator[Any]:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        yield (os.getpid(), child.pid)
        time.sleep(60)

    def close(self) -> None:
        pass


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_gone(pids: tuple[int, ...]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if all(gone(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_leaving_the_pool_ends_workers_and_their_children() -> None:
    events = pool.run([1], [Sleeps])
    first = next(events)
    assert isinstance(first, pool.Message)
    events.close()
    assert wait_gone(first.payload)


def test_workers_and_their_children_follow_a_killed_parent() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(HERE.parent)!r})\n"
        "from test_pool import Sleeps\n"
        "from benchmarks.engine import pool\n"
        "if __name__ == '__main__':\n"
        "    for event in pool.run([1], [Sleeps]):\n"
        "        print(*event.payload, flush=True)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = tuple(int(word) for word in parent.stdout.readline().split())
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_gone(pids)
