"""The Swin layer against attention written out window by window."""

from __future__ import annotations

import pytest
import torch
from golden_tables import seeded

from baselines.swin_family.swin import SwinBlock, SwinLayer, WindowAttention, constant_names

WINDOW = 4


def _filled(network, seed=0):
    network.load_state_dict(seeded({n: t.shape for n, t in network.state_dict().items()}, seed))
    return network.eval()


def _official_mask(height, width, window, row, column):
    """The mask of one shifted window, by what the official code comes to.

    Its label image has three bands of rows (all but the last window, the last window's upper half
    and its lower half) and no columns; a window's labels are then read in transposed order.
    """
    band = torch.zeros(height, width)
    band[-window:] = 1
    band[-window // 2 :] = 2
    cut = band[row * window :, column * window :][:window, :window]
    labels = cut.T.flatten()
    return torch.where(labels[:, None] == labels[None, :], 0.0, -100.0)


def _bias(attention, window):
    """The position bias, pair by pair: table row (dy + w - 1) (2w - 1) + dx + w - 1."""
    tokens = [(y, x) for y in range(window) for x in range(window)]
    span = 2 * window - 1
    rows = [
        [(y - v + window - 1) * span + x - u + window - 1 for v, u in tokens] for y, x in tokens
    ]
    return attention.relative_position_bias_table[torch.tensor(rows)].permute(2, 0, 1)


@pytest.mark.parametrize("shifted", [False, True])
def test_attention_window_by_window(shifted):
    heads, channels, rows, columns = 2, 8, 3, 2
    attention = _filled(WindowAttention(channels, heads, WINDOW)).double()
    x = torch.randn(1, rows, columns, WINDOW**2, channels).double()
    with torch.no_grad():
        found = attention(x, shifted=shifted)
        for row in range(rows):
            for column in range(columns):
                parts = attention.qkv(x[0, row, column]).chunk(3, dim=-1)
                q, k, v = (part.reshape(-1, heads, channels // heads) for part in parts)
                logits = torch.einsum("ihd,jhd->hij", q, k) * (channels // heads) ** -0.5
                logits = logits + _bias(attention, WINDOW)
                if shifted:
                    size = (rows * WINDOW, columns * WINDOW)
                    logits = logits + _official_mask(*size, WINDOW, row, column)
                y = torch.einsum("hij,jhd->ihd", logits.softmax(-1), v).flatten(1)
                assert torch.allclose(found[0, row, column], attention.proj(y), rtol=0, atol=1e-13)


def test_windows_are_cut_and_joined_in_place():
    block = SwinBlock(32, 2, window=WINDOW, mlp_ratio=1, shift=0)
    x = torch.arange(2 * 3 * 8 * 12.0).reshape(2, 3, 8, 12)
    windows = block._partition(x)
    assert windows.shape == (2, 2, 3, 16, 3)
    assert torch.equal(windows[1, 1, 2, 5], x[1, :, 5, 9])  # token 5: second row, second column
    assert torch.equal(block._merge(windows), x)


def test_shift_follows_the_training_size_not_the_map():
    def shifts(resolution):
        layer = SwinLayer(32, width=32, heads=2, depth=3, resolution=resolution)
        return [block.shift for block in layer.blocks]

    assert shifts(16) == [0, 4, 0]
    assert shifts(8) == [0, 0, 0]


def test_constants_are_named():
    layer = SwinLayer(32, width=32, heads=2, depth=2, resolution=16)
    index = {f"blocks.{i}.attn.relative_position_index" for i in range(2)}
    assert constant_names(layer) == index | {"blocks.1.attn_mask"}
    assert not constant_names(layer) & set(layer.state_dict())


def test_residual_convolution():
    layer = _filled(SwinLayer(32, width=32, heads=2, depth=1, resolution=16, residual_conv=True))
    x = torch.randn(1, 32, 8, 16)
    with torch.no_grad():
        inner = layer.patch_unembed(layer.blocks(layer.patch_embed(x)))
        assert torch.equal(layer(x), layer.conv(inner) + x)
