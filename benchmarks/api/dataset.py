"""What is known of a test set, as frozen data, and one sample of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.api.card import NAME, HubFile
from benchmarks.api.errors import ConfigError

Side = Literal["lr", "hr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place where a data set can be had. Exactly one of the four ways is set."""

    files: tuple[tuple[Side, str], ...] = ()  # address of each file; `{name}` is its file name
    archive: str = ""  # address of an archive
    hub: HubFile | None = None  # an archive in a Hugging Face data set repository
    page: str = ""  # needs a browser: what to open there is in `note`
    unpack: tuple[tuple[Side, str], ...] = ()  # archives and pages: the folder that holds a side
    bytes: int = 0  # 0 where unknown
    note: str = ""

    def __post_init__(self) -> None:
        ways = [bool(way) for way in (self.files, self.archive, self.hub, self.page)]
        if sum(ways) != 1:
            raise ConfigError("a source is files, an archive, a hub file or a page: one of them")

    @property
    def address(self) -> str:
        """Return where a person would look."""
        if self.hub:
            return f"https://huggingface.co/datasets/{self.hub.repo}"
        return self.page or self.archive or self.files[0][1].format(name="")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCard:
    """All that the harness and the tables need to know of a test set."""

    id: str  # "realsr"
    title: str  # as papers print it: "RealSR"
    n: int  # number of images; 0 where the user's folder decides
    has_reference: bool  # HR images exist
    scale: int = 4
    lr_size: tuple[int, int] | None = None  # (h, w) where all LR images have it
    kind: Literal["fetched", "made", "folder", "built-in"] = "fetched"
    licence: str = ""
    homepage: str = ""
    sources: tuple[Source, ...] = ()  # in the order they are tried; of a made set, its originals
    manifest: str = ""  # resource "package:path" of the per-file hashes; empty where none is known
    not_to_confuse: str = ""  # another set that goes by the same name
    note: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.id):
            raise ConfigError(f"data set id {self.id!r} is not made of a-z, 0-9, '.', '_' and '-'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image of a test set: a pair where the set has references."""

    id: str  # the LR file's name without its suffix
    lr: Path
    hr: Path | None = None
