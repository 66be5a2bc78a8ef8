"""Building pyiqa's networks from files that lie here: nothing is downloaded, no code is unpickled.

pyiqa's constructors fetch their weights themselves, unpickle them whole, and some fetch a backbone
that is overwritten at once. While a network is built, the few functions of its module that reach
out are replaced by ones that read the located files; all else is pyiqa's own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import torch

from benchmarks.api.images import sha256_file
from benchmarks.api.weight_checks import check
from benchmarks.metrics import weight_files
from benchmarks.metrics.deep.state import load_into

if TYPE_CHECKING:
    from benchmarks.api.card import WeightFile
    from benchmarks.api.metric import MetricRuntime

_LOCK = threading.Lock()

_BACKBONES = {"alexnet": weight_files.ALEXNET, "vgg16": weight_files.VGG16}
_CLIP = {
    "RN50": weight_files.CLIP_RN50,
    "ViT-B/32": weight_files.CLIP_VIT_B32,
    "ViT-L/14": weight_files.CLIP_VIT_L14,
}


def build_pyiqa(runtime: MetricRuntime, **options: Any) -> Any:
    """Return pyiqa's network for the spec's setting `pyiqa`, in its configuration, on the device.

    Args:
        runtime: spec and weights.
        options: what to change of pyiqa's own configuration.

    Raises:
        WeightsError: a weight file is missing or is not what it should be.
    """
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    configured = DEFAULT_CONFIGS[str(runtime.spec.settings["pyiqa"])]["metric_opts"] | options
    kind = configured.pop("type")
    module = importlib.import_module(f"pyiqa.archs.{kind.lower()}_arch")
    with _local(module, runtime), torch.no_grad():
        network = getattr(module, kind)(**configured)
    return network.to(runtime.device).eval()


@contextlib.contextmanager
def _local(module: ModuleType, runtime: MetricRuntime) -> Iterator[None]:
    """Let a module of pyiqa find every file here."""
    with tempfile.TemporaryDirectory() as empty:
        stand_ins: dict[str, Any] = {
            "load_pretrained_network": _pretrained_loader(runtime),
            "load": _clip_loader(runtime),
            "models": _torchvision(runtime),
            "timm": SimpleNamespace(create_model=_without_download),
            # LIQE keeps text features here under a name that says nothing of its weights.
            "DEFAULT_CACHE_DIR": empty,
        }
        present = {name: value for name, value in stand_ins.items() if hasattr(module, name)}
        # LIQE prints, and stdout belongs to results.
        with replaced(module, present), contextlib.redirect_stdout(io.StringIO()):
            yield


@contextlib.contextmanager
def replaced(module: ModuleType, stand_ins: dict[str, Any]) -> Iterator[None]:
    """Replace attributes of a module, and put them back; one thread at a time."""
    with _LOCK:
        originals = {name: getattr(module, name) for name in stand_ins}
        try:
            for name, value in stand_ins.items():
                setattr(module, name, value)
            yield
        finally:
            for name, value in originals.items():
                setattr(module, name, value)


def _pretrained_loader(runtime: MetricRuntime) -> Callable[..., None]:
    def load_pretrained_network(
        net: torch.nn.Module, model_path: str, strict: bool = True, weight_keys: str | None = None
    ) -> None:
        name = unquote(model_path.rpartition("/")[2])
        load_into(net, runtime.weight(name), key=weight_keys, strict=strict)

    return load_pretrained_network


def _torchvision(runtime: MetricRuntime) -> SimpleNamespace:
    """Return what pyiqa uses of `torchvision.models`, reading located files."""
    from torchvision import models

    def backbone(name: str, weight: WeightFile) -> Callable[..., torch.nn.Module]:
        def build(**_: object) -> torch.nn.Module:
            with torch.device("meta"):  # no time for random weights
                network: torch.nn.Module = getattr(models, name)(weights=None)
            features = network.get_submodule("features")  # all that a metric uses of it
            path = runtime.weight(weight.name)
            load_into(features, path, strict=True, prefix="features.", assign=True)
            return network

        return build

    return SimpleNamespace(**{name: backbone(name, file) for name, file in _BACKBONES.items()})


def _without_download(name: str, **_: object) -> Any:
    """Build timm's network without its weights: MANIQA's file holds them again."""
    import timm

    return timm.create_model(name, pretrained=False)


def _clip_loader(runtime: MetricRuntime) -> Callable[..., torch.nn.Module]:
    def load(name: str, device: str) -> torch.nn.Module:
        from pyiqa.archs import clip_model

        weight = _CLIP[name]
        path = runtime.weight(weight.name)
        # A TorchScript archive cannot be read as tensors alone, so it must be OpenAI's own file.
        expected = next(file for file in runtime.spec.weights if file.name == weight.name)
        check(expected, path, sha256_file)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated", FutureWarning)
            network: torch.nn.Module = clip_model.load(str(path), device)
        return network

    return load
