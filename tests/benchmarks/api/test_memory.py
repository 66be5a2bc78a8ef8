"""Memory is counted from shapes alone: against sums done by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from benchmarks.api.memory import live_bytes, network_bytes, peak_bytes

KIB = 1024


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def test_parameters_and_buffers_are_counted_in_the_dtype_they_will_have() -> None:
    with torch.device("meta"):
        network = torch.nn.BatchNorm2d(8)
    assert network_bytes(network, torch.float16) == 2 * (4 * 8 + 1)
    assert network_bytes(network, torch.float32) == 4 * (4 * 8 + 1)


def test_the_peak_is_of_what_lives_at_one_time() -> None:
    x = meta(KIB)  # given: not counted

    def chain() -> torch.Tensor:
        y = x + 1  # 4 KiB
        y = y * 2  # 8 KiB for a moment, then 4
        y = y.view(2, -1)  # no new storage
        return torch.cat([y, y])  # 4 + 8

    assert peak_bytes(chain) == 12 * KIB


def test_what_is_freed_does_not_count_twice() -> None:
    x = meta(KIB)

    def loop() -> None:
        for _ in range(10):
            x.exp()

    assert peak_bytes(loop) == 4 * KIB


@pytest.mark.parametrize("by_name", [False, True])
def test_attention_keeps_no_matrix_of_scores(by_name: bool) -> None:
    q, k, v = meta(1, 2, 4096, 8), meta(1, 2, 4096, 8), meta(1, 2, 4096, 16)

    def attend() -> torch.Tensor:
        if by_name:
            return F.scaled_dot_product_attention(query=q, key=k, value=v)
        return F.scaled_dot_product_attention(q, k, v)

    assert peak_bytes(attend) == 2 * 4096 * 16 * 4


@pytest.mark.parametrize(("kept", "expected"), [(False, 8), (True, 12)])
def test_what_the_backward_pass_needs_is_counted_while_it_is_kept(
    kept: bool, expected: int
) -> None:
    x = torch.ones(KIB, requires_grad=kept)  # a real tensor, given: not counted

    def chain() -> torch.Tensor:
        return x.exp().exp().exp()  # the derivative of exp needs its result, 4 KiB each

    assert live_bytes(chain) == expected * KIB


def test_a_network_in_a_lower_dtype_takes_less() -> None:
    with torch.device("meta"):
        network = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.Linear(256, 64))
    peaks = {}
    for dtype in (torch.float32, torch.float16):
        network.to(dtype)
        peaks[dtype] = peak_bytes(lambda: network(meta(10, 64).to(network[0].weight.dtype)))
    assert peaks[torch.float32] >= (256 + 64) * 10 * 4
    assert peaks[torch.float16] < peaks[torch.float32]
