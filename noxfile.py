"""The one door for checks: `nox` runs what CI runs; the other sessions (`nox --list`) on request.

Sessions use the environment that nox is in (the README's second command): this project pulls in
several gigabytes, and one copy of them is enough. `lock`, `latest` and `lowest` make their own.
"""

from __future__ import annotations

import datetime
import importlib.util
import pathlib
import shutil
import sys

import nox

_BIOME = "@biomejs/biome@2.6.8"  # its rules change with its version, as biome.json's schema
_PARALLEL = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")
_PARITY = ("tests/baselines", "tests/mfsr", "tests/benchmarks/api", "tests/benchmarks/metrics")
# What the CPU kernels of torch, oneDNN and MKL are kept to.
_INSTRUCTIONS = {
    "default": ("default", "SSE41", "SSE4_2"),
    "avx2": ("avx2", "AVX2", "AVX2"),
    "avx512": ("avx512", "AVX512_CORE", "AVX512"),
}
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
    _suite(session, sys.executable)


def _suite(session: nox.Session, python: str) -> None:
    # One thread per process: the processes share the cores already.
    session.env["OMP_NUM_THREADS"] = "1"
    session.run(python, "-m", "pytest", *_PARALLEL, *session.posargs, external=True)


@nox.session
def ray(session: nox.Session) -> None:
    """Run the tests that start a small Ray cluster; arguments after `--` go to pytest."""
    session.env["OMP_NUM_THREADS"] = "1"
    _python(session, "pytest", "-m", "ray", "tests", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Score OSEDiff's 193 published images and compare with its log: half an hour on one core.

    The folder `preset/datasets` of OSEDiff's repository stands after `--`.
    """
    (root,) = map(pathlib.Path, session.posargs)
    command = (sys.executable, "-c", "from benchmarks.cli.app import main; main()")
    session.run(*command, "weights", "fetch", "lpips,dists", external=True)
    for name in ("realsr", "drealsr"):
        folder = root / f"benchmark_{name}"
        (log,) = folder.glob("results_osediff/metrics/*.log")
        where = ("--sr", str(folder / "results_osediff"), "--hr", str(folder / "test_HR"))
        metrics = ("--metrics", "psnr,ssim,niqe,lpips,dists")
        session.run(*command, "verify", *where, "--published", str(log), *metrics, external=True)


@nox.session
def portable(session: nox.Session) -> None:
    """Compare networks, metrics and filters with their references as other processors compute.

    One case, as "avx2-1", after `--` runs alone; further arguments go to pytest.
    """
    cases = {f"{name}-{threads}": name for name in _INSTRUCTIONS for threads in (1, 2)}
    chosen = [argument for argument in session.posargs if argument in cases]
    rest = [argument for argument in session.posargs if argument not in cases]
    for case in chosen or cases:
        torch, onednn, mkl = _INSTRUCTIONS[cases[case]]
        session.env.update(
            {
                "ATEN_CPU_CAPABILITY": torch,
                "ONEDNN_MAX_CPU_ISA": onednn,
                "MKL_ENABLE_INSTRUCTIONS": mkl,
                "OMP_NUM_THREADS": case[-1],
            }
        )
        _python(session, "pytest", *_PARALLEL, *(rest or _PARITY))


@nox.session(venv_backend="venv")
def lock(session: nox.Session) -> None:
    """Write constraints.txt anew: the newest versions of today, for every machine."""
    session.install("uv")
    universal = ("--universal", "--python-version", "3.11", "--all-extras", "--upgrade")
    today = ("--exclude-newer", datetime.datetime.now(datetime.UTC).date().isoformat())
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", *universal, *today),
        *("--quiet", "--output-file", "constraints.txt"),
    )


@nox.session(venv_backend="venv")
def latest(session: nox.Session) -> None:
    """Run the suite without the lock, and say what has moved since it was made."""
    session.install("-e", ".[dev]")
    session.run("python", "tests/versions.py")
    _suite(session, "python")


@nox.session(venv_backend="venv")
def lowest(session: nox.Session) -> None:
    """Run the suite with the lowest versions that pyproject.toml allows."""
    session.install("uv")
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", "-e", ".[dev]")
    session.run("python", "tests/versions.py")
    _suite(session, "python")


@nox.session
def rehearse(session: nox.Session) -> None:
    """Go from nothing to a table with every method, against a server that speaks as the hubs do."""
    session.env["PYTHONPATH"] = "tests"
    _python(session, "pytest", "-p", "rehearsal", "-k", "first_contact", *session.posargs)


@nox.session
def full_size(session: nox.Session) -> None:
    """Build a method at its real size from files with random weights, and restore one image."""
    session.run(sys.executable, "tests/full_size/run.py", *session.posargs, external=True)


@nox.session
def reliability(session: nox.Session) -> None:
    """Kill every command that writes, and see what the repeated one makes; names select some."""
    session.run(sys.executable, "tests/reliability/kills.py", *session.posargs, external=True)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Damage files of others, and see that each is read or refused; names select some."""
    session.run(sys.executable, "tests/reliability/fuzz.py", *session.posargs, external=True)


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
