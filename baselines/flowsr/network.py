"""FlowSR's networks: the base model with the tensors of `flowsr.safetensors` folded in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from baselines import lora
from baselines.checkpoints import require_same
from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tensors import read_metadata, read_safetensors
from benchmarks.api.text import show

if TYPE_CHECKING:
    from torch import Tensor, nn

    from baselines.sd21.components import Components

METADATA = "flowsr_checkpoint_metadata"
_ADAPTER = "default"
_OTHER_FILE = "Get the file that the card names: mfsr-bench weights fetch flowsr"

_Group = Literal["unet_state_dict", "vae_state_dict"]
_Rank = Annotated[int, Field(ge=1)]
_Targets = tuple[str, ...] | str  # as peft takes them: endings of names, or a regular expression


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Fields:
    unet_rank: _Rank
    unet_lora_target_modules: _Targets
    vae_rank: _Rank | None = None
    vae_lora_target_modules: _Targets | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Metadata:
    """What the file says of itself; it names its tensors anew, by group."""

    fields: _Fields
    tensor_names: dict[_Group, dict[str, str]] = field(default_factory=dict)


def apply_checkpoint(components: Components, path: Path) -> None:
    """Fold `flowsr.safetensors` into the base model, in float32.

    A tensor of a layer itself, which was trained as a whole, takes the place of the base model's;
    updates W += (8 / rank) B A come after.

    Raises:
        WeightsCorruptError: the file is not one for this base model; the message names what
            differs.
    """
    metadata = _read_metadata(path)
    tensors = read_safetensors(path)
    fields, names = metadata.fields, metadata.tensor_names
    _require_named(tensors, names, path)
    _apply(
        components.unet,
        {key: tensors[stored] for stored, key in names["unet_state_dict"].items()},
        fields.unet_lora_target_modules,
        fields.unet_rank,
        f"{show(path)}, unet_state_dict",
    )
    of_vae = names.get("vae_state_dict")
    if not of_vae:
        return
    if fields.vae_rank is None or fields.vae_lora_target_modules is None:
        raise WeightsCorruptError(
            f"{show(path)} updates the VAE and does not say by which rank and layers.", _OTHER_FILE
        )
    _apply(
        components.vae,
        {key: tensors[stored] for stored, key in of_vae.items()},
        fields.vae_lora_target_modules,
        fields.vae_rank,
        f"{show(path)}, vae_state_dict",
    )


def _read_metadata(path: Path) -> _Metadata:
    found = read_metadata(path).get(METADATA)
    if found is None:
        raise WeightsCorruptError(
            f"{show(path)} has no '{METADATA}': ranks and layers cannot be known.", _OTHER_FILE
        )
    where = f"{show(path)}, {METADATA}"
    return documents.parse(_Metadata, found, where=where, error=WeightsCorruptError)


def _require_named(
    tensors: Mapping[str, Tensor], names: Mapping[_Group, Mapping[str, str]], path: Path
) -> None:
    """Check that the metadata name every tensor of the file once, and the U-Net's among them."""
    stored = [name for group in names.values() for name in group]
    if "unet_state_dict" not in names or sorted(stored) != sorted(tensors):
        raise WeightsCorruptError(
            f"{show(path)}: its metadata do not name the tensors that it holds.", _OTHER_FILE
        )


def _apply(
    network: nn.Module,
    state: Mapping[str, Tensor],
    targets: _Targets,
    rank: int,
    where: str,
) -> None:
    layers = lora.matching(network, targets)
    expected = lora.expected_shapes(network, layers, _ADAPTER, rank)
    own = network.state_dict()
    whole = {key: key.replace(".base_layer.", ".") for key in state if key not in expected}
    expected |= {key: tuple(own[name].shape) for key, name in whole.items() if name in own}
    require_same(state, expected, where)
    with torch.no_grad():
        for key, name in whole.items():
            own[name].copy_(state[key])
    lora.fold(network, lora.updates(state, layers, _ADAPTER), lora.ALPHA / rank)
