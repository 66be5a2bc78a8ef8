"""Counting while a method works: multiply-accumulates, and the parameters that take part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.bench.products import check_that_it_multiplies_nothing, formula


class MacCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's class has no types
    """Counts multiply-accumulates of matrix products, convolutions and attention.

    torch counts FLOPs and two of them per multiply-accumulate, so that MACs are half of its count.
    What is no such operation (activations, norms, interpolation, Pillow, NumPy) counts nothing.

    Raises:
        MethodError: while it counts, an operation whose products nobody knows.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self._flops = 0

    def total(self) -> int:
        """Return the multiply-accumulates so far."""
        return self._flops // 2

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Do what was asked, counted: by its formula, or by the operations that it consists of."""
        kwargs = kwargs or {}
        flops = formula(func)
        if flops is None and func.namespace != "prim":
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
            check_that_it_multiplies_nothing(func)
        result = func(*args, **kwargs)
        if flops:
            self._flops += flops(*args, **kwargs, out_val=result)
        return result


class ParameterCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's class has no types
    """Counts the values of the parameters that any operation has taken, each parameter once.

    What was loaded and is not used is not counted, nor what `load` used for good.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self._seen: dict[int, nn.Parameter] = {}  # holds them: an id is unique only while in use

    def total(self) -> int:
        """Return the number of values in the parameters so far."""
        return sum(parameter.numel() for parameter in self._seen.values())

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Note the parameters among the arguments, and do what was asked."""
        for value in tree_leaves((args, kwargs)):
            if isinstance(value, nn.Parameter):
                self._seen[id(value)] = value
        return func(*args, **(kwargs or {}))
