from __future__ import annotations

import pytest
import torch

from baselines.swin_family.chopping import restore_in_tiles, tile_starts


@pytest.mark.parametrize(
    ("length", "size", "stride", "starts"),
    [  # printed by the official code
        (600, 512, 448, [0, 88]),
        (755, 512, 448, [0, 243]),
        (513, 512, 448, [0, 1]),
        (1200, 512, 448, [0, 448, 688]),
        (600, 256, 224, [0, 224, 344]),
        (512, 512, 448, [0]),
        (7, 512, 448, [0]),
        (1024, 512, 448, [0, 448, 512]),
    ],
)
def test_tile_starts(length, size, stride, starts):
    assert tile_starts(length, size, stride) == starts


def _double(tile):
    return tile.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.mark.parametrize("size", [(5, 5), (8, 30), (30, 8), (21, 13)])
def test_local_work_is_the_same_in_tiles(size):
    lr = torch.rand(1, 3, *size)
    sr = restore_in_tiles(lr, _double, size=8, stride=6, scale=2)
    assert torch.allclose(sr, _double(lr), atol=1e-6)


def test_overlaps_are_averaged_with_equal_weights():
    values = iter([0.0, 1.0, 5.0])
    lr = torch.zeros(1, 3, 4, 20)
    sr = restore_in_tiles(
        lr, lambda tile: torch.full_like(tile, next(values)), size=8, stride=6, scale=1
    )
    assert sr[0, 0, 0].tolist() == [0] * 6 + [0.5] * 2 + [1] * 4 + [3] * 2 + [5] * 6
