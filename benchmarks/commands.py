"""Commands of several packages as one group, each loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperGroup

from benchmarks import registry
from benchmarks.api.errors import PluginError
from benchmarks.api.text import first_line


def group(entries: str, **settings: Any) -> typer.Typer:
    """Return a group of the commands that entry points `mfsr_bench.<entries>` stand for.

    One that does not load is there with the reason, and breaks no other.
    """

    class _Group(TyperGroup):
        _fatal: Mapping[str, PluginError] = MappingProxyType({})

        def list_commands(self, ctx: Any) -> list[str]:
            self._fatal = registry.fatal(entries)  # each is loaded, for its line of help
            return list(registry.entries(entries))

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name in self._fatal:
                return _broken(cmd_name, self._fatal[cmd_name])
            return _command(entries, cmd_name, see=f"{ctx.command_path} --help")

    app = typer.Typer(cls=_Group, no_args_is_help=True, rich_markup_mode=None, **settings)
    app.callback()(_nothing)
    return app


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
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name, context_settings=settings)(found)
    return typer.main.get_command(app)


def _broken(name: str, error: PluginError) -> Any:
    """Return a command in the place of one that does not load: whatever is asked, it says why."""

    def command() -> None:
        raise error

    command.__doc__ = f"Does not load: {error.cause}"
    return _build(name, command, ignore_unknown_options=True, allow_extra_args=True)
