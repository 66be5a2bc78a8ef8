"""What pip is configured with: which index, and how it is reached.

pip itself is asked, so that its files, their order and `PIP_*` variables mean what they mean to
pip. Where pip is not installed, the variables alone count.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_PYPI = "https://pypi.org/simple/"
_SECTIONS = ("global", "install", "download", ":env:")  # each wins over those before it
_TRUE = ("1", "true", "yes", "on")
_SECONDS = 60  # pip answers in less than one


@dataclass(frozen=True, slots=True, kw_only=True)
class PipSettings:
    """The part of pip's configuration that says where packages come from."""

    indexes: tuple[str, ...]  # addresses, in the order they are asked; credentials included
    certificates: str = ""  # file of certificates to trust; empty: the usual ones
    client_certificate: str = ""
    proxy: str = ""
    trusted_hosts: frozenset[str] = frozenset()  # "host" or "host:port", without TLS checks

    def trusts(self, index: str) -> bool:
        """Whether certificates of an index's host are not to be checked."""
        parts = urlsplit(index)
        return bool({parts.hostname, f"{parts.hostname}:{parts.port}"} & self.trusted_hosts)


def read_settings() -> PipSettings:
    """Return pip's configuration as it holds for this process."""
    values = _asked() or _from_variables(os.environ)
    indexes = [*values.get("index-url", _PYPI).split(), *values.get("extra-index-url", "").split()]
    if values.get("no-index", "").casefold() in _TRUE:
        indexes = []
    return PipSettings(
        indexes=tuple(dict.fromkeys(indexes)),
        certificates=values.get("cert", ""),
        client_certificate=values.get("client-cert", ""),
        proxy=values.get("proxy", ""),
        trusted_hosts=frozenset(values.get("trusted-host", "").split()),
    )


def _asked() -> dict[str, str]:
    """Return what `pip config list` says; nothing where there is no pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse(answer)


def parse(answer: str) -> dict[str, str]:
    r"""Return the values of `pip config list` by option; what wins for pip wins here.

    >>> parse("global.index-url='https://a/simple'\n:env:.index-url='https://b/simple'")
    {'index-url': 'https://b/simple'}
    """
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in answer.splitlines():
        name, equals, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if equals and section in found:
            found[section][option] = str(ast.literal_eval(value))
    return {option: value for section in _SECTIONS for option, value in found[section].items()}


def _from_variables(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in variables.items()
        if name.startswith("PIP_")
    }
