"""Names -> plugins, through entry points: ours use the same door as those of other packages.

| group                   | an entry point names                                             |
|-------------------------|------------------------------------------------------------------|
| `mfsr_bench.restorers`  | a `Restorer` class; the entry's name is the method's name        |
| `mfsr_bench.datasets`   | a `DatasetCard`, or a tuple of them                              |
| `mfsr_bench.metrics`    | a tuple of `MetricSpec`                                          |
| `mfsr_bench.prompts`    | a `PromptExtractor` class; "tags:dape" is registered as "tags-dape" |
| `mfsr_bench.commands`   | a `typer.Typer` or a function; the entry's name is the command   |
| `mfsr_bench.reports`    | a function that turns a run directory into a report              |

A plugin is imported when it is asked for, and by commands that list all of them. One that does not
load is an error that names it where it is asked for, and takes nothing else with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from benchmarks.api.errors import PluginError
from benchmarks.api.names import unknown
from benchmarks.api.text import first_line
from benchmarks.console import foreign_output

if TYPE_CHECKING:
    from benchmarks.api.dataset import DatasetCard
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.prompts import PromptExtractor
    from benchmarks.api.restorer import Restorer

PREFIX = "mfsr_bench."
_OURS = "mfsr-bench"  # the package whose plugins are known to load
_MEND = "Mend or uninstall that package; the others are not affected."
# Imports plugins of a group one after the other, and says which it has survived.
_PROBE = """
import sys
from contextlib import suppress
from benchmarks import registry
from benchmarks.api.errors import MFSRBenchError
for name in sys.argv[2:]:
    with suppress(MFSRBenchError):
        registry.load(sys.argv[1], name, what="", see="")
    print(name, flush=True)
"""


class _Item(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T")
ItemT = TypeVar("ItemT", bound=_Item)


class _Entries(dict[str, EntryPoint]):
    """Entry points by name, and the names that several packages took, with what each means."""

    def __init__(self, found: Iterable[EntryPoint]) -> None:
        super().__init__()
        self.clashes: dict[str, list[str]] = {}
        for entry in sorted(found, key=lambda entry: entry.name):
            first = self.setdefault(entry.name, entry)
            if first.value != entry.value:
                self.clashes.setdefault(entry.name, [first.value]).append(entry.value)


@cache
def entries(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of `mfsr_bench.<group>` by name, sorted."""
    return _Entries(_select(PREFIX + group))


def _select(group: str) -> list[EntryPoint]:
    try:
        return list(entry_points(group=group))
    except Exception:  # some package has a damaged list: it is left out
        found: dict[str, list[EntryPoint]] = {}
        for distribution in distributions():
            try:
                mine = list(distribution.entry_points.select(group=group))
                found.setdefault(distribution.name, mine)  # the first on the path counts
            except Exception:
                continue
        return [entry for mine in found.values() for entry in mine]


def load(group: str, name: str, *, what: str, see: str) -> Any:
    """Import what the entry point `name` of a group stands for.

    Args:
        group: group without its prefix.
        name: entry point to load.
        what: the kind of thing, for messages ("method").
        see: the command that lists the valid names.

    Raises:
        UnknownNameError: nothing is registered under `name`.
        PluginError: the import fails, or two packages register the name; the message says which.
    """
    table = entries(group)
    if name not in table:
        raise unknown(what, name, table, see=see)
    if isinstance(table, _Entries) and name in table.clashes:
        raise PluginError(
            f"Two packages register '{name}' in {PREFIX}{group}: {', '.join(table.clashes[name])}.",
            "Uninstall one of them.",
        )
    return _import(table[name])


def _import(entry: EntryPoint) -> Any:
    try:
        with foreign_output():
            return entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() too
        raise _broken(entry, f"{type(error).__name__}: {first_line(error)}") from error


def _broken(entry: EntryPoint, cause: str) -> PluginError:
    package = f" of package '{entry.dist.name}'" if entry.dist else ""
    return PluginError(
        f"Plugin '{entry.name}' ({entry.value}{package}) does not load: {cause}", _MEND
    )


