"""Which servers take no connection: all asked at once, and each once.

Without this every file would be tried by itself, for as long as its client is patient.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_SECONDS = 10.0  # until a server counts as silent
_PORTS = {"http": 80, "https": 443}
_Server = tuple[str, int]

_takes: dict[_Server, bool] = {}  # what was found out


def ask(addresses: Iterable[str]) -> None:
    """Find out which servers take connections. What is behind a proxy is not asked."""
    found = {_server(one) for one in addresses if not _behind_proxy(one)}
    wanted = {(host, port) for host, port in found if host} - _takes.keys()
    # Looking up a name cannot be given a time, so nobody waits for a thread that is not back.
    threads = [Thread(target=_connect, args=(one,), daemon=True) for one in sorted(wanted)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + _SECONDS
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    for one in wanted:
        _takes.setdefault(one, False)


def is_silent(address: str) -> bool:
    """Return whether a server was asked and took no connection."""
    return not _behind_proxy(address) and not _takes.get(_server(address), True)


def silent() -> tuple[str, ...]:
    """Return the names of all servers that took no connection."""
    return tuple(sorted({host for (host, _), takes in _takes.items() if not takes}))


def forget() -> None:
    """Ask again next time."""
    _takes.clear()


def _connect(server: _Server) -> None:
    try:
        socket.create_connection(server, timeout=_SECONDS).close()
    except (OSError, UnicodeError):  # a name that no server can have
        _takes.setdefault(server, False)
    else:
        _takes.setdefault(server, True)


def _server(address: str) -> _Server:
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)


def _behind_proxy(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in getproxies() and not proxy_bypass(parts.hostname or "")
