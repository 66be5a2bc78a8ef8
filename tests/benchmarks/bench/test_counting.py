"""Counts against closed forms, under inference mode as methods run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import flop_registry, register_flop_formula

from benchmarks.api.errors import MethodError
from benchmarks.bench.counting import MacCounter, ParameterCounter

B, N, D, H = 2, 7, 16, 4


def macs(compute: Callable[[], object]) -> int:
    with torch.inference_mode(), MacCounter() as counter:
        compute()
    return counter.total()


def parameters(compute: Callable[[], object]) -> int:
    with torch.inference_mode(), ParameterCounter() as counter:
        compute()
    return counter.total()


def heads(n: int) -> Tensor:
    return torch.rand(B, H, n, D // H)


CASES: dict[str, tuple[Callable[[], object], int]] = {
    "linear": (lambda: nn.Linear(D, 5)(torch.rand(B, N, D)), B * N * D * 5),
    "convolution, stride 2": (
        lambda: nn.Conv2d(3, 8, 3, stride=2, padding=1)(torch.rand(B, 3, 10, 12)),
        B * 8 * 5 * 6 * 3 * 9,
    ),
    "convolution, 4 groups": (
        lambda: nn.Conv2d(8, 8, 3, padding=1, groups=4)(torch.rand(B, 8, 6, 6)),
        B * 8 * 36 * 2 * 9,
    ),
    "matrix product": (lambda: torch.rand(B, N, D) @ torch.rand(D, 3), B * N * D * 3),
    "transposed convolution, 2 groups": (
        lambda: nn.ConvTranspose2d(8, 6, 3, stride=2, groups=2)(torch.rand(B, 8, 5, 6)),
        B * 8 * 5 * 6 * 3 * 9,
    ),
    "convolution in one dimension": (
        lambda: nn.Conv1d(3, 4, 5)(torch.rand(B, 3, 20)),
        B * 4 * 16 * 3 * 5,
    ),
    "matrix times vector": (lambda: torch.rand(N, D) @ torch.rand(D), N * D),
    "vector times vector": (lambda: torch.rand(D) @ torch.rand(D), D),
    "einsum": (
        lambda: torch.einsum("bnd,hd->bnh", torch.rand(B, N, D), torch.rand(H, D)),
        B * N * D * H,
    ),
    "in place": (
        lambda: torch.zeros(B, N, 3).baddbmm_(torch.rand(B, N, D), torch.rand(B, D, 3)),
        B * N * D * 3,
    ),
    "into a tensor": (
        lambda: torch.mm(torch.rand(N, D), torch.rand(D, 3), out=torch.empty(N, 3)),
        N * D * 3,
    ),
    "sum of products": (
        lambda: torch.addbmm(torch.rand(N, 3), torch.rand(B, N, D), torch.rand(B, D, 3)),
        B * N * D * 3,
    ),
    "integers": (
        lambda: torch._int_mm(
            torch.ones(N, D, dtype=torch.int8), torch.ones(D, 8, dtype=torch.int8)
        ),
        N * D * 8,
    ),
    "oneDNN's own convolution": (
        lambda: torch.mkldnn_convolution(
            torch.rand(B, 8, 6, 6), torch.rand(4, 4, 3, 3), None, [1, 1], [1, 1], [1, 1], 2
        ),
        B * 4 * 36 * 4 * 9,
    ),
    "a convolution with a built-in product": (
        lambda: torch._C._nn.thnn_conv2d(torch.rand(B, 8, 6, 6), torch.rand(4, 8, 3, 3), [3, 3]),
        B * 4 * 16 * 8 * 9,
    ),
    "distances": (lambda: torch.cdist(torch.rand(N, D), torch.rand(5, D), p=1), N * 5 * D),
    "a recurrent layer": (
        lambda: nn.LSTM(D, H)(torch.rand(N, 1, D)),
        N * 4 * H * (D + H),
    ),
    # Queries times keys, and weights times values.
    "attention": (
        lambda: F.scaled_dot_product_attention(heads(N), heads(9), heads(9)),
        2 * B * H * N * 9 * (D // H),
    ),
    "attention with a mask": (
        lambda: F.scaled_dot_product_attention(
            heads(N), heads(9), heads(9), attn_mask=torch.rand(N, 9)
        ),
        2 * B * H * N * 9 * (D // H),
    ),
    "attention of longer values": (
        lambda: F.scaled_dot_product_attention(heads(N), heads(9), torch.rand(B, H, 9, 5)),
        B * H * N * 9 * (D // H + 5),
    ),
    "attention of grouped queries": (
        lambda: F.scaled_dot_product_attention(
            heads(N), heads(9)[:, :2], heads(9)[:, :2], enable_gqa=True
        ),
        2 * B * H * N * 9 * (D // H),
    ),
    "attention in half precision": (
        lambda: F.scaled_dot_product_attention(*(heads(N).bfloat16() for _ in range(3))),
        2 * B * H * N * N * (D // H),
    ),
    "no product": (lambda: F.interpolate(torch.rand(1, 3, 8, 8), scale_factor=4), 0),
}


@pytest.mark.parametrize("backend", [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION])
def test_attention_counts_the_same_whatever_computes_it(backend: SDPBackend) -> None:
    with sdpa_kernel(backend):
        found = macs(lambda: F.scaled_dot_product_attention(heads(N), heads(9), heads(9)))
    assert found == 2 * B * N * 9 * D


def test_attention_on_no_device_counts_the_same() -> None:
    """Full-size networks are counted so."""
    with torch.device("meta"):
        assert macs(lambda: F.scaled_dot_product_attention(*[torch.empty(B, H, N, 4)] * 3)) == (
            2 * B * N * N * D
        )


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("mlp", [None, 24])
def test_a_transformer_layer_counts_the_same_fused_and_in_parts(
    fused: bool, mlp: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.backends.mha._is_fastpath_enabled", fused)
    x = torch.rand(B, N, D)
    expected = B * N * 4 * D * D + 2 * B * N * N * D
    if mlp is None:
        attention = nn.MultiheadAttention(D, H, batch_first=True).eval()
        assert macs(lambda: attention(x, x, x, need_weights=False)) == expected
    else:
        layer = nn.TransformerEncoderLayer(D, H, mlp, batch_first=True).eval()
        assert macs(lambda: layer(x)) == expected + 2 * B * N * D * mlp


def test_gradients_of_attention_are_counted() -> None:
    """Five products backwards where two were forwards; the kernel computes one of these again."""
    q, k, v = (heads(N).requires_grad_() for _ in range(3))
    with MacCounter() as counter, sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        F.scaled_dot_product_attention(q, k, v).sum().backward()
    assert counter.total() == (2 + 5) * B * N * N * D


UNKNOWN: dict[str, Callable[[], object]] = {
    "of three factors": lambda: nn.Bilinear(3, 4, 5)(torch.rand(2, 3), torch.rand(2, 4)),
    "over time": lambda: torch.conv_tbc(torch.rand(9, 2, 3), torch.rand(3, 3, 4), torch.rand(4)),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_product_that_nobody_can_count_is_refused_by_name(case: str) -> None:
    with pytest.raises(MethodError, match=r"How often 'aten\.\w+\.default' multiplies is not"):
        macs(UNKNOWN[case])


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("aten::_next_attention_forward", None),  # what a later torch may bring
        ("aten::_conv4d_tiled", None),
        ("aten::qmatmul_fused", None),
        ("aten::fp4_mm_", None),
        ("aten::_upsample_bicubic_linear2d", 0),
        ("aten::_linear_prepack", 0),
        ("aten::convert_halves", 0),
        ("mfsr_test::gelu", None),  # of another library: whatever its name is
    ],
)
def test_an_operator_of_a_later_torch_or_of_others_never_counts_nothing(
    name: str, counts: int | None
) -> None:
    namespace, name = name.split("::")
    with torch.library._scoped_library(namespace, "FRAGMENT") as library:
        library.define(f"{name}(Tensor x) -> Tensor")
        library.impl(name, lambda x: x.clone(), "CPU")
        operator = getattr(getattr(torch.ops, namespace), name)
        if counts is None:
            with pytest.raises(MethodError, match=name):
                macs(lambda: operator(torch.rand(3)))
        else:
            assert macs(lambda: operator(torch.rand(3))) == counts


def test_a_formula_that_torch_was_told_is_used() -> None:
    with torch.library._scoped_library("mfsr_test", "FRAGMENT") as library:
        library.define("attend(Tensor x) -> Tensor")
        library.impl("attend", lambda x: x.clone(), "CPU")
        packet = torch.ops.mfsr_test.attend
        register_flop_formula(packet)(lambda shape, *, out_shape: 2 * 11 * shape[0])
        try:
            assert macs(lambda: packet(torch.rand(3))) == 33
        finally:
            del flop_registry[packet]


@pytest.mark.parametrize("case", list(CASES))
def test_macs_are_those_of_the_closed_form(case: str) -> None:
    compute, expected = CASES[case]
    assert macs(compute) == expected


class Called(nn.Module):
    """A module that is called with its own parameter, as label embeddings are."""

    def __init__(self) -> None:
        super().__init__()
        self.labels = nn.Parameter(torch.rand(N, D))
        self.layer = nn.Linear(D, D)

    def forward(self) -> Tensor:
        return self.layer(self.labels)


def test_a_parameter_as_the_argument_of_a_module_is_counted_like_any_other() -> None:
    model = Called()
    assert macs(model) == N * D * D
    assert parameters(model) == N * D + D * D + D


def test_parameters_are_those_that_take_part_each_once() -> None:
    used, unused = nn.Linear(D, D), nn.Linear(D, D)
    model = nn.ModuleList([used, unused])
    assert parameters(lambda: model[0](model[0](torch.rand(1, D)))) == D * D + D


def test_parameters_of_modules_that_are_not_called_themselves_are_counted() -> None:
    """Attention reads its output projection's weight without calling it."""
    attention = nn.MultiheadAttention(D, H, batch_first=True).eval()
    x = torch.rand(B, N, D)
    expected = sum(parameter.numel() for parameter in attention.parameters())
    assert parameters(lambda: attention(x, x, x, need_weights=False)) == expected