def load_every(group: str, one: Callable[[str], T]) -> tuple[dict[str, T], list[PluginError]]:
    """Load all plugins of a group, for a list: by name, and why the others do not load.

    Args:
        group: group without its prefix.
        one: loads one of them by name.
    """
    table = entries(group)
    ending = fatal(group)
    found: dict[str, T] = {}
    broken = list(ending.values())
    for name in table:
        if name not in ending:
            try:
                found[name] = one(name)
            except PluginError as error:
                broken.append(error)
    return found, broken


def fatal(group: str) -> dict[str, PluginError]:
    """Return the plugins that end the process that imports them, by trying in another process."""
    return _fatal(group, [entry for entry in entries(group).values() if not _is_ours(entry)])


def _is_ours(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name == _OURS


def _fatal(group: str, strangers: Sequence[EntryPoint]) -> dict[str, PluginError]:
    found: dict[str, PluginError] = {}
    while strangers:
        names = [entry.name for entry in strangers]
        probe = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE, group, *names],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        survived = len(probe.stdout.splitlines())
        if survived >= len(names):
            break
        guilty = strangers[survived]
        cause = f"importing it ends the process with exit code {probe.returncode}"
        found[guilty.name] = _broken(guilty, cause)
        strangers = strangers[survived + 1 :]
    return found


def restorer(name: str) -> type[Restorer]:
    """Return the `Restorer` class registered under a method name."""
    from benchmarks.api.restorer import Restorer

    found = load("restorers", name, what="method", see="mfsr-bench list methods")
    if not (isinstance(found, type) and issubclass(found, Restorer)):
        raise PluginError(f"Plugin '{name}' is {found!r}, not a subclass of Restorer.", _MEND)
    return found


def prompt_extractor(kind: str) -> type[PromptExtractor]:
    """Return the `PromptExtractor` class of a prompt kind."""
    from benchmarks.api.prompts import PromptExtractor, entry_name

    see = "mfsr-bench list methods"
    found = load("prompts", entry_name(kind), what="prompt kind", see=see)
    if not (isinstance(found, type) and issubclass(found, PromptExtractor)):
        raise PluginError(
            f"Plugin '{kind}' is {found!r}, not a subclass of PromptExtractor.", _MEND
        )
    return found


def dataset_cards() -> Catalogue[DatasetCard]:
    """Return all data set cards by id."""
    from benchmarks.api.dataset import DatasetCard

    return Catalogue("datasets", DatasetCard)


def metric_specs() -> Catalogue[MetricSpec]:
    """Return all metric specs by id."""
    from benchmarks.api.metric import MetricSpec

    return Catalogue("metrics", MetricSpec)


class Catalogue(Mapping[str, ItemT]):
    """What the plugins of a group bring, by id.

    Our own come first, and others' code is imported when an id is none of ours, or when all of them
    are asked for. What does not load is in `broken`.
    """

    def __init__(self, group: str, kind: type[ItemT]) -> None:
        self._group, self._kind = group, kind
        self._found: dict[str, ItemT] = {}
        self.broken: list[PluginError] = []
        ours = [entry for entry in entries(group).values() if _is_ours(entry)]
        self._waiting = [entry for entry in entries(group).values() if not _is_ours(entry)]
        for entry in ours:
            self._add(entry)

    def __getitem__(self, key: str) -> ItemT:
        if key not in self._found:
            self._load_others()
        return self._found[key]

    def __iter__(self) -> Iterator[str]:
        self._load_others()
        return iter(self._found)

    def __len__(self) -> int:
        self._load_others()
        return len(self._found)

    def _load_others(self) -> None:
        waiting, self._waiting = self._waiting, []
        ending = _fatal(self._group, waiting)
        self.broken += ending.values()
        for entry in waiting:
            if entry.name not in ending:
                self._add(entry)

    def _add(self, entry: EntryPoint) -> None:
        try:
            value = _import(entry)
            items = value if isinstance(value, tuple) else (value,)
            for item in items:
                if not isinstance(item, self._kind):
                    raise _broken(entry, f"it holds {item!r}, not a {self._kind.__name__}")
                if item.id in self._found:
                    raise _broken(entry, f"'{item.id}' is there already")
        except PluginError as error:
            self.broken.append(error)
            return
        self._found |= {item.id: item for item in items}
