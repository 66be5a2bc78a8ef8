"""A web server on loopback that can behave badly, for tests of downloads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What the server serves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None  # bytes after which the connection is dropped, once
    ranges: bool = True  # whether it honours Range
    refusals: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)  # status, headers
    kinds: dict[str, str] = field(default_factory=dict)  # Content-Type
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # (path, Range)
    url: str = ""


@contextmanager
def serve(**files: bytes) -> Iterator[Site]:
    """Serve `files` (path without slash: contents) while the block runs."""
    site = Site(files=dict(files))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, site)

        do_HEAD = do_GET  # noqa: N815  # http.server's own spelling

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, site: Site) -> None:
    wanted = handler.headers.get("Range")
    site.requests.append((handler.path, wanted))
    name = handler.path.lstrip("/")
    if name in site.refusals:
        _refuse(handler, *site.refusals[name])
        return
    content = site.files.get(name)
    if content is None:
        handler.send_error(404)
        return
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
    if start >= len(content) and start:
        handler.send_error(416)
        return
    body = content[start:]
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(body)))
    if name in site.kinds:
        handler.send_header("Content-Type", site.kinds[name])
    handler.end_headers()
    if site.cut_after is not None:
        body, site.cut_after = body[: site.cut_after], None
        handler.close_connection = True
    handler.wfile.write(body)


def _refuse(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": "0", **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
