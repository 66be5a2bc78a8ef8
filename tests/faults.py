"""Typical faults of a port, put into a network one at a time: what each does to its output.

A golden test sees a fault only where the fault moves what is compared. The table of a golden file,
`sensitivity.csv` beside it, says by how much each one does; none may be below a hundred times the
tolerance of the comparison.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

Fault = Callable[[Tensor], Tensor]
Table = dict[str, float]

FAULTS: dict[str, Fault] = {
    "dropped": torch.zeros_like,
    "swapped": lambda tensor: tensor.flip(0),  # outputs in another order
    "rescaled": lambda tensor: tensor * 1.5,
}
_MARGIN = 100  # times the tolerance

# Parts of a U-Net, or of a branch that leads it, by diffusers' names of their parameters.
CONVOLUTIONS = {
    "conv_in": r"^conv_in\.",
    "the time embedding": r"^time_embedding\.",
    "projections of time": r"time_emb_proj\.",
    "first convolutions": r"resnets.*conv1\.",
    "second convolutions": r"resnets.*conv2\.",
    "samplers": r"samplers\.",
}
UNET = CONVOLUTIONS | {"transformers": r"attentions\."}
HEAD = {"conv_norm_out": r"^conv_norm_out\.", "conv_out": r"^conv_out\."}
ZERO_CONVOLUTIONS = {"zero convolutions": r"controlnet_\w+_block"}
BRANCH = {"the hint's embedding": "controlnet_cond", **ZERO_CONVOLUTIONS}
# Layers that updates are trained for, by the names of the updates.
UPDATES = {
    "queries": r"to_q\.lora_B",
    "keys": r"to_k\.lora_B",
    "values": r"to_v\.lora_B",
    "outputs of attention": r"to_out\.0\.lora_B",
    "convolutions": r"(conv1|conv2|conv)\.lora_B",
    "shortcuts": r"conv_shortcut\.lora_B",
    "projections": r"proj_(in|out)\.lora_B",
    "feed-forward": r"ff\.net\..*lora_B",
    "conv_out": r"^conv_out\.lora_B",
}
SWIN = {
    "patch_embed": r"patch_embed\.",
    "queries, keys and values": r"qkv\.weight",
    "relative positions": "relative_position_bias_table",
    "outputs of attention": r"attn\.proj\.",
    "norms of Swin layers": r"blocks\.\d\.norm\d\.",
    "mlp": r"mlp\.",
    "patch_unembed": r"patch_unembed\.",
}
# DiT4SR's network and those that are made from it.
DIT4SR = {
    "context_embedder": r"^context_embedder\.",
    "modulations": r"norm1\.linear\.",
    "modulations of text": r"norm1_context\.linear\.",
    "queries": r"\.to_q\.",
    "keys": r"\.to_k\.",
    "values": r"\.to_v\.",
    "outputs of attention": r"\.to_out\.",
    "queries of the LR stream": r"to_q_control\.",
    "values of the LR stream": r"to_v_control\.",
    "outputs of the LR stream": r"to_out_control\.",
    "depthwise convolutions": r"control_conv\.",
    "outputs of text": r"to_add_out\.",
    "feed-forward": r"\.ff\.net\.",
    "feed-forward of text": r"ff_context\.",
    "second attentions": r"\.attn2\.",
    "norm_out": r"^norm_out\.",
    "proj_out": r"^proj_out\.",
}

Weights = nn.Module | dict[str, Tensor]  # a network, or what a file holds


@contextmanager
def put(fault: Fault, pattern: str, *weights: Weights) -> Iterator[None]:
    """Have a fault in all tensors whose names hold a regular expression, while in the block."""
    found = [
        parameter
        for part in weights
        for name, parameter in (part.items() if isinstance(part, dict) else part.named_parameters())
        if re.search(pattern, name)
    ]
    assert found, f"no parameter's name holds {pattern!r}"
    kept = [parameter.detach().clone() for parameter in found]
    try:
        with torch.inference_mode():
            for parameter in found:
                parameter.copy_(fault(parameter))
        yield
    finally:
        with torch.inference_mode():
            for parameter, value in zip(found, kept, strict=True):
                parameter.copy_(value)


def called(groups: Mapping[str, str], what: str) -> dict[str, str]:
    """Return groups under names that end in `what`: "of the ControlNet"."""
    return {f"{name} {what}": pattern for name, pattern in groups.items()}


def of_weights(
    compute: Callable[[], Tensor],
    weights: tuple[Weights, ...],
    groups: Mapping[str, str],
    *,
    harmless: tuple[str, ...] = (),
) -> Table:
    """Return what every fault in every group of weights changes of an output, at most.

    Args:
        compute: gives the output.
        weights: what it is computed by: networks, or files' tensors that are loaded anew each time.
        groups: a regular expression for the names of tensors, by the group's name.
        harmless: "group fault" of those that change nothing, in exact arithmetic: the scale of a
            convolution before a norm.
    """
    right = _run(compute)
    table: Table = {}
    for group, pattern in groups.items():
        for name, fault in FAULTS.items():
            if f"{group} {name}" in harmless:
                continue
            with put(fault, pattern, *weights):
                table[f"{group} {name}"] = change(_run(compute), right)
    return table


def joined(tensors: Mapping[str, Tensor], golden: Mapping[str, Any]) -> Tensor:
    """Return compared tensors as one, each over what its tolerance is multiplied by."""
    means = {name: golden["tensors"][name]["mean_abs"] for name in tensors}
    parts = [tensor.flatten() / max(1.0, means[name]) for name, tensor in tensors.items()]
    return torch.cat(parts)


def of_hints(eps: Callable[[Tensor], Tensor], hint: Tensor) -> Table:
    """Return what a ControlNet's hint (B, 3, H, W) in [0, 1] changes of eps where it is wrong."""
    right = eps(hint)
    wrong = {
        "no hint": 0 * hint,
        "the hint's channels swapped": hint.flip(1),
        "the hint in [-1, 1]": 2 * hint - 1,
    }
    return {name: change(eps(given), right) for name, given in wrong.items()}


