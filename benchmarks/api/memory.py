"""The memory that a network's computation takes, counted without computing it.

Networks and inputs lie on torch's meta device: operations run, shapes come out, and no numbers.
What is counted is every tensor that lives at the same time. A GPU takes more: its libraries' own
context and workspaces (`CONTEXT_BYTES`), and what its allocator rounds up.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

CONTEXT_BYTES = 1 << 29  # what a GPU's libraries take beside all tensors, about


def network_bytes(network: nn.Module, dtype: torch.dtype) -> int:
    """Return what the tensors of a network take in a dtype."""
    count: int = sum(tensor.numel() for tensor in network.state_dict().values())
    return count * dtype.itemsize


def peak_bytes(compute: Callable[[], object]) -> int:
    """Return the most bytes that tensors made by `compute` take at one time, on a GPU.

    Args:
        compute: runs networks on the meta device, without gradients.
    """
    with torch.no_grad(), _FusedAttention():
        return live_bytes(compute)


def live_bytes(compute: Callable[[], object]) -> int:
    """Return the most bytes that tensors made by `compute` take at one time, as it computes here.

    Args:
        compute: runs networks on any device, with or without gradients; what autograd keeps for
            the backward pass counts while it is kept.
    """
    live = _LiveTensors()
    with live:
        compute()
    return live.peak


class _LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Counts the storages that operations make, until they are freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own
        self.peak = self.now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {id(s) for s in _storages((args, kwargs))}
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            if id(storage) not in given and id(storage) not in self._known:
                self._add(storage)
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()
        self._known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def _storages(value: Any) -> list[torch.UntypedStorage]:
    leaves = torch.utils._pytree.tree_leaves(value)
    return [leaf.untyped_storage() for leaf in leaves if isinstance(leaf, torch.Tensor)]


class _FusedAttention(TorchFunctionMode):
    """Attention as a GPU's fused kernels have it: no matrix of scores."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            query, _, value = args[:3] if len(args) >= 3 else _named(kwargs)
            return query.new_empty((*query.shape[:-1], value.shape[-1]))
        return func(*args, **(kwargs or {}))


def _named(kwargs: Any) -> tuple[torch.Tensor, ...]:
    return tuple(kwargs[name] for name in ("query", "key", "value"))
