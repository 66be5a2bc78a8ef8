"""Operations of torch that multiply and accumulate: how many FLOPs each takes.

torch's registry of formulas knows many of them, and what it does not know counts nothing there.
Here the families of matrix products, convolutions and attention are told by their names, so that
a member without a formula, of this torch or of a later one, is an error and never a silent zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils.flop_counter import flop_registry

from benchmarks.api.errors import MethodError

Formula = Callable[..., int]  # of an operator's arguments and of `out_val`, its result

# A word of a name, between underscores, that says that the operator multiplies and accumulates.
_FAMILY = re.compile(
    r".*(mm|mv|matmul|dot|linear|cdist|conv(?!ert).*|attention.*)"
    r"|einsum|addr|lstm|gru|rnn|transformer"
)
# A word that says that it does not: it resizes images or arranges weights.
_OTHER = re.compile(r"upsample|prepack|unpack|pack|reorder|convert|quantize|flatten")
# Others' operators may multiply whatever their names are; these multiply by the rule above.
_NAMESPACES = {"aten", "prim", "prims", "profiler", "c10d", "_c10d_functional", "torchvision"}

# What torch's registry lacks, beside what it has for the same arguments in the same places.
_LIKE = {
    "_scaled_dot_product_attention_math_for_mps": "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_flash_attention_for_cpu": "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_fused_attention_overrideable": "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_flash_attention_for_cpu_backward": (
        "_scaled_dot_product_flash_attention_backward"
    ),
    "_scaled_dot_product_fused_attention_overrideable_backward": (
        "_scaled_dot_product_flash_attention_backward"
    ),
    "_addmm_activation": "addmm",
    "_int_mm": "mm",
    "_scaled_mm_v2": "mm",
    "addbmm": "baddbmm",
    "convolution_backward_overrideable": "convolution_backward",
}

_INNER = 12  # place of the first feed-forward weight after a transformer layer's input and width


def _convolution(_x: Tensor, weight: Tensor, *_: object, out_val: Tensor, **__: object) -> int:
    return 2 * out_val.numel() * weight[0].numel()


def _transposed_convolution(x: Tensor, weight: Tensor, *_: object, **__: object) -> int:
    return 2 * x.numel() * weight[0].numel()


def _first_twice(x: Tensor, *_: object, **__: object) -> int:
    return 2 * x.numel()


def _second_twice(_self: Tensor, x: Tensor, *_: object, **__: object) -> int:
    return 2 * x.numel()


def _linear(x: Tensor, weight: Tensor, *_: object, **__: object) -> int:
    return 2 * x.numel() * weight.shape[0]


def _attention_layer(
    query: Tensor, key: Tensor, value: Tensor, width: int, *_: object, **__: object
) -> int:
    projections = 2 * width * (2 * query.numel() + key.numel() + value.numel())
    return projections + 4 * query.numel() * key.shape[1]


def _transformer_layer(x: Tensor, width: int, *rest: Tensor, **_: object) -> int:
    inner, outer = rest[_INNER], rest[_INNER + 2]  # weights of the feed-forward network
    feed_forward = 2 * x.numel() // width * (inner.numel() + outer.numel())
    return _attention_layer(x, x, x, width) + feed_forward


def _recurrent_layer(x: Tensor, for_x: Tensor, for_h: Tensor, *_: object, **__: object) -> int:
    return 2 * x.shape[0] * x.shape[1] * (for_x.numel() + for_h.numel())


def _nothing(*_: object, **__: object) -> int:
    return 0


def _distances(x: Tensor, *_: object, out_val: Tensor, **__: object) -> int:
    return 2 * out_val.numel() * x.shape[-1]


# torch's own formulas for `cudnn_convolution` and `_slow_conv2d_forward` expect other arguments.
_CONVOLUTIONS = (
    *("_conv_depthwise2d", "conv_depthwise3d", "_nnpack_spatial_convolution", "_mps_convolution"),
    *("cudnn_convolution", "cudnn_convolution_relu", "mkldnn_convolution", "miopen_convolution"),
    *("miopen_convolution_relu", "miopen_depthwise_convolution", "_slow_conv2d_forward"),
    *("slow_conv3d_forward", "slow_conv_dilated2d", "slow_conv_dilated3d"),
)
_TRANSPOSED_CONVOLUTIONS = (
    *("cudnn_convolution_transpose", "miopen_convolution_transpose", "_mps_convolution_transpose"),
    *("slow_conv_transpose2d", "slow_conv_transpose3d"),
)
_OWN: dict[str, Formula] = {
    **dict.fromkeys(_CONVOLUTIONS, _convolution),
    **dict.fromkeys(_TRANSPOSED_CONVOLUTIONS, _transposed_convolution),
    **dict.fromkeys(("mv", "dot", "vdot"), _first_twice),
    "addmv": _second_twice,
    "addr": _first_twice,
    "mkldnn_linear": _linear,
    "_cdist_forward": _distances,
    "_native_multi_head_attention": _attention_layer,
    "_transformer_encoder_layer_fwd": _transformer_layer,
    "mkldnn_rnn_layer": _recurrent_layer,
    **dict.fromkeys(("_thnn_fused_lstm_cell", "_thnn_fused_gru_cell"), _nothing),  # of products
}


def formula(operator: object) -> Formula | None:
    """Return how the FLOPs of an operator are computed; None where it has no formula.

    What is registered with `torch.utils.flop_counter.register_flop_formula` has one.
    """
    if not isinstance(operator, OpOverload):
        return flop_registry.get(operator)
    packet = operator._overloadpacket
    if operator.namespace == "aten":
        name = packet.__name__.removesuffix("_")  # in place or not
        if name in _OWN:
            return _OWN[name]
        packet = getattr(torch.ops.aten, _LIKE.get(name, name), packet)
    return flop_registry.get(packet)


def check_that_it_multiplies_nothing(operator: object) -> None:
    """Check that an operator without a formula counts nothing by right.

    Raises:
        MethodError: it is of a family that multiplies, or of a library that nothing is known of.
    """
    if isinstance(operator, OpOverload):
        words = set(operator._overloadpacket.__name__.split("_"))
        family = any(map(_FAMILY.fullmatch, words)) and not any(map(_OTHER.fullmatch, words))
        if operator.namespace in _NAMESPACES and not family:
            return
    raise MethodError(
        f"How often '{operator}' multiplies is not known, so that its MACs cannot be counted.",
        "Tell torch: torch.utils.flop_counter.register_flop_formula.",
    )
