"""A model on disk: network, text conditioning and latent, with what joins them.

    <folder>/model.json                 a `ModelConfig`
    <folder>/transformer/               DiT4SR in diffusers' format            (teachers)
    <folder>/network.safetensors        the U-Net                              (small teachers)
    <folder>/text.safetensors           the phrase table                       (small teachers)
    <folder>/base.safetensors           the base and its latent                (small teachers)
    <folder>/student.safetensors        what differs from the teacher          (students)

A student is its teacher with other tensors here and there; it names the teacher by the sha256 of
its network.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import torch
from pydantic.dataclasses import dataclass as document
from safetensors.torch import save as to_safetensors
from torch import Tensor

from baselines.dit4sr.autoencoder import Autoencoder, SD3Autoencoder
from baselines.dit4sr.network import DiT4SR
from baselines.dit4sr.weights import WEIGHTS, load_dit, load_exactly, save_dit
from baselines.sd3.text import SD3TextEncoders, TextEmbedder
from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.images import sha256_file, show, write_atomic
from benchmarks.api.tensors import read_safetensors
from mfsr.field import Field
from mfsr.origin import Origin
from mfsr.student import StudentConfig, into_student
from mfsr.tiny.base import Base, BaseConfig
from mfsr.tiny.latent import ResidualAutoencoder
from mfsr.tiny.network import UNetConfig, VelocityUNet
from mfsr.tiny.phrases import PhraseTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from baselines.dit4sr.field import Network
    from baselines.dit4sr.network import KeyControl

SCHEMA = 2
NETWORK, BASE = "network.safetensors", "base.safetensors"
TEXT, STUDENT = "text.safetensors", "student.safetensors"
_Network = TypeVar("_Network", bound=torch.nn.Module)
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class LatentConfig:
    """Which latent, and the size of the small models' base."""

    kind: Literal["sd3", "residual"] = "sd3"
    base: BaseConfig = field(default_factory=BaseConfig)


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class TextConfig:
    """Which text conditioning, and its size where it is the phrase table."""

    kind: Literal["sd3", "phrases"] = "sd3"
    t5_tokens: int = 256  # SD3's; 77 in training
    vocabulary: tuple[str, ...] = ()
    pooled: int = 0


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class ModelConfig:
    """All of a model but its tensors."""

    schema: int = SCHEMA
    latent: LatentConfig = field(default_factory=LatentConfig)
    text: TextConfig = field(default_factory=TextConfig)
    unet: UNetConfig | None = None  # the small models' network; None: DiT4SR
    time_scale: float = 1000.0  # teacher's time input over sigma
    tile: int = 64  # latent pixels a network call sees, each way
    overlap: int = 24
    positive: str = ""  # prompt where a method has no caption
    negative: str = ""  # prompt of the guidance
    guidance: float = 8.0  # scale of the teacher's sampler
    shift: float = 3.0  # of the teacher's sampler
    student: StudentConfig | None = None
    teacher_sha256: str = ""  # of a student's teacher network
    origin: Origin | None = None  # what it was trained on and from; None: not known

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ValueError(f"model.json has schema {self.schema}; this program reads {SCHEMA}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model in memory."""

    config: ModelConfig
    field: Field
    text: TextEmbedder
    autoencoder: Autoencoder


def autoencoder_of(config: LatentConfig, base: Path | None, device: str) -> Autoencoder:
    """Return the autoencoder; `base` holds SD3's pipeline, or the small models' base."""
    if config.kind == "residual":
        path = _given(base, "the small models' base") / BASE
        network = Base(config.base)
        load_exactly(network, read_safetensors(path), path, dtype=torch.float32)
        return ResidualAutoencoder(network.to(device))
    # The VAE overflows in float16 and is small beside the network.
    folder = _given(base, "the autoencoder of Stable Diffusion 3.5 medium")
    return SD3Autoencoder.load(folder, device=device, dtype=torch.float32)


def text_of(
    config: TextConfig, base: Path | None, device: str, dtype: torch.dtype = torch.float32
) -> TextEmbedder:
    """Return the text conditioning, a phrase table untrained; SD3's encoders are in `base`."""
    if config.kind == "phrases":
        return PhraseTable(config.vocabulary, pooled=config.pooled).to(device)
    folder = _given(base, "the text encoders of Stable Diffusion 3.5 medium")
    return SD3TextEncoders(folder, t5_tokens=config.t5_tokens, device=device, dtype=dtype)


def _given(base: Path | None, what: str) -> Path:
    if base is None:
        raise WeightsMissingError(f"No folder is given for {what}.", "Give it with --base.")
    return base


def read_model_config(folder: Path, default: ModelConfig | None = None) -> ModelConfig:
    """Read `model.json` of a model folder; `default` stands for the one that DiT4SR's lack."""
    path = folder / "model.json"
    if not path.is_file() and default is not None:
        return default
    if not path.is_file():
        raise WeightsMissingError(f"No such model: {show(path)}")
    return documents.read(ModelConfig, path, error=WeightsCorruptError)


def load_teacher(
    folder: Path,
    *,
    base: Path | None = None,
    default: ModelConfig | None = None,
    key_control: KeyControl | None = None,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Model:
    """Read a teacher's folder, ready to evaluate.

    Args:
        folder: with `transformer/`; DiT4SR's own folders hold nothing else.
        base: SD3.5-medium's pipeline folder, where the model needs it.
        default: the configuration of a folder without `model.json`.
        key_control: which release of DiT4SR it is; its folders do not say.
        device: where to put it.
        dtype: of the weights.
    """
    config = read_model_config(folder, default)
    network: Network
    if config.unet is None:
        network = load_dit(folder / "transformer", key_control=key_control, dtype=dtype)
    else:
        network, base = VelocityUNet(config.unet), folder
        path = folder / NETWORK
        load_exactly(network, read_safetensors(path), path, dtype=dtype)
    field = Field(network, time_scale=config.time_scale)
    field.to(device)
    text = text_of(config.text, base, device, dtype)
    if isinstance(text, PhraseTable):
        path = folder / TEXT
        load_exactly(text, read_safetensors(path), path, dtype=dtype)
        text.to(device).requires_grad_(requires_grad=False)
    return Model(
        config=config,
        field=field.eval().requires_grad_(requires_grad=False),
        text=text,
        autoencoder=autoencoder_of(config.latent, base, device),
    )


def load_student(
    folder: Path,
    teacher_folder: Path,
    *,
    base: Path | None = None,
    key_control: KeyControl | None = None,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Model:
    """Read a student's folder, on top of its teacher's.

    Raises:
        WeightsCorruptError: the teacher is not the one that the student was made from.
    """
    config = read_model_config(folder)
    found = network_sha256(teacher_folder)
    if config.student is None or config.teacher_sha256 != found:
        raise WeightsCorruptError(
            f"The student in {show(folder)} was made from a teacher with sha256 "
            f"{config.teacher_sha256 or 'none'}, not {found} in {show(teacher_folder)}.",
            "Give the teacher that it was distilled from.",
        )
    teacher = load_teacher(
        teacher_folder,
        base=base,
        default=replace(config, student=None, teacher_sha256=""),
        key_control=key_control,
        device=device,
        dtype=dtype,
    )
    network = into_student(
        teacher.field.network, config.student, teacher_scale=teacher.config.time_scale
    )
    _cast(network, dtype)
    load_trained(network, read_safetensors(folder / STUDENT), folder)
    field = Field(network, time_scale=config.time_scale)
    field.to(device).eval().requires_grad_(requires_grad=False)
    return replace(teacher, config=config, field=field)


def load_trained(module: torch.nn.Module, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Put tensors into the trained parameters of a module, if they are exactly those."""
    trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
    for name in sorted(trained.keys() | tensors.keys()):
        if name not in trained or name not in tensors:
            problem = "is missing" if name in trained else "is unexpected"
        elif trained[name].shape != tensors[name].shape:
            problem = f"has shape {tuple(tensors[name].shape)}, not {tuple(trained[name].shape)}"
        else:
            continue
        raise WeightsCorruptError(
            f"Weights in {show(source)} do not fit: tensor '{name}' {problem}.",
            "They were made with another recipe or teacher.",
        )
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(tensors[name])


def network_sha256(teacher_folder: Path) -> str:
    """Return the sha256 of a teacher's network file, or of the index of its shards."""
    transformer = teacher_folder / "transformer"
    candidates = (teacher_folder / NETWORK, transformer / WEIGHTS)
    found = (path for path in candidates if path.is_file())
    return sha256_file(next(found, transformer / f"{WEIGHTS}.index.json"))


def save_teacher(folder: Path, model: Model, *, dtype: str = "fp32") -> None:
    """Write a teacher's folder; the network is converted in place."""
    network = model.field.network
    if isinstance(network, DiT4SR):
        save_dit(_cast(network, _DTYPES[dtype]), folder / "transformer")
    else:
        _write_tensors(folder / NETWORK, network.state_dict(), dtype)
    if isinstance(model.text, PhraseTable):
        _write_tensors(folder / TEXT, model.text.state_dict(), dtype)
    if isinstance(model.autoencoder, ResidualAutoencoder):
        save_base(folder, model.autoencoder.base, dtype=dtype)
    documents.write(model.config, folder / "model.json")


def save_base(folder: Path, base: Base, *, dtype: str = "fp32") -> None:
    """Write the small models' base, as the folder of a small teacher holds it."""
    _write_tensors(folder / BASE, base.state_dict(), dtype)


def save_student(
    folder: Path, config: ModelConfig, trained: Mapping[str, Tensor], *, dtype: str = "fp32"
) -> None:
    """Write a student's folder."""
    _write_tensors(folder / STUDENT, trained, dtype)
    documents.write(config, folder / "model.json")


def _cast(network: _Network, dtype: torch.dtype) -> _Network:
    # Not `network.to`: diffusers warns there of modules to keep in float32, and it has none.
    torch.nn.Module.to(network, dtype)
    return network


def _write_tensors(path: Path, tensors: Mapping[str, Tensor], dtype: str) -> None:
    plain = {n: t.detach().to("cpu", _DTYPES[dtype]).contiguous() for n, t in tensors.items()}
    write_atomic(path, to_safetensors(plain))
