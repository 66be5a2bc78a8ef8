"""A package index on loopback (PEP 503 and 691) and small archives, for tests."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.api.card import PackageFile


@dataclass
class Index:
    """What the index serves, and what it was asked."""

    project: str
    archives: dict[str, bytes]
    stated: dict[str, str] = field(default_factory=dict)  # archive -> hash; default: the right one
    html: bool = False  # PEP 503 instead of PEP 691
    credentials: str = ""  # "user:password", where it asks for them
    cut: bool = False  # whether archives end early
    endless: bool = False  # whether archives never end
    requests: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serve(project: str, archives: dict[str, bytes], **facts: object) -> Iterator[Index]:
    """Serve one project's archives while the block runs."""
    index = Index(project=project, archives=archives, **facts)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.requests.append(self.path)
            _answer(self, index)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, index: Index) -> None:
    expected = "Basic " + base64.b64encode(index.credentials.encode()).decode()
    name = handler.path.rpartition("/")[2]
    if index.credentials and handler.headers.get("Authorization") != expected:
        handler.send_error(401)
    elif handler.path == f"/simple/{index.project}/":
        kind, page = _html(index) if index.html else _json(index)
        _send(handler, kind, page, len(page))
    elif name in index.archives:
        content = index.archives[name]
        if index.endless:
            _send(handler, "application/octet-stream", content + bytes(1 << 20), None)
        else:
            body = content[: len(content) // 2] if index.cut else content
            _send(handler, "application/octet-stream", body, len(content))
    else:
        handler.send_error(404)


def _send(handler: BaseHTTPRequestHandler, kind: str, body: bytes, length: int | None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def _hash(index: Index, name: str) -> str:
    return index.stated.get(name, hashlib.sha256(index.archives[name]).hexdigest())


def _json(index: Index) -> tuple[str, bytes]:
    files = [
        {
            "filename": name,
            "url": f"/files/{name}",
            "hashes": {"sha256": _hash(index, name)} if _hash(index, name) else {},
        }
        for name in index.archives
    ]
    page = {"meta": {"api-version": "1.0"}, "name": index.project, "files": files}
    return "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()


def _html(index: Index) -> tuple[str, bytes]:
    links = [
        f'<a href="../../files/{name}#sha256={_hash(index, name)}">{name}</a>'
        for name in index.archives
    ]
    return "text/html", f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


def wheel(members: dict[str, bytes]) -> bytes:
    """Return a zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return content.getvalue()


def sdist(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """Return a `.tar.gz` archive; `links` are symbolic ones."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as file:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            file.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            file.addfile(entry)
    return content.getvalue()


def source(archive: str, content: bytes, **changes: object) -> PackageFile:
    """Return a card's entry for a served archive; its result is taken as the given hash."""
    return PackageFile(
        **{
            "project": "nets",
            "version": "1.0",
            "archive": archive,
            "archive_sha256": hashlib.sha256(content).hexdigest(),
            "archive_bytes": len(content),
            "members": ("nets/weights.bin",),
            "licence": "MIT",
            "sha256": hashlib.sha256(b"weights").hexdigest(),
            **changes,
        }
    )
