from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from benchmarks.api.errors import ConfigError
from benchmarks.api.tiling import Tile, Tiling, predict_tiled, starts

OSEDIFF = Tiling(tile=96, overlap=32)


def _starts_by_counting(length: int, tile: int, overlap: int) -> list[int]:
    """The grid as OSEDiff counts it: add tiles until one reaches the border, move that one back."""
    count, end = 0, 0
    while end < length:
        end = count * (tile - overlap) + tile
        count += 1
    found = [index * (tile - overlap) for index in range(count)]
    found[-1] = length - tile
    return found


def _starts_by_clamping(length: int, tile: int, overlap: int) -> list[int]:
    """The grid as ResShift makes it: all multiples of the stride, clamped, duplicates removed."""
    return sorted({min(s, length - tile) for s in range(0, length, tile - overlap)})


@pytest.mark.parametrize(("tile", "overlap"), [(96, 32), (64, 8), (64, 24), (12, 4), (7, 0)])
def test_one_rule_for_starts_covers_the_loops_of_all_families(tile: int, overlap: int) -> None:
    for length in range(tile, 5 * tile):
        found = list(starts(length, tile, tile - overlap))
        assert found == _starts_by_counting(length, tile, overlap)
        assert found == _starts_by_clamping(length, tile, overlap)


def test_tiles_are_flush_with_all_borders_and_leave_no_gap() -> None:
    covered = torch.zeros(130, 201)
    for tile in OSEDIFF.grid(130, 201):
        assert tile.crop(covered).shape == (96, 96)
        tile.crop(covered).add_(1)
    assert covered.min() == 1
    assert {tile.y for tile in OSEDIFF.grid(130, 201)} == {0, 34}
    assert {tile.x for tile in OSEDIFF.grid(130, 201)} == {0, 64, 105}


def test_the_area_decides_whether_a_latent_is_tiled() -> None:
    assert OSEDIFF.grid(64, 144) == (Tile(y=0, x=0, height=64, width=144),)
    assert len(OSEDIFF.grid(64, 145)) > 1
    assert OSEDIFF.grid(64, 145)[0].height == 64


def test_flowsr_tiles_all_but_squares() -> None:
    tiling = Tiling(tile=96, overlap=32, untiled="square", symmetric=True)
    assert len(tiling.grid(96, 96)) == 1
    assert len(tiling.grid(64, 64)) == 1
    assert [tile.x for tile in tiling.grid(64, 80)] == [0, 16]
    whole = Tiling(tile=96, overlap=32, untiled="square", symmetric=True, narrow="whole")
    assert [tile.x for tile in whole.grid(16, 19)] == [0, 1, 2, 3]
    assert [tile.x for tile in tiling.grid(16, 19)] == [0, 3]


def test_a_latent_narrower_than_the_overlap_still_ends() -> None:
    tiles = OSEDIFF.grid(8, 2000)
    assert tiles[0].height == tiles[0].width == 8
    assert tiles[1].x == 4


def test_weights_are_normal_densities_with_the_row_midpoint_half_a_pixel_low() -> None:
    k = np.arange(96)
    rows = norm.pdf(k / 96, loc=48 / 96, scale=0.1) * 0.1 * np.sqrt(2 * np.pi) / 0.2506628274631
    columns = (
        norm.pdf(k / 96, loc=47.5 / 96, scale=0.1) * 0.1 * np.sqrt(2 * np.pi) / 0.2506628274631
    )
    found = OSEDIFF.weights(96).numpy()
    np.testing.assert_allclose(found, np.outer(rows, columns), rtol=1e-12)
    assert np.array_equal(found, found[:, ::-1])
    assert not np.allclose(found, found[::-1])


def test_symmetric_weights_are_symmetric_in_both_axes() -> None:
    found = Tiling(tile=12, overlap=4, symmetric=True).weights(12)
    assert torch.equal(found, found.flip(0))
    assert torch.equal(found, found.T)


def test_a_pixelwise_prediction_comes_back_as_it_is() -> None:
    z = torch.randn(2, 4, 24, 16, generator=torch.Generator().manual_seed(0))
    found = predict_tiled(lambda tile: tile.crop(z) * 2, (24, 16), Tiling(tile=12, overlap=4))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, 2 * z)


def test_predictions_are_averaged_with_their_weights() -> None:
    """Every tile answers with its own number; each pixel is checked by the sum over tiles."""
    tiling = Tiling(tile=6, overlap=2)
    tiles = tiling.grid(11, 9)
    weights = tiling.weights(6).numpy()
    expected = np.zeros((11, 9))
    for y, x in np.ndindex(11, 9):
        inside = [
            (index, weights[y - t.y, x - t.x])
            for index, t in enumerate(tiles)
            if 0 <= y - t.y < 6 and 0 <= x - t.x < 6
        ]
        expected[y, x] = np.average([i for i, _ in inside], weights=[w for _, w in inside])
    found = predict_tiled(
        lambda tile: torch.full((1, 1, 6, 6), float(tiles.index(tile))), (11, 9), tiling
    )
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-5)


def test_one_tile_is_handed_through_untouched() -> None:
    z = torch.randn(1, 4, 8, 8).half()
    assert predict_tiled(lambda tile: tile.crop(z), (8, 8), OSEDIFF).data_ptr() == z.data_ptr()


def test_half_precision_predictions_are_summed_in_float32() -> None:
    z = torch.randn(1, 4, 24, 16).half()
    tiling = Tiling(tile=12, overlap=4)
    found = predict_tiled(lambda tile: tile.crop(z), (24, 16), tiling)
    assert found.dtype == torch.float32
    assert torch.equal(found.half(), z)
    flowsr = predict_tiled(lambda tile: tile.crop(z), (24, 16), tiling, dtype=torch.float16)
    assert flowsr.dtype == torch.float16


def test_the_floor_of_flowsr_fades_the_corners() -> None:
    z = torch.ones(1, 1, 96, 128)
    kept = predict_tiled(lambda tile: tile.crop(z), (96, 128), Tiling(tile=96, overlap=32))
    torch.testing.assert_close(kept, z)
    tiling = Tiling(tile=96, overlap=32, symmetric=True, floor=1e-6)
    assert predict_tiled(lambda tile: tile.crop(z), (96, 128), tiling)[0, 0, 0, 0] < 1e-3


def test_scaled_crops_follow_the_tile() -> None:
    image = torch.arange(64 * 64).reshape(1, 1, 64, 64)
    crop = Tile(y=1, x=2, height=3, width=4).crop(image, scale=8)
    assert crop.shape == (1, 1, 24, 32)
    assert crop[0, 0, 0, 0] == 8 * 64 + 16


def test_an_overlap_of_a_whole_tile_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot overlap"):
        Tiling(tile=32, overlap=32)


def test_a_tiling_describes_itself() -> None:
    assert str(OSEDIFF) == "latent 96, overlap 32, Gaussian weights"