def keep(*networks: nn.Module) -> Callable[[], None]:
    """Return what gives networks the weights back that they have now."""
    kept = [(p, p.detach().clone()) for network in networks for p in network.parameters()]

    def restore() -> None:
        with torch.inference_mode():
            for parameter, value in kept:
                parameter.copy_(value)

    return restore


def change(wrong: Tensor, right: Tensor) -> float:
    """Return the largest difference of two outputs; infinite where one is not finite."""
    assert wrong.shape == right.shape
    difference = (wrong.double() - right.double()).abs().max().item()
    return difference if difference == difference else float("inf")


def _run(compute: Callable[[], Tensor]) -> Tensor:
    with torch.no_grad():
        return compute().clone()


def check(
    table: Table,
    path: Path,
    tolerance: float,
    *,
    official: Mapping[str, float] | None = None,
    write: bool = False,
) -> None:
    """Compare a table with the golden one, and check that every fault in it is seen.

    Args:
        table: the effects.
        path: of the golden table, `fault,effect`.
        tolerance: of the comparison that has to see them.
        official: effects that the official code had, to a hundredth.
        write: write the table in place of reading it.
    """
    if write:
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["fault", "effect"])
            writer.writerows([fault, f"{effect:.3g}"] for fault, effect in table.items())
    with path.open(newline="") as file:
        golden = {row["fault"]: float(row["effect"]) for row in csv.DictReader(file)}
    for fault, effect in (official or {}).items():
        assert table[fault] == pytest.approx(effect, rel=0.01), fault
    assert table.keys() == golden.keys()
    unseen = {fault: f"{e:.2g}" for fault, e in table.items() if not e >= _MARGIN * tolerance}
    assert not unseen, f"changes below {_MARGIN} times the tolerance of {tolerance}: {unseen}"
    for fault, effect in table.items():
        assert effect == pytest.approx(golden[fault], rel=0.1), fault
