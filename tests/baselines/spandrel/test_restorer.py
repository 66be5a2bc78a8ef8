"""A model file is a method: recognised, restored with, and never run."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

from baselines.spandrel.restorer import RealESRGAN, Spandrel, SwinIRGAN, mirrored
from benchmarks.api.errors import ConfigError, DataError, UsageError, WeightsCorruptError
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore
from benchmarks.methods import resolve


def _network(scale: int = 4) -> RRDBNet:
    torch.manual_seed(5)
    return RRDBNet(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=scale).eval()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "4x_Small Net.pth"
    torch.save(_network().state_dict(), path)
    return path


def _batch(height: int = 24, width: int = 40) -> LRBatch:
    images = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    return LRBatch(images=images, ids=("a",), seeds=(0,))


def _restored(text: str, batch: LRBatch) -> torch.Tensor:
    method = resolve(text)
    return method.restorer.load(method.runtime).restore(batch)


def test_the_card_says_what_the_file_says(model: Path) -> None:
    method = resolve(f"spandrel:{model}")
    assert method.key == "spandrel:4x_small-net"
    assert method.title == "4x_Small Net"
    assert (method.card.scale, method.card.base_model) == (4, "ESRGAN")
    assert method.fingerprint == Spandrel.fingerprint(str(model))
    torch.save(_network(scale=2).state_dict(), model)
    os.utime(model, (1, 1))
    assert resolve(f"spandrel:{model}").card.scale == 2
    assert resolve(f"spandrel:{model}").fingerprint != method.fingerprint


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_it_restores_as_the_network_alone(tmp_path: Path, suffix: str) -> None:
    path, network = tmp_path / f"net{suffix}", _network()
    if suffix == ".pth":
        torch.save({"params_ema": network.state_dict()}, path)  # as BasicSR saves
    else:
        save_file(network.state_dict(), path)
    batch = _batch()
    with torch.inference_mode():
        expected = network(batch.images).clamp(0, 1)
    torch.testing.assert_close(_restored(f"spandrel:{path}", batch), expected, rtol=0, atol=1e-6)
    assert (
        expected - torch.nn.functional.interpolate(batch.images, scale_factor=4)
    ).abs().max() > 0.01


def test_tiles_change_only_what_lies_near_their_borders(model: Path) -> None:
    whole = _restored(f"spandrel:{model}", _batch(64, 80))
    tiled = _restored(f"spandrel+tile=48:{model}", _batch(64, 80))
    assert tiled.shape == whole.shape
    torch.testing.assert_close(tiled, whole, rtol=0, atol=5e-3)
    corner = (..., slice(0, 40), slice(0, 40))  # 10 LR pixels: seen by one tile alone, far inside
    torch.testing.assert_close(tiled[corner], whole[corner], rtol=0, atol=1e-5)
    assert resolve(f"spandrel+tile=48:{model}").key == "spandrel:4x_small-net+tile=48"
    with pytest.raises(ConfigError, match="tile=20"):
        _restored(f"spandrel+tile=20:{model}", _batch())


class _Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_what_could_run_is_refused_and_not_run(tmp_path: Path) -> None:
    hostile, ran = tmp_path / "hostile.pth", tmp_path / "ran"
    torch.save({"params": _Runs(ran)}, hostile)
    with pytest.raises(WeightsCorruptError, match="more than tensors"):
        resolve(f"spandrel:{hostile}")
    script = torch.jit.trace(torch.nn.ReLU(), torch.zeros(1))
    for name, error in (("script.pt", ConfigError), ("script.pth", WeightsCorruptError)):
        torch.jit.save(script, tmp_path / name)
        with pytest.raises(error):
            resolve(f"spandrel:{tmp_path / name}")
    assert not ran.exists()


def test_files_that_are_no_models_are_clear_errors(tmp_path: Path, model: Path) -> None:
    with pytest.raises(UsageError, match="needs a model file"):
        resolve("spandrel")
    with pytest.raises(DataError, match="Cannot read"):
        resolve(f"spandrel:{tmp_path / 'none.pth'}")
    torch.save({"a": torch.zeros(1)}, model)
    with pytest.raises(ConfigError, match="knows no architecture"):
        resolve(f"spandrel:{model}")
    torch.save([torch.zeros(1)], model)
    os.utime(model, (2, 2))
    with pytest.raises(ConfigError, match="holds list"):
        resolve(f"spandrel:{model}")


def _named(root: Path, restorer: type[Spandrel], scale: int = 4, **options: str) -> Any:
    """Load a paper's method from weights that are written for it."""
    (weight,) = restorer.card.weights
    place = WeightStore(root).place(restorer.card.name, weight)
    place.parent.mkdir(exist_ok=True)
    torch.save(_network(scale).state_dict(), place)
    return restorer.load(Runtime(card=restorer.card, weights=WeightStore(root), options=options))


def test_a_named_method_takes_its_own_architecture_and_scale(tmp_path: Path) -> None:
    load = partial(_named, tmp_path)
    assert load(RealESRGAN, 4).restore(_batch()).shape == (1, 3, 96, 160)
    with pytest.raises(WeightsCorruptError, match="ESRGAN x2 where ESRGAN x4"):
        load(RealESRGAN, 2)
    with pytest.raises(WeightsCorruptError, match="ESRGAN x4 where SwinIR x4"):
        load(SwinIRGAN, 4)


def test_real_esrgans_margin_is_reflected_and_cut_off_again(tmp_path: Path) -> None:
    images = _batch(16, 24).images
    grown = torch.from_numpy(
        np.pad(images.numpy(), ((0, 0), (0, 0), (0, 10), (0, 10)), mode="reflect")
    )
    whole = _named(tmp_path, RealESRGAN).restore(replace(_batch(16, 24), images=grown))
    padded = _named(tmp_path, RealESRGAN, **{"pre-pad": "10"})
    torch.testing.assert_close(padded.restore(_batch(16, 24)), whole[..., :64, :96])
    assert padded.restore(_batch(3, 1)).shape == (1, 3, 12, 4)
    with pytest.raises(ConfigError, match="not a number of LR pixels"):
        _named(tmp_path, RealESRGAN, **{"pre-pad": "-1"})


def test_swinir_s_margin_is_the_mirror_image_with_its_edge() -> None:
    for height, width in ((16, 24), (17, 23), (9, 31)):
        images = _batch(height, width).images
        grown = mirrored(images, 8)
        down, right = (8 - side % 8 for side in (height, width))
        edges = ((0, 0), (0, 0), (0, down), (0, right))
        expected = np.pad(images.numpy(), edges, mode="symmetric")
        np.testing.assert_array_equal(grown.numpy(), expected)


def test_half_precision_is_offered_where_the_architecture_has_it(model: Path) -> None:
    assert replace(RealESRGAN.card).dtypes == ("fp32", "fp16")
    assert resolve(f"spandrel+dtype=fp16:{model}").key.endswith("+dtype=fp16")
