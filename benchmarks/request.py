"""What is asked for, as data: one model per command, its fields the command's options.

A request comes from the command line, from a file (`--config run.toml`) or from Python, and is
checked in one place. It is frozen, and says nothing of what is on this machine: that is looked up
by `benchmarks.settle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from benchmarks.api import documents
from benchmarks.api.card import Dtype
from benchmarks.api.errors import ConfigError
from benchmarks.api.images import show
from benchmarks.api.names import did_you_mean
from benchmarks.options import split_datasets, split_lists

SCHEMA = 1  # of a request as a file
_DIGITS = 10  # of a number that can be meant
DEFAULT_PROTOCOL = "mfsr-paper-v1"
LOCAL = "local"
_VARY = r"^[^=,]+=[^,]+(,[^,]+)*$"
_ENGINE = r"^(local|ray|ray://\S+)$"
_SIZE = r"^[1-9]\d{0,4}[xX×][1-9]\d{0,4}$"
_SHARD = r"^[1-9]\d{0,3}/[1-9]\d{0,3}$"

_MISTAKES = {
    _ENGINE: "is not local, ray or ray://HOST:PORT",
    _SIZE: "is not WIDTHxHEIGHT in pixels",
    _SHARD: "is not K/N, as 3/8",
    "bool_type": "is neither true nor false",
    "int_type": "is not a whole number",
    "is_instance_of": "is not a path",
    "string_too_short": "is empty",
    "string_type": "is not a text",
    "too_short": "is empty",
    "tuple_type": "is not a list",
}

R = TypeVar("R", bound="Request")


def _names(value: Any, info: ValidationInfo) -> Any:
    """Take a text for a comma list."""
    if isinstance(value, str):
        return (split_datasets if info.field_name == "datasets" else split_lists)([value])
    return tuple(value) if isinstance(value, list) else value


def _numbers(value: Any) -> Any:
    """Take a text for a comma list of whole numbers, and one number for a list."""
    if isinstance(value, int):
        return (value,)
    if isinstance(value, str):
        value = split_lists([value])
    return tuple(map(_number, value)) if isinstance(value, list | tuple) else value


def _number(value: Any) -> Any:
    short = isinstance(value, str) and len(value) < _DIGITS
    return int(value) if short and value.isascii() and value.isdigit() else value


def _path(value: Any) -> Any:
    usable = isinstance(value, str) and value.strip() and "\0" not in value
    return Path(value) if usable else value


Text = Annotated[str, Field(min_length=1)]
_Names = Annotated[tuple[Text, ...], BeforeValidator(_names), Field(min_length=1)]
_Count = Annotated[int, Field(ge=1, le=9999)]
_BatchSize = Annotated[_Count | Literal["auto"], BeforeValidator(_number)]
_Counts = Annotated[tuple[_Count, ...], BeforeValidator(_numbers), Field(min_length=1)]
_Folder = Annotated[Path, BeforeValidator(_path)]

# Options that several commands share.
_Methods = Annotated[
    _Names | None, Field(description="name[@steps][+option=value], as a comma list.")
]
_Metrics = Annotated[
    _Names | None, Field(description="Metrics, as a comma list. Default: the protocol's.")
]
_Protocol = Annotated[Text, Field(description="Protocol that the metrics' names belong to.")]
_Devices = Annotated[
    _Names | None,
    Field(description="cpu, cuda, or cuda:0,cuda:1 (one worker each). Default: a GPU if any."),
]
_Dtype = Annotated[Dtype | None, Field(description="For the methods that support it.")]
_Offload = Annotated[bool, Field(description="Keep on the GPU only the part that computes.")]
_Workers = Annotated[
    Annotated[int, Field(ge=0, le=1024)] | None,
    Field(
        description="Processes for light metrics; 0: one process for all, to debug. "
        "Default: all cores."
    ),
]
_Engine = Annotated[
    str,
    Field(
        pattern=_ENGINE,
        description="local; or ray, ray://HOST:PORT: workers on the nodes of a Ray cluster.",
    ),
]
_Nodes = Annotated[
    _Names | None, Field(description="Nodes of the cluster to use, as a comma list. Default: all.")
]
_Missing = Annotated[
    Literal["error", "skip", "fetch"] | None,
    Field(
        description="Metrics whose weights are not here. "
        "Default: error for those of --metrics; skip, and say so, for the protocol's."
    ),
]


class Request(BaseModel):
    """What every request is: frozen, and without keys that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RunRequest(Request):
    """Methods x data sets x metrics, and where and how they run."""

    methods: _Methods = None
    datasets: _Names | None = Field(None, description="Ids, or folder:LR[::HR], as a comma list.")
    metrics: _Metrics = None
    protocol: _Protocol = DEFAULT_PROTOCOL
    out: _Folder | None = Field(None, description="Run directory; the same one resumes.")
    missing: Literal["error", "skip", "fetch", "blank"] | None = Field(
        None,
        description="Metrics whose weights are not here. "
        "Default: error for those of --metrics; skip, and say so, for the protocol's. "
        "blank: leave out methods and data sets too that lack something; the table says why.",
    )
    printed: Text | None = Field(
        None,
        description="SOURCE:TABLE, as mfsr:1: rows, groups and columns of that printed table, and "
        "its values below ours.",
    )
    figure: Literal["steps"] | None = Field(
        None, description="Draw it too, of the finished run: metrics over steps."
    )
    seed: int = Field(0, ge=-(2**63), lt=2**63, description="Seed of the run.")
    batch_size: _BatchSize = Field(
        1, description="LR images of one size at a time; auto: as many as fit on a GPU."
    )
    device: _Devices = None
    dtype: _Dtype = None
    mended: bool = Field(
        False,
        description="Fix the declared bugs of the authors' programs, which are kept by default.",
    )
    offload: _Offload = False
    prompts: Text | None = Field(
        None, description="A folder of <image>.txt, or none. Default: extracted."
    )
    limit: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Only the first N images of each data set."
    )
    images: _Names | None = Field(None, description="Only these image ids, as a comma list.")
    shard: Annotated[str, Field(pattern=_SHARD)] | None = Field(
        None, description="K/N: only the K-th of N parts of the images, each run by itself."
    )
    workers: _Workers = None
    engine: _Engine = LOCAL
    nodes: _Nodes = None


