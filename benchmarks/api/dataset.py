"""What is known of a test set, as frozen data, and one sample of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.api.card import NAME, HubFile
from benchmarks.api.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place where a data set, or a part of it, can be had.

    Exactly one of the three ways is set. `urls` may hold `{name}`, which stands for every file
    name of the manifest.
    """

    what: str  # "LR and HR images", "LR images", "archive"
    urls: tuple[str, ...] = ()  # direct downloads
    hub: HubFile | None = None  # a file of a Hugging Face data set repository
    page: str = ""  # a page that needs a browser or a login
    unpack: str = ""  # for archives: how their folders map, "LR=test_LR,HR=test_HR"
    bytes: int = 0  # 0 where unknown
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCard:
    """All that the harness and the tables need to know of a test set."""

    id: str  # "realsr"
    title: str  # as papers print it: "RealSR"
    n: int  # number of images; 0 where the user's folder decides
    has_reference: bool  # HR images exist
    scale: int = 4
    lr_size: tuple[int, int] | None = None  # (h, w) where all LR images have it
    hr_size: tuple[int, int] | None = None
    kind: Literal["fetched", "made", "folder", "built-in"] = "fetched"
    licence: str = ""
    homepage: str = ""
    sources: tuple[Source, ...] = ()
    manifest: str = (
        ""  # resource "package:path" of the per-file sha256 list; empty where none is known
    )
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
