"""Where weights lie, and how they come here.

A file is looked for in the weights folder (`<home>/weights/<owner>/<name>`), in the caches of the
tools that share it, and in the Hugging Face cache. Nothing is ever downloaded by looking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmarks.api import paths
from benchmarks.api.card import WeightFile, WeightFolder
from benchmarks.api.errors import (
    ConfigError,
    WeightsCorruptError,
    WeightsGatedError,
    WeightsMissingError,
)

if TYPE_CHECKING:
    from benchmarks.api.card import Weights
    from benchmarks.api.download import Progress

State = Literal["present", "missing", "corrupt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightStatus:
    """What is known of one weight file or folder on this machine."""

    owner: str
    weight: Weights
    state: State
    path: Path | None  # where it lies, if it does
    place: Path  # where to put it by hand
    detail: str = ""

    @property
    def source(self) -> str:
        """Which repository and commit it came from, where that shows; else where to get it."""
        from benchmarks.api import hub

        origin = hub.origin(self.path) if self.path else ""
        return f"https://huggingface.co/{origin}" if origin else source_of(self.weight)

    def as_json(self) -> dict[str, object]:
        """Return the status as plain data for `--json`."""
        weight = self.weight
        return {
            "owner": self.owner,
            "name": weight.name,
            "state": self.state,
            "path": str(self.path) if self.path else None,
            "place": str(self.place),
            "source": self.source,
            "bytes": weight.bytes or None,
            "about_bytes": size_of(weight) or None,
            "sha256": (weight.sha256 or None) if isinstance(weight, WeightFile) else None,
            "sha256_prefix": (weight.sha256_prefix or None)
            if isinstance(weight, WeightFile)
            else None,
            "licence": weight.licence,
            "gated": weight.gated,
            "detail": self.detail,
        }


def source_of(weight: Weights) -> str:
    """Return the one address that tells a person where a weight comes from."""
    if isinstance(weight, WeightFolder):
        return weight.page or f"https://huggingface.co/{weight.repo}"
    if weight.urls:
        return weight.urls[0]
    if weight.hub:
        return f"https://huggingface.co/{weight.hub.repo}/resolve/{weight.hub.revision}/{weight.hub.filename}"
    return weight.page


def size_of(weight: Weights) -> int:
    """Return a weight's size in bytes, exact or roughly; 0 where nothing is known."""
    if isinstance(weight, WeightFile):
        return weight.bytes or weight.about_bytes
    return weight.bytes


