"""`mfsr-bench doctor`: is this machine ready, and if not, what to do."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import registry
from benchmarks.api import paths
from benchmarks.api.errors import MFSRBenchError
from benchmarks.console import print_json, print_table
from benchmarks.options import Json

if TYPE_CHECKING:
    from benchmarks.api.weights import WeightStatus

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
_LOW_DISK = 20e9  # bytes; the weights of one large method


@dataclass(frozen=True, slots=True)
class Check:
    """One question about this machine, and its answer."""

    what: str
    ok: bool
    answer: str
    remedy: str = ""


def doctor(*, json: Json = False) -> None:
    """Check this machine: packages, plugins, device, folders, weights and data sets."""
    checks = [check for part in _PARTS for check in part()]
    if json:
        print_json([asdict(check) for check in checks])
    else:
        print_table(
            ("check", "", "answer", "what to do"),
            [(c.what, "ok" if c.ok else "!!", c.answer, c.remedy) for c in checks],
        )
    broken = [check for check in checks if not check.ok]
    if broken:
        raise MFSRBenchError(
            f"{len(broken)} of {len(checks)} checks failed; the first: {broken[0].what}: "
            f"{broken[0].answer}",
            broken[0].remedy,
        )


def _intruders() -> Iterator[Check]:
    """Our four packages have plain names: another of the same name may stand before ours."""
    root = Path(__file__).parents[2]
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).parents[1] if spec and spec.origin else None
        yield Check(
            f"package {name}",
            found == root,
            str(found),
            "" if found == root else f"Another '{name}' hides ours: start mfsr-bench elsewhere.",
        )


def _imports() -> Iterator[Check]:
    for name in _IMPORTS:
        try:
            module = importlib.import_module(name)
        except Exception as error:
            remedy = "Install mfsr-bench again in a new virtual environment."
            yield Check(f"import {name}", False, f"{type(error).__name__}: {error}", remedy)
        else:
            yield Check(f"import {name}", True, str(getattr(module, "__version__", "")))


def _device() -> Iterator[Check]:
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            yield Check(
                f"cuda:{index}", True, f"{name}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free"
            )
    else:
        yield Check("device", True, "CPU only: diffusion methods will be slow")


def _plugins() -> Iterator[Check]:
    for group in ("restorers", "datasets", "metrics", "prompts", "commands", "reports"):
        for name in registry.entries(group):
            try:
                registry.load(group, name, what="plugin", see="mfsr-bench doctor")
            except MFSRBenchError as error:
                yield Check(f"{group}: {name}", False, error.cause, error.remedy)


def _folders() -> Iterator[Check]:
    for what, folder in (("home", paths.home()), ("cache", paths.cache())):
        existing = next(p for p in (folder, *folder.parents) if p.exists())
        free = shutil.disk_usage(existing).free
        yield Check(
            f"{what} folder",
            free > _LOW_DISK,
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
                yield Check(f"weights: {owner}", False, file.error.cause, file.error.remedy)
        here = sum(file.state == "present" for file in files)
        remedy = "" if here == len(files) else f"mfsr-bench weights fetch {owner}"
        yield Check(f"weights: {owner}", True, f"{here} of {len(files)} files here", remedy)


def _datasets() -> Iterator[Check]:
    from benchmarks.datasets.places import of_card

    for name, card in registry.dataset_cards().items():
        if card.kind == "built-in":
            continue
        place = of_card(card)
        answer = f"at {place.root}" if place.is_there else "not here"
        yield Check(
            f"data set: {name}",
            True,
            answer,
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
