"""Configurations as JSON and back: frozen dataclasses, strictly."""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from benchmarks.api.errors import ConfigError

T = TypeVar("T")


def to_json(config: Any) -> dict[str, Any]:
    """Return a configuration as plain data."""
    plain: dict[str, Any] = _plain(asdict(config))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def from_json(kind: type[T], value: Mapping[str, Any], *, where: str) -> T:
    """Build a configuration of class `kind` from plain data.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type; `where` is named.
    """
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    for key in value:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{where}: unknown key {key!r}.{hint}")
    hints = get_type_hints(kind)
    given = {k: _value(hints[k], v, f"{where}: {k}") for k, v in value.items()}
    try:
        return kind(**given)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from None


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (types.UnionType, Union):
        if value is None and type(None) in get_args(hint):
            return None
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
        return _value(hint, value, where)
    if origin is Literal:
        if value not in get_args(hint):
            legal = ", ".join(map(str, get_args(hint)))
            raise ConfigError(f"{where} is {value!r}; legal: {legal}")
        return value
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is not an object")
        return from_json(hint, value, where=where)  # type: ignore[arg-type]  # a class, not an instance
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where} is not a list")
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and not isinstance(value, hint):
        raise ConfigError(f"{where} is {value!r}, not a {hint.__name__}")
    return value


def override(config: T, assignments: Iterable[str], *, where: str) -> T:
    """Return a configuration with some values changed.

    Args:
        config: a configuration.
        assignments: "dotted.key=value" each; a value is JSON, or text where the old one is text.
        where: what the configuration is of, for messages.

    Raises:
        ConfigError: not an assignment, no such key, or a value of the wrong type.
    """
    plain = to_json(config)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"{assignment!r} is not an assignment.", "Use, say: trainer.batch=4")
        *parents, last = key.split(".")
        inner: Any = plain
        for parent in parents:
            inner = inner.get(parent) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or last not in inner:
            raise ConfigError(f"{where} has no {key!r}.", _nearest(key, dotted(plain)))
        inner[last] = text if isinstance(inner[last], str) else _parsed(text)
    return from_json(type(config), plain, where=where)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def dotted(plain: Mapping[str, Any], path: str = "") -> list[str]:
    """Return the dotted keys of nested mappings."""
    found = []
    for key, value in plain.items():
        deeper = dotted(value, f"{path}{key}.") if isinstance(value, Mapping) else [path + key]
        found += deeper
    return found


def _nearest(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


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
