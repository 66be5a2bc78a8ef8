"""The pool passes answers on, survives the death of its workers, and takes them along."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.api.errors import ResourceError
from benchmarks.engine import pool

HERE = Path(__file__)


class Squares:
    """Answers a number by its square and the process that computed it; 13 and 14 are deadly."""

    def __call__(self, task: int) -> Any:
        if task == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if task == 14:
            sys.exit(5)
        if task == 15:
            raise ResourceError("The disk is full.", "Free space.")
        return task * task, os.getpid(), os.environ.get("POOL_TEST")

    def close(self) -> None:
        marker = os.environ.get("POOL_TEST_CLOSED")
        if marker:
            Path(marker).touch()


def crew(tasks: Iterable[int], n: int = 1) -> list[pool.Worker[int]]:
    """Return workers that share tasks."""
    shared = iter(tasks)
    return [(Squares, shared)] * n


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_task_is_answered_once(workers: int) -> None:
    found = list(pool.run(crew(range(5), max(1, workers)), inline=workers == 0))
    assert sorted((task, answer[0]) for task, answer in found) == [(i, i * i) for i in range(5)]


def test_a_dying_worker_costs_the_task_it_is_at() -> None:
    found = dict(pool.run(crew([1, 13, 2, 14, 3], 2)))
    assert found.pop(13) == pool.Died("the worker process was killed by SIGKILL (out of memory?)")
    assert found.pop(14) == pool.Died("the worker process ended with exit code 5")
    assert {task: answer[0] for task, answer in found.items()} == {1: 1, 2: 4, 3: 9}


@pytest.mark.parametrize("inline", [True, False])
def test_an_error_of_ours_ends_everything(inline: bool) -> None:
    with pytest.raises(ResourceError, match="disk is full") as caught:
        list(pool.run(crew([1, 15, 2]), inline=inline))
    assert caught.value.remedy == "Free space."


def test_workers_get_their_environment_and_ours_is_unchanged() -> None:
    ((_, answer),) = pool.run(crew([1]), env={"POOL_TEST": "yes"})
    assert answer[2] == "yes"
    assert "POOL_TEST" not in os.environ


def test_a_finished_pool_closes_its_handlers(tmp_path: Path) -> None:
    marker = tmp_path / "closed"
    list(pool.run(crew([1]), env={"POOL_TEST_CLOSED": str(marker)}))
    assert marker.exists()


@pytest.mark.parametrize("inline", [True, False])
def test_what_a_worker_does_next_may_depend_on_its_last_answer(inline: bool) -> None:
    seen: list[int] = []

    def tasks() -> Iterator[int]:
        yield 2
        while seen[-1] < 1000:
            yield seen[-1]

    for _, answer in pool.run(crew(tasks()), inline=inline):
        seen.append(answer[0])
    assert seen == [4, 16, 256, 65536]


def test_a_worker_of_its_own_tasks_is_one_process_all_along() -> None:
    found = list(pool.run([(Squares, [1, 2, 3]), (Squares, [11, 12])]))
    assert len({answer[1] for task, answer in found if task < 10}) == 1
    assert len({answer[1] for _, answer in found}) == 2


def test_tasks_are_taken_only_when_a_worker_is_free() -> None:
    taken = []

    def tasks() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    answers = pool.run(crew(tasks()))
    next(answers)
    assert len(taken) == 1
    answers.close()


class Prints:
    """Prints where it should not, from Python and from C."""

    def __call__(self, task: int) -> int:
        sys.stdout.write("from Python\n")
        os.write(1, b"to the file descriptor\n")
        libc = ctypes.CDLL(None)
        libc.puts(b"from C")
        libc.fflush(None)
        return task

    def close(self) -> None:
        pass


@pytest.mark.parametrize("inline", [True, False])
def test_what_a_method_prints_never_reaches_stdout(
    inline: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    sys.stdout.write("before\n")
    assert dict(pool.run([(Prints, [1, 2])], inline=inline)) == {1: 1, 2: 2}
    sys.stdout.write("after\n")
    captured = capfd.readouterr()
    assert captured.out == "before\nafter\n"
    for words in ("from Python", "to the file descriptor", "from C"):
        assert captured.err.count(words) == 2


class Sleeps:
    """Sleeps in a grandchild too, in a process group of its own as an external command has."""

    def __call__(self, task: int) -> tuple[int, int]:
        if task == 2:
            time.sleep(60)
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        child = subprocess.Popen(command, process_group=0)
        return os.getpid(), child.pid

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


def killed_with(code: str) -> tuple[int, ...]:
    """Start a parent, kill it when it has said a worker's answer, and return that."""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = tuple(int(word) for word in parent.stdout.readline().split())
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    return pids


def test_leaving_the_pool_ends_workers_and_their_children() -> None:
    answers = pool.run([(Sleeps, [1, 2])])
    _, pids = next(answers)
    answers.close()
    assert wait_gone(pids)


def test_workers_and_their_children_follow_a_killed_parent() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(HERE.parent)!r})\n"
        "from test_pool import Sleeps\n"
        "from benchmarks.engine import pool\n"
        "if __name__ == '__main__':\n"
        "    for _, pids in pool.run([(Sleeps, [1, 2])]):\n"
        "        print(*pids, flush=True)\n"
    )
    assert wait_gone(killed_with(code))


def test_the_children_of_a_worker_that_waits_follow_a_killed_parent() -> None:
    """It is not at a task, and learns of the end by the pipe of tasks."""
    code = (
        f"import sys, time; sys.path.insert(0, {str(HERE.parent)!r})\n"
        "from test_pool import Sleeps\n"
        "from benchmarks.engine import pool\n"
        "if __name__ == '__main__':\n"
        "    for _, pids in pool.run([(Sleeps, [1])]):\n"
        "        print(*pids, flush=True)\n"
        "        time.sleep(60)\n"
    )
    assert wait_gone(killed_with(code))


def test_tasks_wait_at_a_worker_and_are_answered_in_order() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for i in range(6):
            taken.append(i)
            yield i

    answers = pool.run(crew(tasks()), ahead=2)
    assert next(answers)[0] == 0
    assert taken == [0, 1, 2]
    assert [task for task, _ in answers] == [1, 2, 3, 4, 5]


def test_a_dying_worker_has_all_its_tasks_answered_before_it_gets_others() -> None:
    found = list(pool.run(crew([1, 13, 2, 3, 4]), ahead=2))
    killed = pool.Died("the worker process was killed by SIGKILL (out of memory?)")
    assert found[1:4] == [(13, killed), (2, killed), (3, killed)]
    assert [(task, answer[0]) for task, answer in (found[0], found[4])] == [(1, 1), (4, 16)]


class Patient:
    """Tasks that come only when nothing is under way."""

    def __init__(self, n: int) -> None:
        self.left, self.under_way = n, False

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if self.under_way or not self.left:
            raise StopIteration
        self.left, self.under_way = self.left - 1, True
        return self.left


@pytest.mark.parametrize("ahead", [0, 3])
def test_an_iterator_that_has_ended_is_asked_again_after_an_answer(ahead: int) -> None:
    tasks, found = Patient(3), []
    for task, _ in pool.run([(Squares, tasks)], ahead=ahead):
        found.append(task)
        tasks.under_way = False
    assert found == [2, 1, 0]
