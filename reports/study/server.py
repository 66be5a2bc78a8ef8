"""`study serve`: the packet to raters, their answers to one file, and nothing else to anybody.

Only files that were there at the start are served, each under the one address that it has; there is
no address that shows an answer. A connection that does not get on is ended.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.api.errors import ConflictError, DataError, MFSRBenchError, ResourceError
from benchmarks.api.images import show
from reports.study.answers import session_of
from reports.study.packet import INDEX
from reports.study.patience import PATIENCE_S, PatientProtocol
from reports.study.stimuli import FOLDER

if TYPE_CHECKING:
    from reports.study.collection import Collection
    from reports.study.study import Study

logger = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_WAITING = 2048  # connections that wait to be accepted
_BYTES_PER_NAME = 64  # of a document of answers, amply
_HEADERS = {
    "Server": "mfsr-bench",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_ICON = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9" fill="#777"/></svg>'
_KEPT = "private, max-age=86400"
_STATUS: dict[type[MFSRBenchError], int] = {DataError: 422, ConflictError: 409, ResourceError: 503}
_Act = Callable[[str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    kind: str
    cache: str


class StudyServer:
    """Serves one study; `run` until it is told to `stop`, or the process is."""

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
        service = _Service(study, packet, collection, address[0] in LOOPBACK, frozenset(names))
        self._socket = _listen(*address)
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                service.application(),
                http=PatientProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                headers=list(_HEADERS.items()),
                backlog=_WAITING,
                timeout_keep_alive=int(PATIENCE_S),
                timeout_graceful_shutdown=int(PATIENCE_S),
            )
        )

    def run(self) -> None:
        """Serve; Ctrl-C and a signal to end let replies under way go out, then do what they do."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=_WAITING)
    except (OSError, UnicodeError) as error:
        raise ResourceError(
            f"Cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}.",
            "Choose another --host or --port.",
        ) from None


class _Service:
    """What is answered to whom."""

    def __init__(
        self,
        study: Study,
        packet: Path,
        collection: Collection,
        loopback: bool,
        names: frozenset[str],
    ) -> None:
        self._study = study
        self._collection = collection
        self._loopback = loopback
        self._names = names
        self._files = _files(packet)
        design = study.design
        self._largest = 4096 + design.trials * (design.shown + 3) * _BYTES_PER_NAME

    def application(self) -> Starlette:
        """Return what answers requests."""
        return Starlette(
            routes=[
                Route("/raters", self._taking(self._register), methods=["POST"]),
                Route("/answers", self._taking(self._add), methods=["POST"]),
                Route("/{path:path}", self._file, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _refused, Exception: _refused},
        )

    def _taking(self, act: _Act) -> Callable[[Request], Any]:
        """Return the answer to a document, of which nothing is read before it may be taken."""

        async def take(request: Request) -> Response:
            refusal = self._refusal(request)
            if refusal:
                return _reply(refusal, {"error": "refused"}, {"Connection": "close"})
            try:
                text = (await request.body()).decode("utf-8")
                return _reply(200, await run_in_threadpool(act, text))
            except ClientDisconnect:
                return Response()  # to nobody
            except UnicodeDecodeError:
                return _reply(400, {"error": "not UTF-8"})
            except MFSRBenchError as error:
                status = next((n for kind, n in _STATUS.items() if isinstance(error, kind)), 500)
                logger.warning("%s refused: %s", request.url.path, error.cause)
                return _reply(status, {"error": error.cause if status == 422 else "refused"})

        return take

    def _register(self, text: str) -> dict[str, Any]:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            raise DataError("not JSON") from None
        if not isinstance(content, dict) or content.keys() != {"study", "session"}:
            raise DataError("not a registration")
        if content["study"] != self._study.id:
            raise DataError("another study")
        return {"rater": self._collection.register(session_of(content["session"]))}

    def _add(self, text: str) -> dict[str, Any]:
        return {"answers": self._collection.add(text)}

    def _refusal(self, request: Request) -> int | None:
        """Return the status that a request deserves before anything of it is read, or None."""
        length = request.headers.get("Content-Length", "")
        if self._foreign(request):
            return 403
        if not (length.isascii() and length.isdigit()):
            return 411
        if len(length) > 9 or int(length) > self._largest:
            return 413
        # Another site's page cannot send this kind without asking, and is never allowed to.
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return None if kind == "application/json" else 415

    def _foreign(self, request: Request) -> bool:
        """Whether another site's page sends the request, or asks under a name of its own."""
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        try:
            name = urlsplit(f"//{host}").hostname
            sender = urlsplit(origin) if origin else None
        except ValueError:
            return True
        if sender and sender.netloc != host and sender.hostname not in self._names:
            return True
        return self._loopback and name not in self._names.union(LOOPBACK)

    def _file(self, request: Request) -> Response:
        if request.url.path == "/favicon.ico":  # browsers ask, and complain where there is none
            return Response(_ICON, 200, {"Cache-Control": _KEPT}, "image/svg+xml")
        file = self._files.get(request.scope["path"])
        if file is None or self._foreign(request):
            return _reply(404, {"error": "not found"})
        try:
            content = file.path.read_bytes()
        except OSError:
            logger.warning("%s cannot be read", file.path)
            return _reply(404, {"error": "not found"})
        return Response(content, 200, {"Cache-Control": file.cache}, file.kind)


def _files(packet: Path) -> dict[str, _File]:
    index = packet / INDEX
    if not index.is_file():
        raise DataError(f"There is no packet in {show(packet)}.", "Repeat: mfsr-bench study build")
    files = {
        f"/{FOLDER}/{path.name}": _File(path, "image/png", _KEPT)
        for path in sorted((packet / FOLDER).glob("*.png"))
    }
    page = _File(index, "text/html; charset=utf-8", "no-store")
    return {"/": page, f"/{INDEX}": page, **files}


def _reply(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    facts = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.dumps(content), status, facts, "application/json")


def _refused(_request: Request, error: Exception) -> Response:
    """Refuse what no route takes, with nothing of it in the reply."""
    return _reply(getattr(error, "status_code", 500), {"error": "refused"})
