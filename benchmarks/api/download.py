"""Getting one file over HTTP: resumed, checked, and put in place whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, MFSRBenchError, ResourceError
from benchmarks.api.images import first_line, show

if TYPE_CHECKING:
    import requests

Progress = Callable[[int, int], None]  # (bytes so far, bytes in all or 0)

_CHUNK = 1 << 16  # what a broken connection loses at most
_TIMEOUT = (10, 60)  # seconds to connect, seconds between two chunks


def download(
    urls: tuple[str, ...],
    target: Path,
    *,
    sha256: str = "",
    progress: Progress | None = None,
    error: type[MFSRBenchError] = DataError,
) -> Path:
    """Download the first of `urls` that answers to `target`, continuing a partial download.

    Args:
        urls: addresses of the same file, in the order they are tried.
        target: where the file is to lie; `<target>.part` holds what has arrived.
        sha256: expected hash in hex, or its first digits; empty to accept any content.
        progress: called after each chunk.
        error: what to raise when no address gives the file.

    Returns:
        `target`.

    Raises:
        ResourceError: the disk is full or refuses the write; what has arrived is kept.
    """
    failures = []
    for url in urls:
        try:
            part = _transfer(url, target, progress)
        except ResourceError:
            raise
        except Exception as failure:
            failures.append(f"{url}: {_reason(failure)}")
            continue
        if sha256 and not (found := _hash(part)).startswith(sha256):
            part.unlink()
            failures.append(f"{url}: expected sha256 {sha256}, received {found}")
            continue
        part.replace(target)
        return target
    raise error(
        f"Cannot download {target.name}: {'; '.join(failures)}",
        f"Check the connection and repeat the command, or put the file at {show(target)}",
    )


def _transfer(url: str, target: Path, progress: Progress | None) -> Path:
    import requests

    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return part  # all of it is here already; the hash decides
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            have = 0
        _write(response, part, have, progress)
    return part


def _write(response: requests.Response, part: Path, have: int, progress: Progress | None) -> None:
    length = int(response.headers.get("Content-Length", 0))
    total = have + length if length else 0
    try:
        with part.open("ab" if have else "wb") as handle:
            for chunk in response.iter_content(_CHUNK):
                handle.write(chunk)
                have += len(chunk)
                if progress:
                    progress(have, total)
    except OSError as error:
        import requests

        if isinstance(error, requests.RequestException):  # the connection broke: itself an OSError
            raise
        raise ResourceError(
            f"Cannot write {show(part)}: {error.strerror or error}.",
            "Free space and repeat the command: the download continues where it stopped.",
        ) from error
    if total and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _reason(failure: Exception) -> str:
    """Return why a transfer failed, in a few words; requests puts its whole stack into one line."""
    import requests

    if isinstance(failure, requests.HTTPError):
        return f"{failure.response.status_code} {failure.response.reason}"
    if isinstance(failure, requests.Timeout):
        return "no answer in time"
    if isinstance(failure, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    if isinstance(failure, requests.ConnectionError):
        return "no connection"
    return first_line(failure)


def _hash(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
