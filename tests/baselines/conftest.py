"""The small base model of the tests of the rivals."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import small_networks as small
import torch

from baselines.sd21.weights import ParameterCounts

if TYPE_CHECKING:
    from torch import nn

    from baselines.sd21.components import Components


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Networks this small spend more on waking threads than on computing."""
    threads = torch.get_num_threads()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _write_base(folder: Path) -> ParameterCounts:
    """Write a base model of SD 2.1's layers and file names, a thousandth of its size."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPTextConfig, CLIPTextModel

    text = CLIPTextModel(CLIPTextConfig(**small.TEXT))
    unet, vae = UNet2DConditionModel(**small.UNET), AutoencoderKL(**small.VAE)
    counts = {}
    for name, part in {"unet": unet, "vae": vae, "text_encoder": text}.items():
        part.load_state_dict(small.filled(dict(part.named_parameters()), f"{name}."), strict=False)
        part.save_pretrained(folder / name)
        counts[name] = sum(parameter.numel() for parameter in part.parameters())
    save_file(
        small.old_text_names(dict(text.named_parameters())),
        folder / "text_encoder/model.safetensors",
        {"format": "pt"},
    )
    save_file(
        small.old_vae_names(vae.state_dict()),
        folder / "vae/diffusion_pytorch_model.safetensors",
        {"format": "pt"},
    )
    small.write_tokenizer(folder / "tokenizer")
    return ParameterCounts(**counts)


@pytest.fixture(scope="session")
def sd21(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ParameterCounts]:
    """The small base model."""
    folder = tmp_path_factory.mktemp("sd21")
    return folder, _write_base(folder)


@pytest.fixture(scope="session")
def _loaded(sd21: tuple[Path, ParameterCounts]) -> Components:
    from baselines.sd21.components import load_components

    return load_components(*sd21)


@pytest.fixture
def components(_loaded: Components) -> Components:
    """A fresh copy of the small base model."""
    return copy.deepcopy(_loaded)


@pytest.fixture(scope="session")
def pisasr_file(_loaded: Components, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in PiSA-SR's format, for the small base model."""
    path = tmp_path_factory.mktemp("pisasr") / "pisa_sr.pkl"
    torch.save(small.pisasr_checkpoint(_loaded.unet), path)
    return path


@pytest.fixture(scope="session")
def osediff_file(_loaded: Components, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in OSEDiff's format, for the small base model."""
    path = tmp_path_factory.mktemp("osediff") / "osediff.pkl"
    torch.save(small.osediff_checkpoint(_loaded.unet, _loaded.vae), path)
    return path


@pytest.fixture(scope="session")
def s3diff_files(
    _loaded: Components, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The two files in S3Diff's format, for the small base model."""
    from baselines.s3diff.degradation import DegradationEstimator

    folder = tmp_path_factory.mktemp("s3diff")
    torch.save(small.s3diff_checkpoint(_loaded.unet, _loaded.vae), folder / "s3diff.pkl")
    estimator = small.filled(DegradationEstimator().state_dict(), "de_net.")
    torch.save(estimator, folder / "de_net.pth")
    return folder / "s3diff.pkl", folder / "de_net.pth"


@pytest.fixture(scope="session")
def full_size() -> tuple[nn.Module, nn.Module]:
    """SD 2.1's U-Net and VAE at full size, without memory."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(**small.FULL_UNET), AutoencoderKL(**small.FULL_VAE)
