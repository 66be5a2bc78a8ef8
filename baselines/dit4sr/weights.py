"""DiT4SR networks on disk: diffusers' folder of `config.json` and (sharded) safetensors.

Loading is strict: beyond the tensors that upstream's constructor makes and never uses, which are
dropped by name, every tensor must be there, with its shape, and nothing else.
"""

from __future__ import annotations

import logging
import re
from dataclasses import field, replace
from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from baselines.dit4sr.network import DiT4SR, DiTConfig, KeyControl
from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.images import show
from benchmarks.api.tensors import read_safetensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from baselines.dit4sr.releases import Release

logger = logging.getLogger(__name__)

CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
INDEX = WEIGHTS + ".index.json"

SHAPE = DiTConfig()  # Stable Diffusion 3.5 medium's

# Upstream builds `attn2` with text projections, which see no text.
_DEAD = re.compile(
    r"transformer_blocks\.\d+\.attn2\."
    r"(add_[qkv]_proj\.(weight|bias)|to_add_out\.(weight|bias)|norm_added_[qk]\.weight)"
)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Index:
    """Which file holds which tensor."""

    weight_map: dict[str, Annotated[str, Field(pattern=r"^[\w.-]+$")]]
    metadata: dict[str, Any] = field(default_factory=dict)


def load_dit(
    folder: Path, *, key_control: KeyControl | None = None, dtype: torch.dtype | None = None
) -> DiT4SR:
    """Read a network from a folder, in evaluation mode.

    Args:
        folder: holds `config.json` and safetensors, one file or shards with their index.
        key_control: which release this is. Upstream's folders do not say; ours do, and a folder
            that says otherwise is refused.
        dtype: dtype of the weights; None for that of the files.

    Raises:
        WeightsMissingError: a file is missing.
        WeightsCorruptError: a file is not what it should be; the first differing key is named.
    """
    config = read_config(folder, key_control)
    with torch.device("meta"):
        network: DiT4SR = DiT4SR.of(config)
    load_exactly(network, read_folder(folder), folder, dtype=dtype)
    network.eval()
    return network


def read_config(folder: Path, key_control: KeyControl | None = None) -> DiTConfig:
    """Read the shape of the network in `folder`."""
    path = folder / CONFIG
    if not path.is_file():
        raise WeightsMissingError(f"No such file: {show(path)}")
    read = documents.read(dict[str, Any], path, error=WeightsCorruptError)
    stated = {key: value for key, value in read.items() if not key.startswith("_")}
    found = stated.get("key_control")
    if key_control and found and found != key_control:
        raise WeightsCorruptError(
            f"{show(folder)} was made for key_control '{found}', not '{key_control}'.",
            "Releases f and q are 'noise', r1 is 'lr': take the folder that the card names.",
        )
    shape = {"dual_attention_layers": [], **stated}
    config = documents.check(DiTConfig, shape, where=show(path), error=WeightsCorruptError)
    return replace(config, key_control=key_control) if key_control else config


def read_folder(folder: Path) -> dict[str, Tensor]:
    """Read all tensors of a diffusers folder, dead ones left out."""
    index = folder / INDEX
    files = [WEIGHTS]
    if index.is_file():
        shards = documents.read(_Index, index, error=WeightsCorruptError)
        files = sorted(set(shards.weight_map.values()))
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= read_safetensors(folder / file)
    return {name: tensor for name, tensor in tensors.items() if not _DEAD.fullmatch(name)}


def load_exactly(
    module: torch.nn.Module,
    tensors: Mapping[str, Tensor],
    source: Path,
    *,
    dtype: torch.dtype | None = None,
) -> None:
    """Put `tensors` into `module`, if they are exactly its parameters and buffers.

    Raises:
        WeightsCorruptError: a tensor is missing, unexpected or of another shape.
    """
    expected = module.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in tensors:
            problem = "is missing"
        elif name not in expected:
            problem = "is unexpected"
        elif tensors[name].shape != expected[name].shape:
            found, wanted = tuple(tensors[name].shape), tuple(expected[name].shape)
            problem = f"has shape {found} instead of {wanted}"
        else:
            continue
        raise WeightsCorruptError(
            f"Weights in {show(source)} do not fit: tensor '{name}' {problem}.",
            "They were made for another configuration: take the ones that the card names.",
        )
    if dtype is not None:
        tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    module.load_state_dict(dict(tensors), assign=True)


def load_release(folder: Path, release: Release, dtype: torch.dtype) -> DiT4SR:
    """Read the network of a release.

    Args:
        folder: upstream's folder of the release, holding `transformer`.
        release: which one it should be.
        dtype: of the weights; the files mix float16 and float32.

    Raises:
        WeightsMissingError: a file is missing.
        WeightsCorruptError: it is another network or release; the first key that differs is named.
    """
    network = load_dit(folder / "transformer", key_control=release.key_control, dtype=dtype)
    expected = replace(SHAPE, key_control=release.key_control)
    if network.shape != expected:
        raise WeightsCorruptError(
            f"{show(folder)} holds a network of another shape than Stable Diffusion 3.5 medium's.",
            "Get the folder that the card names.",
        )
    _check_variant(network, release, folder)
    return network


def _check_variant(network: DiT4SR, release: Release, folder: Path) -> None:
    """Refuse an untrained r1; f and q, whose `to_k_control` has no effect, may hold anything there.

    It has no gradient in f and q, and so stays at zero: other values are most likely r1's file.
    """
    trained = release.key_control == "lr"
    for name, parameter in network.named_parameters():
        if not name.endswith("to_k_control.weight") or bool(parameter.any()) == trained:
            continue
        if trained:
            raise WeightsCorruptError(
                f"{show(folder)} is not release {release.name}: tensor '{name}' is all zeros.",
                "It is f or q: put it into the folder of that release, and take that variant.",
            )
        logger.warning(
            "%s: tensor '%s' is not all zeros, as it is in release r1. It has no effect in %s.",
            show(folder),
            name,
            release.name,
        )
        return


def save_dit(network: DiT4SR, folder: Path, *, max_shard: str = "5GB") -> None:
    """Write a network as diffusers would, with this project's class name in `config.json`."""
    save: Any = network.save_pretrained
    save(folder, max_shard_size=max_shard, safe_serialization=True)
