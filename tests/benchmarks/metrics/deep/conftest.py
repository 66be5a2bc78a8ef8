"""Small random networks as weight files, so that every metric is built by its own loader."""

from __future__ import annotations

import socket
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
import torchvision
from pyiqa.archs import clip_model, liqe_arch, maniqa_arch, musiq_arch
from pyiqa.default_model_configs import DEFAULT_CONFIGS
from timm.models.vision_transformer import VisionTransformer

from benchmarks import registry
from benchmarks.api import weight_checks
from benchmarks.api.metric import MetricRuntime
from benchmarks.api.weights import WeightStore
from benchmarks.metrics.scoring import build

_MUSIQ = {
    "hidden_size": 48,
    "mlp_dim": 64,
    "num_heads": 2,
    "num_layers": 2,
    "longer_side_lengths": [64, 96],
}
_MANIQA = {"embed_dim": 16, "dim_mlp": 16, "num_heads": [2, 2], "test_sample": 1}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a metric reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backbones without their unused classifiers, transformers of a few layers."""
    for name in ("alexnet", "vgg16"):
        original = getattr(torchvision.models, name)

        def features_alone(original=original, **options: object) -> torch.nn.Module:
            backbone = torch.nn.Module()
            backbone.features = original(**options).features
            return backbone

        monkeypatch.setattr(torchvision.models, name, features_alone)
    for name, config in DEFAULT_CONFIGS.items():
        small = _MUSIQ if name.startswith("musiq") else _MANIQA if "maniqa" in name else {}
        if small:
            monkeypatch.setitem(config, "metric_opts", config["metric_opts"] | small)
    monkeypatch.setattr(timm, "create_model", _tiny_vit)


def _tiny_vit(name: str, *, pretrained: bool) -> VisionTransformer:
    assert name == "vit_base_patch8_224"
    assert not pretrained
    return VisionTransformer(patch_size=8, embed_dim=16, depth=10, num_heads=2, num_classes=0)


def _clip(layers: tuple[int, ...] | int, patch: int | None = None) -> dict[str, torch.Tensor]:
    """Return the state of a small CLIP: a ResNet's for a tuple of layers, else a ViT's."""
    width = 16 if isinstance(layers, tuple) else 64
    network = clip_model.CLIP(32, 224, layers, width, patch, 77, 49408, 64, 1, 1)
    return network.state_dict()


def _random(backbone: Callable[..., torch.nn.Module]) -> dict[str, torch.Tensor]:
    """Return random weights of a backbone, of a size that keeps signals alive."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in backbone(weights=None).state_dict().items()}
    return {
        name: torch.randn(shape) * (2 / max(shape[1:].numel(), 100)) ** 0.5
        for name, shape in shapes.items()
    }


class _Node(torch.nn.Module):
    """A tree of modules that holds tensors under given names."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        below: dict[str, dict[str, torch.Tensor]] = {}
        for name, tensor in state.items():
            head, _, rest = name.partition(".")
            if rest:
                below.setdefault(head, {})[rest] = tensor
            else:
                self.register_buffer(head, tensor)
        for head, part in below.items():
            self.add_module(head, _Node(part))


def _save_torchscript(state: dict[str, torch.Tensor], path: Path) -> None:
    """Write tensors as OpenAI distributes CLIP: a TorchScript archive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated
        torch.jit.script(_Node(state)).save(path)


@pytest.fixture(autouse=True)
def _small_files_count_as_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_checks, "_ROUGHLY", 0.0)