class SweepRequest(RunRequest):
    """A run of methods at several numbers of steps."""

    figure: Literal["steps"] | None = Field("steps", description="What is drawn of it.")

    steps: _Counts = Field((1, 2, 3, 4, 5, 8), description="Numbers of steps, as a comma list.")


class VaryRequest(RunRequest):
    """A run of methods at several values of one option."""

    vary: Annotated[Text, Field(pattern=_VARY)] = Field(
        description="OPTION=VALUE,VALUE,...: an option of the methods, and its values."
    )


class ScoreRequest(Request):
    """A folder of images to be scored."""

    sr: _Folder = Field(
        description="Folder of images to score, or the form of their names in it: 'SR/{}_out.png'."
    )
    hr: _Folder | None = Field(
        None, description="Folder of their references, by the same names, or such a form."
    )
    metrics: _Metrics = None
    protocol: _Protocol = DEFAULT_PROTOCOL
    conventions: bool = Field(
        False, description="Score every convention in use, and say whose it is."
    )
    expect: Text | None = Field(
        None,
        description="METRIC=VALUE: with --conventions, those of this metric alone, and which comes "
        "closest to it.",
    )
    missing: _Missing = None
    per_image: _Folder | None = Field(None, description="Write every image's values as CSV.")
    device: _Devices = None
    workers: _Workers = None
    engine: _Engine = LOCAL
    nodes: _Nodes = None


class VerifyRequest(Request):
    """Published images, whose scores are to be compared with their authors'."""

    sr: _Folder = Field(description="Folder of the published SR images.")
    published: Text = Field(
        description="osediff-realsr, osediff-drealsr, or a file: OSEDiff's .log, a CSV of "
        "image,PSNR,..., or our scores.csv."
    )
    hr: _Folder | None = Field(None, description="Folder of their HR references.")
    metrics: _Names | None = Field(
        None, description="Only these metrics: psnr,ssim@y601. Default: all published."
    )
    subset: bool = Field(
        False, description="Allow the folder to hold only some of the published images."
    )
    device: _Devices = None
    workers: _Workers = None


class BenchRequest(Request):
    """Methods to be measured on this machine."""

    methods: _Methods = None
    lr_size: Annotated[str, Field(pattern=_SIZE)] = Field(
        "128x128", description="LR pixels, width x height."
    )
    batch: _Counts = Field((1,), description="Batch sizes, as a comma list.")
    repeats: _Count = Field(20, description="Measured runs.")
    warm_up: _Count = Field(3, description="Runs before them.")
    device: Text | None = Field(None, description="cpu, cuda or cuda:1. Default: a GPU if any.")
    dtype: _Dtype = None
    prompts: Literal["extracted", "none"] = Field(
        "extracted", description="Whether prompts are extracted, as a part of the work."
    )
    offload: _Offload = False
    out: _Folder | None = Field(None, description="Keep bench.json, .md, .tex and .csv there.")
    engine: _Engine = LOCAL
    nodes: _Nodes = None


def ask(kind: type[R], values: Mapping[str, Any], *, named: str = "--{}") -> R:
    """Return the request that `values` make.

    Args:
        kind: the request.
        values: by field; texts stand for comma lists where lists are asked for.
        named: how a field is called in messages, with {} for its name.

    Raises:
        ConfigError: a key that does not exist, is missing, or has a value of the wrong kind.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise _explain(kind, error, named) from None


def _explain(kind: type[Request], error: ValidationError, named: str) -> ConfigError:
    """Return our error for the first thing that is wrong."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    name = named.format(field.replace("_", "-") if named.startswith("--") else field)
    if first["type"] == "extra_forbidden":
        return ConfigError(f"Unknown key {name}.{did_you_mean(field, kind.model_fields)}")
    if first["type"] == "missing":
        return ConfigError(f"{name} is missing.", kind.model_fields[field].description or "")
    value = repr(first["input"])
    value = value if len(value) <= 60 else value[:57] + "..."
    kind_of = first.get("ctx", {}).get("pattern", first["type"])
    message = _MISTAKES.get(kind_of) or first["msg"].removeprefix("Input ")
    return ConfigError(f"{name}: {value} {message}.")


def read_config(kind: type[R], path: Path) -> dict[str, Any]:
    """Return what a TOML file asks for, by field, checked as far as it goes.

    Raises:
        ConfigError: it cannot be read, is not TOML, is of another version, or holds a key or value
            that the command does not have.
    """
    where = show(path)
    values = documents.read_toml(path)
    schema = values.pop("schema", SCHEMA)
    if schema != SCHEMA:
        raise ConfigError(
            f"{where} is written for schema {schema!r}; this program reads schema {SCHEMA}.",
            "Write it anew with --print-config.",
        )
    required = {name: "x" for name, field in kind.model_fields.items() if field.is_required()}
    ask(kind, {**required, **values}, named=f"{where}: '{{}}'")
    return values


def as_toml(request: Request) -> str:
    """Return the file that asks for the same."""
    import tomli_w

    values = {"schema": SCHEMA, **request.model_dump(mode="json", exclude_none=True)}
    return tomli_w.dumps(values)
