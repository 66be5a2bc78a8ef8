"""Commands of several packages as one group, each loaded when it is asked for.

Their help looks alike whoever wrote them: whole sentences, types as words, examples line by line.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from typer.core import TyperGroup
from typer.models import OptionInfo

from benchmarks import registry
from benchmarks.api.errors import PluginError
from benchmarks.api.text import first_line

_EXAMPLES = ("Example:", "Examples:")
_METAVARS: dict[Any, str] = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}


class _WholeSentences(TyperGroup):
    """A group whose list of commands cuts no sentence off."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [
            (name, command.get_short_help_str(limit=1000))
            for name, command in commands.items()
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def group(entries: str, *, add_completion: bool = False, **settings: Any) -> typer.Typer:
    """Return a group of the commands that entry points `mfsr_bench.<entries>` stand for.

    One that does not load is there with the reason, and breaks no other.
    """

    class _Group(_WholeSentences):
        _fatal: Mapping[str, PluginError] = MappingProxyType({})

        def list_commands(self, ctx: Any) -> list[str]:
            self._fatal = registry.fatal(entries)  # each is loaded, for its line of help
            return list(registry.entries(entries))

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name in self._fatal:
                return _broken(cmd_name, self._fatal[cmd_name])
            return _command(entries, cmd_name, see=f"{ctx.command_path} --help")

    app = typer.Typer(
        cls=_Group,
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=add_completion,
        **settings,
    )
    app.callback()(_nothing)
    return app


def subgroup(help: str) -> typer.Typer:  # as typer calls it
    """Return an empty group of commands, for a module to add its own."""
    return typer.Typer(
        cls=_WholeSentences,
        help=help,
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
    )


def _nothing() -> None:
    """Make a group even of a single command."""


def _command(entries: str, name: str, *, see: str) -> Any:
    try:
        found = registry.load(entries, name, what="command", see=see)
    except PluginError as error:
        return _broken(name, error)
    try:
        return _build(name, found)
    except Exception as error:
        cause = f"'{name}' cannot be used as a command: {type(error).__name__}: {first_line(error)}"
        return _broken(name, PluginError(cause, "Mend or uninstall that package."))


def _build(name: str, found: Any, **settings: Any) -> Any:
    app = found
    if not isinstance(found, typer.Typer):
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.command(name, context_settings=settings)(found)
    for one in app.registered_commands:
        _name_types(one.callback)
    command = typer.main.get_command(app)
    for one in _with_children(command):
        _shape_help(one)
    return command


def _with_children(command: Any) -> Iterator[Any]:
    yield command
    for child in getattr(command, "commands", {}).values():
        yield from _with_children(child)


def _name_types(callback: Any) -> None:
    """Call the types of a command's options what people call them, where it has no word itself."""
    signature = inspect.signature(callback, eval_str=True)
    callback.__signature__ = signature  # annotations that are texts would be read anew
    callback.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
    for one in signature.parameters.values():
        if get_origin(one.annotation) is not Annotated:
            continue
        kind, *facts = get_args(one.annotation)
        for fact in facts:
            if isinstance(fact, OptionInfo) and fact.metavar is None:
                fact.metavar = _METAVARS.get(_item(kind))


def _item(kind: Any) -> Any:
    """Return what one value of an annotation is: of `list[int] | None`, `int`."""
    if get_origin(kind) in (Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not NoneType)
    return get_args(kind)[0] if get_origin(kind) is list else kind


def _shape_help(command: Any) -> None:
    """Keep the lines of examples as they are written, and the types of arguments to itself."""
    parts = (command.help or "").split("\n\n")
    command.help = "\n\n".join(
        f"\b\n{part}" if part.startswith(_EXAMPLES) else part for part in parts
    )
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = _no_type  # typer 0.29 prints `<list[Path]>`


def _no_type(**_: Any) -> str:
    return ""


def _broken(name: str, error: PluginError) -> Any:
    """Return a command in the place of one that does not load: whatever is asked, it says why."""

    def command() -> None:
        raise error

    command.__doc__ = f"Does not load: {error.cause}"
    return _build(name, command, ignore_unknown_options=True, allow_extra_args=True)
