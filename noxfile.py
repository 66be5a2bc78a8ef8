"""The one door for checks: `nox` runs what CI runs; the other sessions (`nox --list`) on request.

Sessions use the environment that nox is in (`pip install -e ".[dev]"`): this project pulls
in several gigabytes, and one copy of them is enough.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys

import nox

_BIOME = "@biomejs/biome@2.6.8"  # its rules change with its version, as biome.json's schema
_LINT_IMPORTS = "from importlinter.cli import lint_imports_command as main; main()"

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests"]


def _python(session: nox.Session, *arguments: str) -> None:
    session.run(sys.executable, "-m", *arguments, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and the direction of imports."""
    _python(session, "ruff", "check", ".")
    _python(session, "ruff", "format", "--check", ".")
    session.run(sys.executable, "-c", _LINT_IMPORTS, external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    _python(session, "mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite; arguments after `--` go to pytest."""
    # One thread per process: the processes share the cores already.
    session.env["OMP_NUM_THREADS"] = "1"
    parallel = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")
    _python(session, "pytest", *parallel, *session.posargs)


@nox.session
def perf(session: nox.Session) -> None:
    """Run the benchmarks and print their ratios; names after `--` select some."""
    session.run(sys.executable, "tests/perf/run.py", *session.posargs, external=True)


@nox.session
def assets(session: nox.Session) -> None:
    """Check the pages' JavaScript and CSS with Biome, which npm brings."""
    if shutil.which("npx") is None:
        session.skip("npx is not on this machine: install Node.js to check the pages' scripts")
    session.run("npx", "--yes", _BIOME, "check", "--error-on-warnings", ".", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into build/docs; a broken link or reference fails."""
    if importlib.util.find_spec("mkdocs") is None:
        session.error('MkDocs is not installed: pip install -e ".[docs]"')
    session.env["NO_MKDOCS_2_WARNING"] = "1"  # its advertisement, not a warning of ours
    _python(session, "mkdocs", "build", *session.posargs)


@nox.session
def golden(session: nox.Session) -> None:
    """Write the golden files anew; the difference is to be reviewed like code."""
    _python(session, "pytest", "-m", "golden", "--write-golden", *session.posargs)
