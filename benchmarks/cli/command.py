"""A request as a command: one option per field, or a file that holds them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import typer

from benchmarks.cli.completion import COMPLETIONS, presets
from benchmarks.options import split_datasets, split_lists
from benchmarks.presets import read_preset
from benchmarks.request import Request, RunRequest, as_toml, ask, read_config

R = TypeVar("R", bound=Request)

_METAVARS: dict[Any, str] = {list[str]: "LIST", str: "TEXT", int: "N"}
_SHORT = {"datasets": "-d", "methods": "-m", "out": "-o"}
_FILE = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Options as TOML; the command line wins."),
]
_PRESET = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="A run that ships: mfsr-bench list presets.",
        autocompletion=presets,
    ),
]
_PRINT = Annotated[
    bool,
    typer.Option("--print-config", help="Print these options as such a file, and stop."),
]


def command(kind: type[R]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function that takes a request and options of its own.

    Options that are not given are left out of the request, so that a preset or a file can set them;
    the model has their defaults.
    """

    def make(work: Callable[..., None]) -> Callable[..., None]:
        @wraps(work)
        def run(
            *, config: Path | None, print_config: bool, preset: str | None = None, **given: Any
        ) -> None:
            own = {name: value for name, value in given.items() if name not in kind.model_fields}
            values = read_preset(preset) if preset else {}
            values |= read_config(kind, config) if config else {}
            values |= {
                name: _split(name, value) if isinstance(value, list) else value
                for name, value in given.items()
                if name in kind.model_fields and value is not None
            }
            request = ask(kind, values)
            if print_config:
                sys.stdout.write(as_toml(request))
            else:
                work(request=request, **own)

        _, *own = inspect.signature(work, eval_str=True).parameters.values()
        file = [_parameter("config", _FILE, None), _parameter("print_config", _PRINT, False)]
        ships = [_parameter("preset", _PRESET, None)] if kind is RunRequest else []
        signature = inspect.Signature([*ships, *_options(kind), *file, *own])
        run.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
        return run

    return make


def _split(name: str, values: list[str]) -> tuple[str, ...]:
    return (split_datasets if name == "datasets" else split_lists)(values)


def _options(kind: type[Request]) -> Iterator[inspect.Parameter]:
    for name, field in kind.model_fields.items():
        flag, of = f"--{name.replace('_', '-')}", _plain(field.annotation)
        short = [_SHORT[name]] if name in _SHORT else []
        option = typer.Option(
            f"{flag}/--no-{flag[2:]}" if of is bool else flag,
            *short,
            metavar=_METAVARS.get(of),
            help=(field.description or "") + _default(field.default),
            show_default=False,
            autocompletion=COMPLETIONS.get(name),
        )
        yield _parameter(name, Annotated[of | None, option], None)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _plain(annotation: Any) -> Any:
    """Return what is read for a field: texts for paths, of which an empty one can be refused."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in (Union, UnionType):
        kinds = [one for one in get_args(annotation) if one is not NoneType]
        return _plain(kinds[0]) if len(kinds) == 1 else str
    if origin is tuple:
        return list[str]
    return str if annotation is Path else annotation


def _default(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str | tuple):
        return ""
    return f" Default: {','.join(map(str, value)) if isinstance(value, tuple) else value}."