@dataclass(frozen=True, slots=True)
class WeightStore:
    """The weights on this machine. It holds one path, so it pickles and costs nothing to make."""

    root: Path = field(default_factory=paths.weights)

    def place(self, owner: str, weight: Weights) -> Path:
        """Return where a weight of `owner` belongs when a person puts it there."""
        return self.root / owner / weight.name

    def find(self, owner: str, weight: Weights) -> Path | None:
        """Return where a weight lies on this machine, or None. Its contents are not read."""
        place = self.place(owner, weight)
        if isinstance(weight, WeightFolder):
            return self._find_folder(place, weight)
        if place.is_file():
            return place
        for cache in weight.caches:
            shared = paths.shared_cache(cache)
            if shared.is_file():
                return shared
        if weight.hub:
            from benchmarks.api import hub

            return hub.cached_file(weight.hub.repo, weight.hub.filename, weight.hub.revision)
        return None

    def _find_folder(self, place: Path, weight: WeightFolder) -> Path | None:
        if all((place / file).is_file() for file in weight.files):
            return place
        from benchmarks.api import hub

        for repo in (weight.repo, *weight.mirrors):
            found = hub.cached_folder(repo, weight.files, weight.revision)
            if found:
                return found
        return None

    def require(self, owner: str, weight: Weights) -> Path:
        """Return where a weight lies.

        Raises:
            WeightsMissingError: it is not on this machine.
            WeightsGatedError: neither, and a licence has to be accepted first.
        """
        found = self.find(owner, weight)
        if found:
            return found
        raise missing(owner, weight, self.place(owner, weight))

    def require_named(self, owner: str, weights: Iterable[Weights], name: str) -> Path:
        """Return where the one of `weights` that is called `name` lies.

        Raises:
            ConfigError: `owner` declares no such weights.
            WeightsMissingError: it is not on this machine; the error says how to get it.
        """
        for weight in weights:
            if weight.name == name:
                return self.require(owner, weight)
        raise ConfigError(f"'{owner}' declares no weights called '{name}'.")

    def status(
        self, owner: str, weight: Weights, *, sha256: Callable[[Path], str] | None = None
    ) -> WeightStatus:
        """Return what is known of a weight; with `sha256`, read and check its contents."""
        place = self.place(owner, weight)
        path = self.find(owner, weight)
        state: State = "present" if path else "missing"
        detail = "" if path else missing(owner, weight, place).remedy
        if path and sha256:
            try:
                if isinstance(weight, WeightFile):
                    check(weight, path, sha256)
                else:
                    check_folder(weight, path, sha256)
            except WeightsCorruptError as error:
                state, detail = "corrupt", error.cause
        return WeightStatus(
            owner=owner, weight=weight, state=state, path=path, place=place, detail=detail
        )

    def fetch(self, owner: str, weight: Weights, *, progress: Progress | None = None) -> Path:
        """Bring a weight to this machine if it is not here, and return its path.

        Raises:
            WeightsGatedError: a licence has to be accepted, or a browser is needed.
            WeightsMissingError: no source answers.
        """
        found = self.find(owner, weight)
        if found:
            return found
        if isinstance(weight, WeightFolder):
            return self._fetch_folder(weight)
        if weight.urls:
            from benchmarks.api.download import download

            place = self.place(owner, weight)
            return download(
                weight.urls,
                place,
                sha256=weight.sha256 or weight.sha256_prefix,
                progress=progress,
                error=WeightsMissingError,
            )
        if weight.hub:
            from benchmarks.api import hub

            file = weight.hub
            return hub.fetch_file(file.repo, file.filename, file.revision, page=weight.page)
        raise missing(owner, weight, self.place(owner, weight))

    def _fetch_folder(self, weight: WeightFolder) -> Path:
        from benchmarks.api import hub

        failure: WeightsMissingError | WeightsGatedError | None = None
        for repo in (weight.repo, *weight.mirrors):
            try:
                return hub.fetch_folder(repo, weight.files, weight.revision, page=weight.page)
            except (WeightsMissingError, WeightsGatedError) as error:
                failure = failure or error
        assert failure is not None
        raise failure


def missing(owner: str, weight: Weights, place: Path) -> WeightsMissingError | WeightsGatedError:
    """Return the error that says how to get a weight that is not here."""
    size = f", {size_of(weight) / 1e6:.1f} MB" if size_of(weight) else ""
    what = f"Weights of '{owner}' are missing: {weight.name} ({weight.licence}{size})."
    source = source_of(weight)
    if weight.gated:
        return WeightsGatedError(
            what,
            f"Accept the licence at {source}, run: hf auth login; mfsr-bench weights fetch {owner}",
        )
    if isinstance(weight, WeightFile) and weight.unpublished:
        cause = f"No weights of '{owner}' were published: {weight.name} is missing."
        return WeightsMissingError(cause, f"{weight.unpublished} Put it at {place}")
    if isinstance(weight, WeightFile) and not (weight.urls or weight.hub):
        return WeightsMissingError(what, f"Download it at {source} and put it at {place}")
    return WeightsMissingError(
        what, f"Run: mfsr-bench weights fetch {owner} (or put it at {place})"
    )


def check(weight: WeightFile, path: Path, sha256: Callable[[Path], str]) -> str:
    """Return the sha256 of the weight file at `path`, which must be the one that the card names.

    Raises:
        WeightsCorruptError: the size or the hash differs.
    """
    size = path.stat().st_size
    if weight.bytes and size != weight.bytes:
        raise WeightsCorruptError(
            f"{path} has {size} bytes where {weight.bytes} were expected.",
            "Delete the file and run: mfsr-bench weights fetch",
        )
    found = sha256(path)
    expected = weight.sha256 or weight.sha256_prefix
    if not found.startswith(expected):
        raise WeightsCorruptError(
            f"{path} has sha256 {found} where {expected} was expected.",
            "Delete the file and run: mfsr-bench weights fetch",
        )
    return found


def check_folder(weight: WeightFolder, path: Path, sha256: Callable[[Path], str]) -> None:
    """Check the files of the folder at `path` whose hashes the card knows.

    Raises:
        WeightsCorruptError: a hash differs; the message names the file.
    """
    for name, expected in weight.sha256:
        found = sha256(path / name)
        if found != expected:
            raise WeightsCorruptError(
                f"{path / name} has sha256 {found} where {expected} was expected.",
                "Delete the folder and run: mfsr-bench weights fetch",
            )
