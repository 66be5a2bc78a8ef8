"""Backbones out of packages have torchvision's names, shapes and order."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
import torchvision

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.metrics import package_weights

NETWORKS = {"alexnet": "AlexNet_0", "vgg16": "VGG16_0"}


def _pickled(name: str, convolutions: dict[str, object]) -> dict[str, bytes]:
    return {"x.ckpt": pickle.dumps({NETWORKS[name]: convolutions}, protocol=4)}


@pytest.mark.parametrize("name", NETWORKS)
def test_they_compute_what_the_same_kernels_compute_in_flax_s_layout(name: str) -> None:
    network = getattr(torchvision.models, name)(weights=None).features
    convolutions = [layer for layer in network if isinstance(layer, torch.nn.Conv2d)]
    layers = {
        f"Conv_{number}": {
            "kernel": np.ascontiguousarray(layer.weight.detach().numpy().transpose(2, 3, 1, 0)),
            "bias": layer.bias.detach().numpy(),
        }
        for number, layer in enumerate(convolutions)
    }
    tensors = getattr(package_weights, name)(_pickled(name, layers))
    expected = {f"features.{key}": value for key, value in network.state_dict().items()}
    assert tensors.keys() == expected.keys()
    for key, tensor in tensors.items():
        torch.testing.assert_close(torch.from_numpy(tensor), expected[key], rtol=0, atol=0)


def test_another_pickle_is_refused() -> None:
    with pytest.raises(WeightsCorruptError, match="AlexNet_0"):
        package_weights.alexnet(_pickled("vgg16", {}))
    with pytest.raises(WeightsCorruptError, match="Conv_0"):
        package_weights.alexnet(_pickled("alexnet", {}))
