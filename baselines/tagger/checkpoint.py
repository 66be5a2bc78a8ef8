"""The official files of RAM and DAPE, and the list of tags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.checkpoints import entry, read_pickle, require_same
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import show

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.tagger.ram import RAM

_RANK = 8
_SCALE = 1 / _RANK  # loralib's default alpha is 1


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags in the order of the logits, and the probability above which each is given."""

    names: tuple[str, ...]
    thresholds: tuple[float, ...]


def read_tags(names: Path, thresholds: Path, count: int) -> Tags:
    """Read the two text files, one line per tag.

    Raises:
        WeightsCorruptError: a file has another number of lines, or a threshold is no number.
    """
    lines = {path: path.read_text(encoding="utf-8").splitlines() for path in (names, thresholds)}
    for path, found in lines.items():
        if len(found) != count:
            raise WeightsCorruptError(
                f"{show(path)} has {len(found)} lines where {count} were expected.",
                "Delete the file and run: mfsr-bench weights fetch",
            )
    try:
        values = tuple(float(line) for line in lines[thresholds])
    except ValueError as error:
        raise WeightsCorruptError(f"{show(thresholds)} holds no numbers: {error}") from None
    return Tags(tuple(lines[names]), values)


def load_ram(network: RAM, path: Path) -> None:
    """Load `ram_swin_large_14m.pth`; its decoders and tag encoder are left out.

    Raises:
        WeightsCorruptError: a tensor of the network is missing or has another shape.
    """
    state = entry(read_pickle(path), "model", dict, path)
    # The head was called `vision_multi` when the model was trained.
    state = {key.replace("vision_multi", "tagging_head"): value for key, value in state.items()}
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: state[key] for key in expected if key in state}
    require_same(found, expected, show(path))
    network.load_state_dict(found)


def fold_dape(network: RAM, path: Path) -> None:
    """Add DAPE's updates to RAM's weights, in float32: W += B A / 8.

    The image encoder's are of the queries and values of each attention layer, in one pair of
    tensors; the head's are of the queries and keys. Upstream shares the head's weights with a tag
    encoder that tagging does not use, and merges the updates of both into them; so do we.

    Raises:
        WeightsCorruptError: an update is missing or has another shape.
    """
    state = read_pickle(path)
    for name, layer in network.named_modules():
        if name.endswith(".attn.qkv"):
            _add(layer.weight, _merged(*_factors(state, name, layer.weight, 2, path)))
        elif name.endswith((".crossattention.self.query", ".crossattention.self.key")):
            twin = name.replace("tagging_head", "tag_encoder")
            for source in (name, twin) if f"{twin}.lora_A" in state else (name,):
                up, down = _factors(state, source, layer.weight, 1, path)
                _add(layer.weight, down @ up)


def _factors(
    state: dict[str, Any], name: str, weight: Tensor, parts: int, path: Path
) -> tuple[Tensor, Tensor]:
    """Return A and B of a layer; of one that holds three, `parts` are updated."""
    outputs, inputs = weight.shape
    rows = outputs if parts == 1 else outputs // 3 * parts
    expected = {f"{name}.lora_A": (parts * _RANK, inputs), f"{name}.lora_B": (rows, _RANK)}
    found = {key: state[key] for key in expected if key in state}
    require_same(found, expected, show(path))
    a, b = (found[key].float() for key in expected)
    return a, b


def _merged(a: Tensor, b: Tensor) -> Tensor:
    """Return the update of a joint query-key-value layer, whose keys have none."""
    import torch

    query, value = (down @ up for down, up in zip(b.chunk(2), a.chunk(2), strict=True))
    return torch.cat([query, torch.zeros_like(query), value])


def _add(weight: Tensor, update: Tensor) -> None:
    weight.data += _SCALE * update
