"""`constraints.txt` is what the README installs: complete, and in step with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distribution
from itertools import chain
from pathlib import Path

import pytest
import versions
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MACHINES = {
    f"{system} {machine}, Python {python}": {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_machine": machine,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for python in ("3.11", "3.12")
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_requirement_has_one_version_that_it_allows(machine: str) -> None:
    locked = versions.locked(MACHINES[machine])
    for line in [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]:
        requirement = Requirement(line)
        version = locked.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not locked: run nox -s lock"
        assert requirement.specifier.contains(version), f"{line} but {version}: run nox -s lock"


def test_what_requirements_require_is_locked_too() -> None:
    """Followed as far as it is installed here."""
    locked, here = versions.locked(), versions.installed()
    waiting, seen = ["mfsr-bench"], set()
    while waiting:
        name = waiting.pop()
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            wanted = canonicalize_name(requirement.name)
            if wanted in seen or (
                requirement.marker and not requirement.marker.evaluate({"extra": ""})
            ):
                continue
            seen.add(wanted)
            assert wanted in locked, f"{wanted}, which {name} requires, is not locked"
            if wanted in here:
                waiting.append(wanted)


def test_the_commands_of_the_readme_install_what_is_locked() -> None:
    commands = re.findall(r"pip install .*?&&", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(commands) == 2
    assert all(command.startswith("pip install -c constraints.txt -e ") for command in commands)


def test_the_lock_says_when_and_how_it_was_made() -> None:
    head = versions.LOCK.read_text(encoding="utf-8").splitlines()[:2]
    assert re.search(
        r"uv pip compile pyproject.toml --universal .*--exclude-newer \d{4}-\d\d", head[1]
    )
