from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pyiqa.archs import fid_arch
from pyiqa.archs import inception as pyiqa_inception

from benchmarks import registry
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import write_png
from benchmarks.api.weights import WeightStore
from benchmarks.metrics.deep.inception import inception, resizer
from benchmarks.metrics.fid import Fid
from benchmarks.metrics.scoring import build

_MODES = ("clean", "legacy_pytorch", "legacy_tensorflow")


@pytest.fixture(scope="module")
def inception_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of weights with a random Inception in pyiqa's format."""
    folder = tmp_path_factory.mktemp("inception")
    (folder / "metrics").mkdir()
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyiqa_inception, "load_pretrained_network", lambda *_: None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # renamed arguments of torchvision
            network = pyiqa_inception.fid_inception_v3()
    torch.save(network.state_dict(), folder / "metrics" / "pt_inception-2015-12-05-6726825d.pth")
    return folder


@pytest.fixture(scope="module")
def fid(inception_weights: Path) -> Callable[[str], Fid]:
    def make(mode: str) -> Fid:
        spec = registry.metric_specs()[f"fid@{mode.replace('_', '-')}"]
        (weight,) = spec.weights
        spec = replace(spec, weights=(replace(weight, sha256="", bytes=0),))
        return build(spec, store=WeightStore(inception_weights))

    return make


@pytest.fixture(scope="module")
def pyiqas_network(inception_weights: Path) -> torch.nn.Module:
    def load(network: torch.nn.Module, _: str) -> None:
        path = inception_weights / "metrics" / "pt_inception-2015-12-05-6726825d.pth"
        network.load_state_dict(torch.load(path, weights_only=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyiqa_inception, "load_pretrained_network", load)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return pyiqa_inception.InceptionV3(output_blocks=[3]).eval()


@pytest.mark.parametrize("mode", _MODES)
def test_features_are_pyiqas_of_the_same_files(
    fid, pyiqas_network, make_image, tmp_path: Path, mode: str
) -> None:
    image = make_image(200, 240, 1)
    write_png(tmp_path / "a.png", image)
    expected = fid_arch.get_folder_features(
        str(tmp_path),
        pyiqas_network,
        num_workers=0,
        batch_size=1,
        device=torch.device("cpu"),
        mode=mode,
        verbose=False,
    )
    found = fid(mode).features([image])
    assert found.shape == (1, 2048)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_each_row_depends_on_its_own_image_alone(fid, make_image) -> None:
    metric = fid("clean")
    images = [make_image(64, 64, 1), make_image(100, 80, 2)]
    together = metric.features(images)
    assert np.array_equal(together[1:], metric.features(images[1:]))
    assert not np.array_equal(together[0], together[1])


def test_an_outer_autocast_changes_nothing(fid, make_image) -> None:
    metric, image = fid("clean"), make_image(64, 64, 1)
    before = metric.features([image])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.array_equal(metric.features([image]), before)


@pytest.mark.parametrize("mode", _MODES)
def test_resizing_keeps_the_range_and_silences_no_warnings(make_image, mode: str) -> None:
    filters = list(warnings.filters)
    resized = resizer(mode)(make_image(50, 70))
    assert warnings.filters == filters
    assert resized.shape == (1, 3, 299, 299)
    assert resized.dtype == torch.float32
    assert 0 <= resized.min() < resized.max() <= 255


@pytest.mark.parametrize("content", [{"weight": torch.ones(2)}, torch.ones(2)])
def test_a_file_of_another_network_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsCorruptError, match="does not fit Inception"):
        inception(tmp_path / "w.pth")
