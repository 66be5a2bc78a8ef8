"""Recipes changed by dotted keys, and where two of them differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from benchmarks.api import documents
from benchmarks.api.errors import ConfigError

T = TypeVar("T")


def override(document: T, assignments: Iterable[str], *, where: str) -> T:
    """Return a document with some values changed.

    Args:
        document: a frozen dataclass that pydantic checks.
        assignments: "dotted.key=value" each; a value is JSON, or text where the old one is text.
        where: what the document is, for messages.

    Raises:
        ConfigError: not an assignment, no such key, or a value of the wrong type.
    """
    plain = documents.to_plain(document)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"{assignment!r} is not an assignment.", "Use, say: trainer.batch=4")
        *parents, last = key.split(".")
        inner: Any = plain
        for parent in parents:
            inner = inner.get(parent) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or last not in inner:
            raise ConfigError(f"{where} has no {key!r}.", documents.nearest(key, _dotted(plain)))
        inner[last] = text if isinstance(inner[last], str) else _parsed(text)
    return documents.check(type(document), plain, where=where)


def differences(one: Mapping[str, Any], other: Mapping[str, Any], path: str = "") -> list[str]:
    """Return the dotted keys at which two nested mappings differ."""
    found = []
    for key in sorted(one.keys() | other.keys()):
        first, second = one.get(key), other.get(key)
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            found += differences(first, second, f"{path}{key}.")
        elif first != second:
            found.append(f"{path}{key}")
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _dotted(plain: Mapping[str, Any], path: str = "") -> list[str]:
    found = []
    for key, value in plain.items():
        found += _dotted(value, f"{path}{key}.") if isinstance(value, Mapping) else [path + key]
    return found
