"""Golden values of official code for networks that are filled by a rule, and the named noise.

A golden file says which tensors the official code gave for networks of `config`, filled by
`small_networks.values(prefix + official key, shape)`, on noise that is named after what it is for.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import small_networks as small
import torch
from torch import Tensor, nn

Golden = dict[str, Any]


def read(path: Path) -> Golden:
    """Return a golden file."""
    content: Golden = json.loads(path.read_text())
    return content


def noise(name: str, *shape: int) -> Tensor:
    """Return the N(0, 1) noise of a name."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    return torch.from_numpy(random.standard_normal(shape).astype(np.float32))


def named_draws(prefix: str, *shape: int) -> Callable[[], Tensor]:
    """Return what gives the noises `prefix.0`, `prefix.1` ... one after the other."""
    numbers = iter(range(100))
    return lambda: noise(f"{prefix}.{next(numbers)}", *shape)


def state(
    network: nn.Module, prefix: str, official: Callable[[str], str] = str
) -> dict[str, Tensor]:
    """Return what an official file of the network holds, filled by the rule."""
    return {
        official(name): small.values(prefix + official(name), tuple(tensor.shape))
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()
    }


def fill(network: nn.Module, prefix: str, official: Callable[[str], str] = str) -> Any:
    """Fill a network by the rule, in place, and return it ready for inference."""
    values = state(network, prefix, official)
    network.load_state_dict({name: values[official(name)] for name in network.state_dict()})
    return network.eval().requires_grad_(False)


def brighten(controlnet: Any) -> None:
    """Multiply the weights of a ControlNet's hint embedding by 4, so that the hint is seen."""
    with torch.no_grad():
        for name, parameter in controlnet.controlnet_cond_embedding.named_parameters():
            if name.endswith("weight"):
                parameter.mul_(4)


def assert_golden(golden: Golden, name: str, tensor: Tensor, tolerance: float) -> None:
    """Check a tensor within `tolerance` times the larger of 1 and its stored magnitude."""
    scale = max(1.0, golden["tensors"][name]["mean_abs"])
    small.assert_golden(golden["tensors"], name, tensor, atol=tolerance * scale)


@contextmanager
def taps(modules: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Yield a dictionary that fills with the outputs of modules, by name, as they compute."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            found[name] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
