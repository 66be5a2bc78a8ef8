"""Getting one file over HTTP: resumed, checked, and put in place whole or not at all.

What claims to be a file and is a web page (a captive portal, a quota page) is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api import reach
from benchmarks.api.addresses import address, confirmed, is_drive
from benchmarks.api.answers import UNREACHED, Refusal, no_answer, refusal
from benchmarks.api.errors import DataError, MFSRBenchError, ResourceError
from benchmarks.api.formats import fault
from benchmarks.api.images import sha256_file
from benchmarks.api.text import show

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
    size: int = 0,
    progress: Progress | None = None,
    error: type[MFSRBenchError] = DataError,
) -> Path:
    """Download the first of `urls` that answers to `target`, continuing a partial download.

    Args:
        urls: addresses of the same file, in the order they are tried.
        target: where the file is to lie; `<target>.part` holds what has arrived.
        sha256: expected hash in hex, or its first digits; empty to accept any content.
        size: expected bytes; 0 to accept any number.
        progress: called after each chunk.
        error: what to raise when no address gives the file.

    Returns:
        `target`.

    Raises:
        ResourceError: the disk is full or refuses the write; what has arrived is kept.
    """
    failures: list[Refusal] = []
    for url in urls:
        try:
            part = _transfer(url, target, progress)
            _check(part, target.name, sha256, size)
        except _RefusedError as refused:
            found = refused.refusal
            failures.append(replace(found, what=f"{url}: {found.what}"))
        else:
            part.replace(target)
            return target
    hopeful = min(failures, key=lambda failure: not failure.passes)
    raise error(
        f"Cannot download {target.name}: {'; '.join(failure.what for failure in failures)}",
        f"{hopeful.remedy} Or put the file at {show(target)}",
    )


class _RefusedError(Exception):
    """An address does not give the file."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.what)
        self.refusal = refusal


def _transfer(url: str, target: Path, progress: Progress | None, *, asked: str = "") -> Path:
    """Bring what `url` has to the end of what is here; `asked` is where a page sent us from."""
    import requests

    if reach.is_silent(address(url)):
        raise _RefusedError(UNREACHED)
    part = target.with_name(target.name + ".part")
    have = _begin(part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with requests.get(address(url), headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                return part  # all of it is here already; its contents decide
            if not response.ok:
                raise _RefusedError(refusal(response, page=url))
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind == "text/html" and target.suffix not in (".html", ".htm"):
                behind = _behind(response) if is_drive(url) and not asked else None
                if behind is None:
                    raise _RefusedError(_a_page(asked or url))
                return _transfer(behind, target, progress, asked=url)
            if response.status_code != requests.codes.partial_content:
                have = 0
            _write(response, part, have, progress)
    except (_RefusedError, ResourceError):
        raise
    except Exception as failure:
        raise _RefusedError(no_answer(failure)) from None
    return part


def _behind(response: requests.Response) -> str | None:
    """Return the address behind a drive's question, by the beginning of its page."""
    page: bytes = next(response.iter_content(1 << 20), b"")
    return confirmed(page.decode(errors="replace"))


def _a_page(url: str) -> Refusal:
    return Refusal(
        "a web page came in the file's place (a login, a quota, an error)",
        f"Open {url} and read it.",
    )


def _check(part: Path, name: str, sha256: str, size: int) -> None:
    """Throw away what is not the file."""
    wrong, have = fault(part, name=name), part.stat().st_size
    if wrong:
        what = f"what came {wrong.what.rstrip('.')}"
    elif size and have != size:
        what = f"expected {size} bytes, received {have}"
    elif not (found := sha256_file(part)).startswith(sha256):
        what = f"expected sha256 {sha256}, received {found}"
    else:
        return
    part.unlink()
    raise _RefusedError(Refusal(what, "Repeat the command, or update mfsr-bench."))


def _begin(part: Path) -> int:
    """Return how much of a file is here already."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        return part.stat().st_size if part.exists() else 0
    except OSError as error:
        raise _no_room(part, error) from None


def _no_room(part: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"Cannot write {show(part)}: {error.strerror or error}.",
        "Free space and repeat the command: the download continues where it stopped.",
    )


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
        raise _no_room(part, error) from error
    if total and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")
