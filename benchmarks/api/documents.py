"""JSON and CSV documents as typed data: read strictly, refused with place, key and nearest name.

A document is a frozen dataclass whose fields pydantic checks, also when it is made in Python:

    @dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)   # pydantic.dataclasses
    class Card: ...

    card = documents.read(Card, folder / "card.json")

Only what reads documents imports this module: pydantic takes a fifth of a second.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from benchmarks.api.errors import ConfigError, ConflictError, DataError, MFSRBenchError
from benchmarks.api.images import show, write_atomic
from benchmarks.api.names import nearest as nearest_name
from benchmarks.api.text import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

T = TypeVar("T")

# Nothing is converted but a list to a tuple and a whole number to a float, no key is passed over.
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_LONGEST = 60  # characters of a value that a message repeats


def read(kind: type[T], path: Path, *, error: type[MFSRBenchError] = ConfigError) -> T:
    """Return the document in a file.

    Raises:
        MFSRBenchError: of the kind `error`: the file cannot be read or is no such document.
    """
    return parse(kind, _bytes(path, error), where=show(path), error=error)


def read_version(
    path: Path, schema: int, *, remedy: str, error: type[MFSRBenchError] = DataError
) -> dict[str, Any]:
    """Return the plain data in a file whose key `schema` says which program wrote it; for `check`.

    Raises:
        ConflictError: another version wrote it in another form; `remedy` says what to do.
        MFSRBenchError: of the kind `error`: the file cannot be read or is no such document.
    """
    plain = parse(dict[str, Any], _bytes(path, error), where=show(path), error=error)
    if plain.get("schema", schema) != schema:
        raise ConflictError(
            f"{show(path)} has schema {plain['schema']!r:.20}; this program reads {schema}.", remedy
        )
    return plain


def read_toml(path: Path, *, error: type[MFSRBenchError] = ConfigError) -> dict[str, Any]:
    """Return the plain data in a TOML file; for `check`.

    Raises:
        MFSRBenchError: of the kind `error`: the file cannot be read or is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(_bytes(path, error).decode("utf-8"))
    except (ValueError, RecursionError) as cause:
        raise error(f"{show(path)} is not TOML: {first_line(cause)}.") from None


def _bytes(path: Path, error: type[MFSRBenchError]) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise error(f"Cannot read {show(path)}: {cause.strerror or cause}.") from None


def parse(
    kind: type[T], text: bytes | str, *, where: str, error: type[MFSRBenchError] = ConfigError
) -> T:
    """Return the document in a JSON text; `where` names it in messages.

    Raises:
        MFSRBenchError: of the kind `error`: it is no such document. The first thing that is wrong
            is named.
    """
    try:
        document: T = TypeAdapter(kind).validate_json(text)
    except ValidationError as problem:
        raise error(f"{where}: {_explained(kind, problem)}") from None
    return document


def parse_rows(
    kind: type[T], text: str, *, where: str, error: type[MFSRBenchError] = ConfigError
) -> tuple[T, ...]:
    """Return the rows of a CSV text whose first line names the fields of `kind`.

    Raises:
        MFSRBenchError: of the kind `error`: a row is no such document; its line is named.
    """
    lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    adapter, rows = TypeAdapter(kind), []
    try:
        for line in lines:
            if None in line or None in line.values():
                raise error(f"{where}, line {lines.line_num}: not as many values as names.")
            rows.append(adapter.validate_strings(line))
    except ValidationError as problem:
        raise error(f"{where}, line {lines.line_num}: {_explained(kind, problem)}") from None
    except csv.Error as problem:
        raise error(f"{where}, line {lines.line_num}: not CSV: {problem}.") from None
    return tuple(rows)


def check(
    kind: type[T],
    plain: Mapping[str, Any],
    *,
    where: str,
    error: type[MFSRBenchError] = ConfigError,
) -> T:
    """Return the document that plain data make, as `parse` does; they are of JSON's types."""
    try:
        text = json.dumps(plain)
    except (TypeError, ValueError, RecursionError) as cause:  # a date of TOML, or no end of depth
        raise error(f"{where} holds what no such document does: {first_line(cause)}.") from None
    return parse(kind, text, where=where, error=error)


def to_plain(document: Any) -> dict[str, Any]:
    """Return a document as plain data, of JSON's types."""
    plain: dict[str, Any] = TypeAdapter(type(document)).dump_python(document, mode="json")
    return plain


def write(document: Any, path: Path) -> None:
    """Put a document into a file, whole or not at all."""
    write_atomic(path, (json.dumps(to_plain(document), indent=2) + "\n").encode())


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a question after the nearest known name, or nothing where none is near."""
    near = nearest_name(name, known)
    return f"Did you mean {near!r}?" if near else ""


def _explained(kind: type[Any], problem: ValidationError) -> str:
    """Return the first thing that is wrong, in words."""
    first = problem.errors(include_url=False)[0]
    path, message = first["loc"], first["msg"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
    if first["type"] == "json_invalid":
        return f"not JSON: {message.partition(': ')[2]}."
    if first["type"] in _UNKNOWN_KEY:
        near = nearest(str(path[-1]), _keys(kind))
        return f"unknown key {key!r}. {near}".rstrip()
    if first["type"] == "missing":
        return f"{key!r} is missing."
    if first["type"] in ("value_error", "assertion_error"):
        return f"{key}: {first['ctx']['error']}" if key else str(first["ctx"]["error"])
    value = json.dumps(first["input"], default=repr)
    value = value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}..."
    says = message.replace("Input should", "it should", 1)
    near = nearest(str(first["input"]), _literals(first)) if "ctx" in first else ""
    return f"{key or 'the document'} is {value}; {says}. {near}".rstrip()


def _literals(error: Any) -> list[str]:
    """Return the legal values of a field that has few."""
    expected = str(error["ctx"].get("expected", ""))
    return expected.replace(" or ", ", ").replace("'", "").split(", ")


def _keys(kind: type[Any]) -> list[str]:
    """Return every key that a document of this kind has, at any depth."""
    schema = TypeAdapter(kind).json_schema()
    parts = (schema, *schema.get("$defs", {}).values())
    return [name for part in parts for name in part.get("properties", ())]
