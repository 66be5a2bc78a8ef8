"""Who published what: `sources.toml`, and the tables that it names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.conformance.columns import METRIC_OF_COLUMN

# Empty where the table has no value; a question mark where it may be a misprint.
_Printed = Annotated[str, Field(pattern=r"^(\d*\.\d+\??)?$")]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class NamedSet:
    """The data set that a source means by a name."""

    id: str
    n: int  # images
    note: str = ""  # in what it may differ from ours


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Source:
    """One paper or page."""

    citation: str
    tables: str  # file of its tables
    methods: dict[str, str] = field(default_factory=dict)  # its spelling -> ours, where they differ
    datasets: dict[str, NamedSet]
    metrics: dict[str, str] = field(default_factory=dict)  # its column -> our id, if another one
    ablations: str = ""  # file of tables with other columns
    ablations_dataset: str = ""  # id of the set that these are on
    ablations_stated: str = ""  # the set that their source says they are on


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Publications:
    """The whole of `sources.toml`."""

    bibkeys: dict[str, str]  # title of a method -> key of its paper in docs/references.bib
    sources: dict[str, Source]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Line:
    """One row of a published table."""

    table: str
    dataset: str
    method: str
    steps: int
    psnr: _Printed = ""
    ssim: _Printed = ""
    lpips: _Printed = ""
    dists: _Printed = ""
    fid: _Printed = ""
    niqe: _Printed = ""
    musiq: _Printed = ""
    maniqa: _Printed = ""
    clipiqa: _Printed = ""
    liqe: _Printed = ""

    def values(self, metrics: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Return metric id -> what is printed, for the metrics that have a value.

        Args:
            metrics: column -> metric id, where the source has another convention.
        """
        ids = METRIC_OF_COLUMN | dict(metrics or {})
        printed = {metric: getattr(self, name) for name, metric in ids.items()}
        return {metric: text for metric, text in printed.items() if text}


def plain_title(title: str) -> str:
    """Return a title without case and punctuation: TSD-SR, TSDSR and Tsd_Sr are one method."""
    return "".join(filter(str.isalnum, title.casefold()))


@cache
def publications() -> Publications:
    """Return everything that `sources.toml` says."""
    name = "sources.toml"
    return documents.check(Publications, tomllib.loads(resource(name)), where=name)


def lines_of(source: Source) -> tuple[Line, ...]:
    """Return the rows of a source's tables."""
    return documents.parse_rows(Line, resource(source.tables), where=source.tables)


def resource(name: str) -> str:
    """Return the contents of one of the files beside this module."""
    return files("benchmarks.conformance").joinpath("papers", name).read_text(encoding="utf-8")
