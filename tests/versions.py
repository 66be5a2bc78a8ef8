"""What is installed, beside what `constraints.txt` locks: as a module, and as a table to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path(__file__).parents[1] / "constraints.txt"


def locked(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the locked versions by name, for this machine or for the markers of another one."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    found: dict[str, str] = {}
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            pin = Requirement(line)
            if not pin.marker or pin.marker.evaluate(dict(environment or {})):
                (specifier,) = pin.specifier
                assert (specifier.operator, pin.extras, pin.url) == ("==", set(), None), line
                assert pin.name not in found, f"{pin.name} is locked twice"
                found[pin.name] = specifier.version
    return found


def installed() -> dict[str, str]:
    """Return the installed versions by name, without builds' own suffixes ("+cpu")."""
    return {
        canonicalize_name(found.name): found.version.partition("+")[0] for found in distributions()
    }


def moved() -> Iterator[tuple[str, str, str]]:
    """Yield what is locked and installed in two versions: name, locked, installed."""
    here = installed()
    for name, version in locked().items():
        if here.get(name, version) != version:
            yield name, version, here[name]


if __name__ == "__main__":
    rows = [("package", "locked", "installed"), *moved()]
    print("\n".join("{:32}{:24}{}".format(*row) for row in rows))  # noqa: T201  # a table to read
