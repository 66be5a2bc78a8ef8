"""What a run is: may the run that is asked for go on in a directory that holds one?

New methods, data sets and metrics may join a run. What would put two kinds of numbers into one
table is refused: another seed, protocol or data set, or a method whose images were made under other
conditions. A metric of another version is no reason to refuse: its scores are computed anew. What
only describes (titles, licences, notes, the places of weights) may change with the program.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.api.errors import ConflictError
from benchmarks.api.images import show

# The facts that decide numbers, each with the value of runs from before it was recorded.
_PROTOCOL = {"id": None, "rule": None, "with_reference": None, "without_reference": None}
_METHOD = {
    "steps": None,
    "options": None,
    "dtype": None,
    "faithful": False,
    "fingerprint": "",
    "weights": None,
    "prompts": "",
}
_CARD = {"name": None, "scale": 4, "colour_fix": "none", "version": 1}
_DATASET = {"has_reference": None, "manifest_sha256": None}
_METRIC = {"version": None, "settings": None}


@dataclass(frozen=True, slots=True)
class Joined:
    """An identity that a run goes on with."""

    identity: dict[str, Any]
    outdated: Mapping[str, str]  # metrics to be computed anew -> versions there and now


def join(
    old: dict[str, Any], new: dict[str, Any], where: Path, *, restored: Collection[str]
) -> Joined:
    """Return the identity of a run that goes on.

    Args:
        old: of the directory.
        new: of what is asked for, as plain data.
        where: the directory, for messages.
        restored: keys of the methods that have images; the others have nothing to protect.

    Raises:
        ConflictError: the two may not be mixed; the message names the difference.
    """
    old_protocol, new_protocol = old["protocol"], new["protocol"]
    _same("seed", old["seed"], new["seed"], where)
    _same("protocol", _facts(old_protocol, _PROTOCOL), _facts(new_protocol, _PROTOCOL), where)
    for name in _both(old["methods"], new["methods"]):
        if name in restored:
            then, now = (_method(one["methods"][name]) for one in (old, new))
            _same(f"method '{name}'", then, now, where)
    for name in _both(old["datasets"], new["datasets"]):
        then, now = (_facts(one["datasets"][name], _DATASET) for one in (old, new))
        _same(f"data set '{name}'", then, now, where)
    metrics = old_protocol["metrics"], new_protocol["metrics"]
    identity = {
        "protocol": {**new_protocol, "metrics": {**metrics[0], **metrics[1]}},
        "methods": {**old["methods"], **new["methods"]},
        "datasets": {**old["datasets"], **new["datasets"]},
        "seed": new["seed"],
    }
    return Joined(identity, dict(_outdated(*metrics)))


def _outdated(old: dict[str, Any], new: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name in _both(old, new):
        then, now = _facts(old[name], _METRIC), _facts(new[name], _METRIC)
        if then != now:
            yield name, f"{_short(then['version'])} there, {_short(now['version'])} now"


def _both(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [name for name in new if name in old]


def _method(found: dict[str, Any]) -> dict[str, Any]:
    return {**_facts(found, _METHOD), "card": _facts(found.get("card", {}), _CARD)}


def _facts(found: dict[str, Any], decisive: dict[str, Any]) -> dict[str, Any]:
    return {name: found.get(name, default) for name, default in decisive.items()}


def _same(what: str, old: Any, new: Any, where: Path) -> None:
    if old == new:
        return
    path, then, now = _first_difference(old, new)
    raise ConflictError(
        f"{show(where)} holds a run made under other conditions ({', '.join([what, *path])}): "
        f"{_short(then)} there, {_short(now)} now.",
        "Results of two kinds are never merged: choose another folder with --out.",
    )


def _first_difference(old: Any, new: Any) -> tuple[list[str], Any, Any]:
    """Return where two JSON documents first differ, and the two values there."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) != new.get(key):
                path, then, now = _first_difference(old.get(key), new.get(key))
                return [key, *path], then, now
    return [], old, new


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