class _Files:
    """Writes a random weight file of a given name."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch

    def write(self, name: str) -> None:
        path = self.folder / name
        if not path.exists():
            torch.manual_seed(len(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            state = self._state(name)
            if name in ("RN50.pt", "ViT-B-32.pt", "ViT-L-14.pt"):
                _save_torchscript(state, path)
            else:
                torch.save(state, path)

    def _state(self, name: str) -> object:
        for start, make in self._makers().items():
            if name.startswith(start):
                return make()
        raise AssertionError(f"no fake for {name}")

    def _makers(self) -> dict[str, Callable[[], object]]:
        return {
            "alexnet": lambda: _random(torchvision.models.alexnet),
            "vgg16": lambda: _random(torchvision.models.vgg16),
            "LPIPS_v0.1_alex": lambda: self._linear(64, 192, 384, 256, 256),
            "LPIPS_v0.1_vgg": lambda: self._linear(64, 128, 256, 512, 512),
            "DISTS": lambda: {key: torch.rand(1, 1475, 1, 1) for key in ("alpha", "beta")},
            "musiq_ava": lambda: self._musiq(num_class=10),
            "musiq": self._musiq,
            "MANIQA": self._maniqa,
            "ckpt_": self._maniqa,
            "RN50": lambda: _clip((1, 1, 1, 1)),
            "ViT": lambda: _clip(1, 32),
            "CLIP-IQA+": lambda: torch.randn(2, 16, 64),
            "CLIPIQA+": lambda: {"params": self._prompts()},
            "liqe": lambda: {"params": self._liqe()},
        }

    @staticmethod
    def _linear(*channels: int) -> dict[str, torch.Tensor]:
        return {f"lin{k}.model.1.weight": torch.rand(1, c, 1, 1) for k, c in enumerate(channels)}

    @staticmethod
    def _musiq(**options: int) -> object:
        return musiq_arch.MUSIQ(pretrained=False, **_MUSIQ, **options).state_dict()

    def _maniqa(self) -> object:
        with self.monkeypatch.context() as patch:
            fake = SimpleNamespace(create_model=lambda name, **_: _tiny_vit(name, pretrained=False))
            patch.setattr(maniqa_arch, "timm", fake)
            network = maniqa_arch.MANIQA(pretrained=False, **_MANIQA)
        torch.nn.init.ones_(network.fc_score[-2].bias)  # the ReLU after it must not give 0
        return network.state_dict()

    @staticmethod
    def _prompts() -> dict[str, torch.Tensor]:
        return {
            "prompt_learner.ctx": torch.randn(2, 16, 64),
            "prompt_learner.token_prefix": torch.randn(2, 1, 64),
            "prompt_learner.token_suffix": torch.randn(2, 60, 64),
        }

    def _liqe(self) -> object:
        with tempfile.TemporaryDirectory() as folder, self.monkeypatch.context() as patch:
            patch.setattr(liqe_arch, "DEFAULT_CACHE_DIR", folder)
            network = clip_model.build_model(_clip(1, 32)).float()
            patch.setattr(liqe_arch, "load", lambda *_: network)
            return liqe_arch.LIQE(pretrained=False).state_dict()


@pytest.fixture(scope="session")
def _shared_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture
def runtime(
    _shared_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], MetricRuntime]:
    """Return a function from a metric id to a runtime whose weight files are here, and random."""

    def make(metric: str) -> MetricRuntime:
        spec = registry.metric_specs()[metric]
        unknown = [replace(w, sha256="", sha256_prefix="", bytes=0) for w in spec.weights]
        for weight in spec.weights:
            _Files(_shared_weights / "metrics", monkeypatch).write(weight.name)
        return MetricRuntime(
            spec=replace(spec, weights=tuple(unknown)), weights=WeightStore(_shared_weights)
        )

    return make


@pytest.fixture(scope="session")
def _built() -> dict[str, Any]:
    return {}


@pytest.fixture
def metric(runtime: Callable[[str], MetricRuntime], _built: dict[str, Any]) -> Callable[[str], Any]:
    """Return a function from a metric id to the metric, built once by its own loader."""

    def make(name: str) -> Any:
        if name not in _built:
            found = runtime(name)
            _built[name] = build(found.spec, store=found.weights)
        return _built[name]

    return make
