"""`mfsr-bench doctor`: is this machine ready, and if not, what to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmarks import registry
from benchmarks.api import paths
from benchmarks.api.errors import MFSRBenchError
from benchmarks.console import out, say
from benchmarks.options import Output, unfolded
from benchmarks.tables.model import Cell, Column, Document, listing

if TYPE_CHECKING:
    from benchmarks.api.weights import WeightStatus
    from benchmarks.tables.model import Mark

_PACKAGES = ("mfsr", "baselines", "benchmarks", "reports")
# What a metric or a method imports late; a broken one is better known before a long run.
_IMPORTS = (
    "torch",
    "torchvision",
    "cv2",
    "pyiqa",
    "cleanfid",
    "clip",
    "diffusers",
    "transformers",
    "peft",
)
# Imports them one after the other, and says of each what came of it.
_PROBE = """
import importlib, os, sys, warnings
warnings.simplefilter("ignore")
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for name in sys.argv[1:]:
    try:
        answer = "ok " + str(getattr(importlib.import_module(name), "__version__", ""))
    except BaseException as error:
        answer = "broken " + type(error).__name__ + ": " + " ".join(str(error).split())
    print(answer, file=answers, flush=True)
"""
_GROUPS = ("restorers", "datasets", "metrics", "prompts", "commands", "reports")
_LOW_DISK = 20e9  # bytes; the weights of one large method
_ANEW = "Install mfsr-bench again in a new virtual environment."

State = Literal["ok", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Check:
    """One question about this machine, and its answer. What is missing need not be wanted."""

    what: str
    state: State
    answer: str
    remedy: str = ""


@unfolded
def doctor(*, output: Output) -> None:
    """Check this machine: packages, plugins, device, folders, weights and data sets.

    What is missing is no error, for nobody needs everything; exit code 1 says that something is
    broken.

    Examples:
        mfsr-bench doctor
        mfsr-bench doctor --json
    """
    checks = [check for part in _PARTS for check in part()]
    rows = [(one.what, _marked(one.state), one.answer) for one in _shown(checks)]
    table = listing(["check", "state", Column(title="answer", prose=True)], rows)
    facts = [asdict(check) for check in checks]
    output.write(Document(tables=(table,), records=facts, data=facts))
    broken = [check for check in checks if check.state == "broken"]
    if output.for_people:
        _conclude()
    if broken:
        raise MFSRBenchError(
            f"{len(broken)} of {len(checks)} checks failed; the first: {broken[0].what}: "
            f"{broken[0].answer}",
            broken[0].remedy,
        )


def _marked(state: State) -> Cell:
    tones: dict[State, Mark] = {"ok": "good", "missing": "warning", "broken": "bad"}
    return Cell(text=state, mark=tones[state])


def _shown(checks: Sequence[Check]) -> Iterator[Check]:
    """Yield the checks, those of weights and of data sets as one line each unless they failed."""
    for kind, see in (("weights", "weights list"), ("data set", "datasets where")):
        mine = [one for one in checks if one.what.startswith(f"{kind}: ")]
        here = sum(one.state == "ok" for one in mine)
        others = [one for one in checks if one not in mine or one.state == "broken"]
        state: State = "ok" if here == len(mine) else "missing"
        answer = f"{here} of {len(mine)} complete; see: mfsr-bench {see}"
        checks = [*others, Check(f"{kind}s".replace("ss", "s"), state, answer)]
    yield from checks


def _conclude() -> None:
    """Print what this machine is ready for, and the one command that would help most."""
    from benchmarks.cli.readiness import readiness

    found = readiness()
    for title, kinds in (("ready for", found.ready), ("not ready for", found.lacking)):
        words = "; ".join(f"{kind} {', '.join(names)}" for kind, names in kinds.items() if names)
        out().print(
            f"\n{title}: {words or 'nothing'}", markup=False, soft_wrap=not out().is_terminal
        )
    if found.next:
        say(f"\nWhat would help most: {found.next}")


def _intruders() -> Iterator[Check]:
    """Our four packages have plain names: another of the same name may stand before ours."""
    root = Path(__file__).parents[2]
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).parents[1] if spec and spec.origin else None
        hidden = f"Another '{name}' hides ours: start mfsr-bench elsewhere."
        good = found == root
        yield Check(
            f"package {name}", "ok" if good else "broken", str(found), "" if good else hidden
        )


def _imports() -> Iterator[Check]:
    """Try imports in another process, which one of them may end."""
    waiting = list(_IMPORTS)
    while waiting:
        probe = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE, *waiting],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True, text=True, check=False, errors="replace",
        )  # fmt: skip
        answers = probe.stdout.splitlines()
        for name, answer in zip(waiting, answers, strict=False):
            state, _, words = answer.partition(" ")
            good = state == "ok"
            yield Check(f"import {name}", "ok" if good else "broken", words, "" if good else _ANEW)
        waiting = waiting[len(answers) :]
        if waiting:
            guilty, *waiting = waiting
            words = f"importing it ends the process with exit code {probe.returncode}"
            yield Check(f"import {guilty}", "broken", words, _ANEW)


def _device() -> Iterator[Check]:
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            yield Check(
                f"cuda:{index}",
                "ok",
                f"{name}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free",
            )
    else:
        yield Check("device", "ok", "CPU only: diffusion methods will be slow")


def _plugins() -> Iterator[Check]:
    for group in _GROUPS:
        ending = registry.fatal(group)
        for name in registry.entries(group):
            error: MFSRBenchError | None = ending.get(name)
            if error is None:
                try:
                    registry.load(group, name, what="plugin", see="mfsr-bench doctor")
                except MFSRBenchError as found:
                    error = found
            if error:
                yield Check(f"{group}: {name}", "broken", error.cause, error.remedy)


def _folders() -> Iterator[Check]:
    for what, folder in (("home", paths.home()), ("cache", paths.cache())):
        existing = next(p for p in (folder, *folder.parents) if p.exists())
        free = shutil.disk_usage(existing).free
        yield Check(
            f"{what} folder",
            "ok" if free > _LOW_DISK else "broken",
            f"{folder}, {free / 1e9:.0f} GB free",
            "" if free > _LOW_DISK else "Free space, or set MFSR_BENCH_HOME / MFSR_BENCH_CACHE.",
        )


def _weights() -> Iterator[Check]:
    from benchmarks import requirements
    from benchmarks.api.weights import WeightStore

    store = WeightStore()
    by_owner: dict[str, list[WeightStatus]] = {}
    for need in requirements.of_all():
        by_owner.setdefault(need.owner, []).append(need.status(store))
    for owner, files in by_owner.items():
        for file in files:
            if file.path and file.error:
                yield Check(f"weights: {owner}", "broken", file.error.cause, file.error.remedy)
        here = sum(file.state == "present" for file in files)
        complete = here == len(files)
        yield Check(
            f"weights: {owner}",
            "ok" if complete else "missing",
            f"{here} of {len(files)} files here",
            "" if complete else f"mfsr-bench weights fetch {owner}",
        )


def _datasets() -> Iterator[Check]:
    from benchmarks.datasets.places import of_card

    for name, card in registry.dataset_cards().items():
        if card.kind == "built-in":
            continue
        place = of_card(card)
        yield Check(
            f"data set: {name}",
            "ok" if place.is_there else "missing",
            f"at {place.root}" if place.is_there else "not here",
            f"mfsr-bench datasets {'verify' if place.is_there else 'fetch'} {name}",
        )


_PARTS: tuple[Callable[[], Iterator[Check]], ...] = (
    _intruders,
    _imports,
    _device,
    _plugins,
    _folders,
    _weights,
    _datasets,
)
