"""A server on loopback that speaks as the places do from which weights and test sets come.

`/hub/...` is a model hub, to its own client: metadata by HEAD, large files behind a redirect to
storage, licences, commits. `/web/<host>/...` is any other host, as `MFSR_BENCH_MIRROR` asks: GitHub
sends on to its storage, a drive asks to confirm a large file. Each place can fail once per fault.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

Fault = Literal["cut", "gone", "busy", "broken", "page", "other", "slow"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_aPersonWhoAgreed"
_LARGE = 10_000  # bytes from which files lie in storage, or ask to be confirmed
_PAGE = b"""<html><form id="download-form" action="https://drive.usercontent.google.com/download">
<input type="hidden" name="id" value="%s"><input type="hidden" name="confirm" value="t"></form>"""


@dataclass
class Places:
    """What lies at which address, what went wrong there, and what was asked for."""

    files: dict[str, Path] = field(default_factory=dict)  # "host/path" or "hub/repo/file"
    gated: set[str] = field(default_factory=set)  # repositories
    faults: dict[str, list[Fault]] = field(default_factory=dict)  # still to come, by address
    met: list[tuple[str, Fault]] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, Range
    served: set[str] = field(default_factory=set)  # addresses whose file was sent
    down: bool = False  # whether nothing is answered at all
    url: str = ""

    def clear(self) -> None:
        """Forget everything but the address."""
        for part in (self.files, self.gated, self.faults, self.met, self.requests, self.served):
            part.clear()
        self.down = False


class _Handler(BaseHTTPRequestHandler):
    places: Places

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        places = self.places
        places.requests.append((self.command, self.path, self.headers.get("Range", "")))
        if places.down:
            self.close_connection = True
            return
        kind, _, rest = self.path.lstrip("/").partition("/")
        {"hub": self._hub, "web": self._web, "storage": self._storage}[kind](rest)

    def _hub(self, rest: str) -> None:
        repo, _, tail = unquote(urlsplit(rest).path).partition("/resolve/")
        key = f"hub/{repo.removeprefix('datasets/')}/{tail.partition('/')[2]}"
        told = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repo in self.places.gated and not told:
            self._say(401, {"X-Error-Code": "GatedRepo"})
        elif key not in self.places.files:
            self._say(404, {"X-Error-Code": "EntryNotFound"})
        elif not self._failed(key, ("gone", "busy", "broken")):
            self._found_on_hub(key)

    def _found_on_hub(self, key: str) -> None:
        path = self.places.files[key]
        size, sha256 = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{sha256[:40]}"'}
        if size < _LARGE:
            self._send(key, headers)
            return
        linked = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(size)}
        self._say(302, headers | linked | {"Location": self._stored(key)})

    def _web(self, rest: str) -> None:
        host = rest.partition("/")[0]
        if rest.startswith("drive.usercontent.google.com/"):
            number = rest.partition("id=")[2].partition("&")[0]
            rest = next(key for key in self.places.files if "drive" in key and number in key)
        if rest not in self.places.files:
            self._say(404, {})
        elif self._failed(rest, ("gone", "busy", "broken", "page", "other", "slow")):
            pass
        elif "releases/download" in rest:
            self._say(302, {"Location": self._stored(rest)})
        elif host == "drive.google.com" and "usercontent" not in self.path and self._large(rest):
            number = rest.partition("id=")[2].partition("&")[0].encode()
            self._body(200, _PAGE % number, {"Content-Type": "text/html; charset=utf-8"})
        else:
            self._send(rest, {})

    def _stored(self, key: str) -> str:
        """Return where a large file lies: at another host, as far as clients can tell."""
        return f"{self.places.url.replace('127.0.0.1', 'localhost')}/storage/{key}"

    def _storage(self, key: str) -> None:
        self._send(key, {})

    def _large(self, key: str) -> bool:
        return self.places.files[key].stat().st_size >= _LARGE

    def _failed(self, key: str, kinds: tuple[Fault, ...]) -> bool:
        """Do what goes wrong next at an address, if it is of these kinds."""
        waiting = self.places.faults.get(key, [])
        if not waiting or waiting[0] not in kinds:
            return False
        fault = waiting.pop(0)
        self.places.met.append((key, fault))
        if fault == "slow":
            time.sleep(0.5)
            return False
        if fault == "page":
            self._body(200, b"<html>Sign in to this network</html>", {"Content-Type": "text/html"})
        elif fault == "other":
            self._body(200, self.places.files[key].read_bytes()[::-1], {})
        else:
            status = {"gone": 404, "busy": 429, "broken": 503}[fault]
            self._say(status, {"Retry-After": "1"} if fault == "busy" else {})
        return True

    def _send(self, key: str, headers: dict[str, str]) -> None:
        """Send a file, from where it was left; a connection that breaks does so at 60 %."""
        content = self.places.files[key].read_bytes()
        wanted = self.headers.get("Range", "").removeprefix("bytes=").partition("-")[0]
        start = int(wanted) if wanted.isdigit() else 0
        if start and start >= len(content):
            self._say(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        if start:
            headers = headers | {
                "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"
            }
        waiting = self.places.faults.get(key, [])
        cut = self.command == "GET" and bool(waiting) and waiting[0] == "cut"
        if cut:
            waiting.pop(0)
            self.places.met.append((key, "cut"))
        if self.command == "GET" and not cut:
            self.places.served.add(key)
        part = content[start:]
        self._body(206 if start else 200, part, headers, sent=len(part) * 6 // 10 if cut else None)

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self._body(status, b"", headers)

    def _body(
        self, status: int, content: bytes, headers: dict[str, str], sent: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[:sent])
        self.close_connection = True


@contextmanager
def serve() -> Iterator[Places]:
    """Serve while the block runs."""
    places = Places()
    handler = type("Handler", (_Handler,), {"places": places})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    places.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield places
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
