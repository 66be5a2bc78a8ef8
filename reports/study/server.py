"""`study serve`: the packet to raters, their answers to one file, and nothing else to anybody.

Only files that were there at the start are served, each under the one address that it has; there is
no address that shows an answer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.api.errors import ConflictError, DataError, MFSRBenchError, ResourceError
from benchmarks.api.images import show
from reports.study.answers import session_of
from reports.study.packet import INDEX
from reports.study.stimuli import FOLDER

if TYPE_CHECKING:
    from reports.study.collection import Collection
    from reports.study.study import Study

logger = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CONNECTIONS = 512  # at a time
_PATIENCE = 20.0  # seconds that a connection may be silent
_BYTES_PER_NAME = 64  # of a document of answers, amply
_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_ICON = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9" fill="#777"/></svg>'
_STATUS: dict[type[MFSRBenchError], int] = {DataError: 422, ConflictError: 409, ResourceError: 503}


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    kind: str
    cache: str


class StudyServer(ThreadingHTTPServer):
    """Serves one study."""

    daemon_threads = True

    def __init__(
        self,
        study: Study,
        packet: Path,
        collection: Collection,
        address: tuple[str, int],
        names: Iterable[str] = (),
    ) -> None:
        """Begin to listen.

        Args:
            study: what is served.
            packet: its folder.
            collection: where answers go.
            address: host and port; port 0 is any that is free.
            names: host names under which a proxy passes raters on.

        Raises:
            DataError: there is no packet.
            ResourceError: the address is taken, or not this machine's.
        """
        self.study = study
        self.names = frozenset(names)
        self.collection = collection
        self.files = _files(packet)
        design = study.design
        self.largest = 4096 + design.trials * (design.shown + 3) * _BYTES_PER_NAME
        self.loopback = address[0] in LOOPBACK
        self._free = BoundedSemaphore(_CONNECTIONS)
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise ResourceError(
                f"Cannot listen on {address[0]}:{address[1]}: {error.strerror or error}.",
                "Choose another --host or --port.",
            ) from None

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Answer in a thread of its own, up to a number of them."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket | tuple[bytes, socket], client_address: Any
    ) -> None:
        """Answer, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say in the log what went wrong with a connection; raters see that it ended."""
        logger.warning("connection of %s ended", client_address, exc_info=True)


def _files(packet: Path) -> dict[str, _File]:
    index = packet / INDEX
    if not index.is_file():
        raise DataError(f"There is no packet in {show(packet)}.", "Repeat: mfsr-bench study build")
    files = {
        f"/{FOLDER}/{path.name}": _File(path, "image/png", "private, max-age=86400")
        for path in sorted((packet / FOLDER).glob("*.png"))
    }
    page = _File(index, "text/html; charset=utf-8", "no-store")
    return {"/": page, f"/{INDEX}": page, **files}


class _Handler(BaseHTTPRequestHandler):
    server: StudyServer
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE

    def do_GET(self) -> None:
        self._file(with_body=True)

    def do_HEAD(self) -> None:
        self._file(with_body=False)

    def do_POST(self) -> None:
        actions: Mapping[str, Callable[[str], dict[str, Any]]] = {
            "/raters": self._register,
            "/answers": self._add,
        }
        act = actions.get(self.path)
        refusal = self._refusal() or (None if act else 404)
        if refusal or act is None:
            self.close_connection = True  # what was sent has not been read
            self._reply(refusal or 404, {"error": "refused"})
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self._reply(200, act(body.decode("utf-8")))
        except UnicodeDecodeError:
            self._reply(400, {"error": "not UTF-8"})
        except MFSRBenchError as error:
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
            logger.warning("%s refused: %s", self.path, error.cause)
            self._reply(status, {"error": error.cause if status == 422 else "refused"})

    def _register(self, text: str) -> dict[str, Any]:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            raise DataError("not JSON") from None
        if not isinstance(content, dict) or content.keys() != {"study", "session"}:
            raise DataError("not a registration")
        if content["study"] != self.server.study.id:
            raise DataError("another study")
        return {"rater": self.server.collection.register(session_of(content["session"]))}

    def _add(self, text: str) -> dict[str, Any]:
        return {"answers": self.server.collection.add(text)}

    def _refusal(self) -> int | None:
        """Return the status that a request deserves before anything of it is read, or None."""
        length = self.headers.get("Content-Length", "")
        if self._foreign():
            return 403
        if not (length.isascii() and length.isdigit()):
            return 411
        if len(length) > 9 or int(length) > self.server.largest:
            return 413
        # Another site's page cannot send this kind without asking, and is never allowed to.
        if self.headers.get_content_type() != "application/json":
            return 415
        return None

    def _foreign(self) -> bool:
        """Whether another site's page sends the request, or asks under a name of its own."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        try:
            name = urlsplit(f"//{host}").hostname
            sender = urlsplit(origin) if origin else None
        except ValueError:
            return True
        names = self.server.names
        if sender and sender.netloc != host and sender.hostname not in names:
            return True
        return self.server.loopback and name not in names.union(LOOPBACK)

    def _file(self, *, with_body: bool) -> None:
        if self.path == "/favicon.ico":  # browsers ask, and complain where there is none
            self._send(200, _ICON, "image/svg+xml", "private, max-age=86400", with_body=with_body)
            return
        file = self.server.files.get(urlsplit(self.path).path)
        if file is None or self._foreign():
            self._reply(404, {"error": "not found"}, with_body=with_body)
            return
        try:
            content = file.path.read_bytes()
        except OSError:
            logger.warning("%s cannot be read", file.path)
            self._reply(404, {"error": "not found"}, with_body=with_body)
            return
        self._send(200, content, file.kind, file.cache, with_body=with_body)

    def _reply(self, status: int, content: dict[str, Any], *, with_body: bool = True) -> None:
        body = json.dumps(content).encode()
        self._send(status, body, "application/json", "no-store", with_body=with_body)

    def _send(self, status: int, body: bytes, kind: str, cache: str, *, with_body: bool) -> None:
        self.send_response(status)
        headers = _HEADERS | {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": cache,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the base class cannot read, with nothing of it in the reply."""
        self.close_connection = True
        self._reply(code, {"error": "refused"}, with_body=self.command != "HEAD")

    def version_string(self) -> str:
        """Say who answers, without versions."""
        return "mfsr-bench"

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests for who asks for it."""
        logger.debug(format, *args)
