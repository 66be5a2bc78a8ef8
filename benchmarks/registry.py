"""Names -> plugins, through entry points: ours use the same door as those of other packages.

| group                   | an entry point names                                             |
|-------------------------|------------------------------------------------------------------|
| `mfsr_bench.restorers`  | a `Restorer` class; the entry's name is the method's name        |
| `mfsr_bench.datasets`   | a `DatasetCard`, or a tuple of them                              |
| `mfsr_bench.metrics`    | a tuple of `MetricSpec`                                          |
| `mfsr_bench.prompts`    | a `PromptExtractor` class; "tags:dape" is registered as "tags-dape" |
| `mfsr_bench.commands`   | a `typer.Typer` or a function; the entry's name is the command   |
| `mfsr_bench.reports`    | a function that turns a run directory into a report              |

A plugin that does not load is an error that names it; the others are not touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import PluginError
from benchmarks.api.names import unknown

if TYPE_CHECKING:
    from benchmarks.api.dataset import DatasetCard
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.prompts import PromptExtractor
    from benchmarks.api.restorer import Restorer

PREFIX = "mfsr_bench."


@cache
def entries(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of `mfsr_bench.<group>` by name, sorted.

    Raises:
        PluginError: two packages register the same name.
    """
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=PREFIX + group), key=lambda entry: entry.name):
        other = found.get(entry.name)
        if other is not None and other.value != entry.value:
            raise PluginError(
                f"Two packages register '{entry.name}' in {PREFIX}{group}: "
                f"{other.value}, {entry.value}.",
                "Uninstall one of them.",
            )
        found[entry.name] = entry
    return found


def load(group: str, name: str, *, what: str, see: str) -> Any:
    """Import what the entry point `name` of a group stands for.

    Args:
        group: group without its prefix.
        name: entry point to load.
        what: the kind of thing, for messages ("method").
        see: the command that lists the valid names.

    Raises:
        UnknownNameError: nothing is registered under `name`.
        PluginError: the import fails; the message names the plugin and the cause.
    """
    table = entries(group)
    if name not in table:
        raise unknown(what, name, table, see=see)
    return _import(table[name])


def _import(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        package = f" of package '{entry.dist.name}'" if entry.dist else ""
        raise PluginError(
            f"Plugin '{entry.name}' ({entry.value}{package}) does not load: "
            f"{type(error).__name__}: {error}",
            "Mend or uninstall that package; the others are not affected.",
        ) from error


def restorer(name: str) -> type[Restorer]:
    """Return the `Restorer` class registered under a method name."""
    from benchmarks.api.restorer import Restorer

    found = load("restorers", name, what="method", see="mfsr-bench list methods")
    if not (isinstance(found, type) and issubclass(found, Restorer)):
        raise PluginError(f"Plugin '{name}' is {found!r}, not a subclass of Restorer.")
    return found


def prompt_extractor(kind: str) -> type[PromptExtractor]:
    """Return the `PromptExtractor` class of a prompt kind."""
    from benchmarks.api.prompts import PromptExtractor, entry_name

    see = "mfsr-bench list methods"
    found = load("prompts", entry_name(kind), what="prompt kind", see=see)
    if not (isinstance(found, type) and issubclass(found, PromptExtractor)):
        raise PluginError(f"Plugin '{kind}' is {found!r}, not a subclass of PromptExtractor.")
    return found


def dataset_cards() -> dict[str, DatasetCard]:
    """Return all data set cards by id."""
    from benchmarks.api.dataset import DatasetCard

    return _by_id(_collect("datasets", DatasetCard), "data set")


def metric_specs() -> dict[str, MetricSpec]:
    """Return all metric specs by id."""
    from benchmarks.api.metric import MetricSpec

    return _by_id(_collect("metrics", MetricSpec), "metric")


def _by_id(items: Iterable[Any], what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        if found.setdefault(item.id, item) is not item:
            raise PluginError(f"Two plugins bring a {what} '{item.id}'.", "Uninstall one of them.")
    return found


def _collect(group: str, kind: type) -> list[Any]:
    found = []
    for entry in entries(group).values():
        value = _import(entry)
        for item in value if isinstance(value, tuple) else (value,):
            if not isinstance(item, kind):
                raise PluginError(f"Plugin '{entry.name}' holds {item!r}, not a {kind.__name__}.")
            found.append(item)
    return found
