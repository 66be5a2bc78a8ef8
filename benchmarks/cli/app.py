"""The `mfsr-bench` program: it finds the commands, runs one, and turns errors into exit codes."""

from __future__ import annotations

import errno
import io
import os
import sys
from importlib import metadata
from typing import Annotated, NoReturn

import typer

from benchmarks.api.errors import MFSRBenchError, ResourceError
from benchmarks.commands import group
from benchmarks.console import hush, print_error

EXIT_INTERRUPTED = 130

_HELP = "Benchmark real-world image super-resolution: restore, score, tabulate."
_EPILOG = (
    "Exit codes: 0 done; 1 done with recorded failures; 2 usage; 3 data; 4 weights; "
    "5 memory, disk or device; 6 conflict with what is on disk; 7 plugin; 130 interrupted. "
    "Add --debug anywhere for the full traceback of an error."
)


def main() -> NoReturn:
    """Run the program with the arguments of the process and exit."""
    # A notebook names a backend that its own kernel has; figures are drawn into files here.
    os.environ["MPLBACKEND"] = "agg"
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a letter shows "?"
        sys.stdout.reconfigure(errors="replace")
    hush()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    try:
        build()(args=arguments, prog_name="mfsr-bench")
    except MFSRBenchError as error:
        _fail(error, debug=debug)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _fail(
            ResourceError(
                f"No space left: {error}",
                "Free space and repeat the command: finished work is kept.",
            ),
            debug=debug,
        )
    sys.exit(0)


def _fail(error: MFSRBenchError, *, debug: bool) -> NoReturn:
    if debug:
        raise error
    print_error(error)
    sys.exit(error.exit_code)


def build() -> typer.Typer:
    """Return the program with its commands."""
    app = group(
        "commands",
        help=_HELP,
        epilog=_EPILOG,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mfsr-bench {metadata.version('mfsr-bench')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_print_version,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Keep the program a group of commands even when only one of them is loaded."""
