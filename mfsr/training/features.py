"""What a discriminator sees of an image: maps of a frozen network, by the name of a plugin.

A plugin of the entry-point group `mfsr_bench.features` is a class that is made from a folder of
weights, or from nothing; it turns images into maps, and says how many channels each has.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.api.errors import ConfigError, WeightsMissingError
from benchmarks.api.names import unknown
from benchmarks.api.tensors import unreadable

if TYPE_CHECKING:
    from pathlib import Path

GROUP = "mfsr_bench.features"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


class Features(Protocol):
    """Maps of images (B, 3, H, W) in about [0, 1], with gradient for the images alone."""

    channels: tuple[int, ...]

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Return maps (B, channels[i], h_i, w_i)."""
        ...

    def to(self, device: torch.device) -> object:
        """Move the network."""
        ...


def load(name: str, folder: Path | None) -> Features:
    """Return the features of a name.

    Args:
        name: of a plugin.
        folder: of its weights, where it needs any.

    Raises:
        UnknownNameError: there is no such plugin.
        WeightsMissingError: it needs a folder, and none is given.
        WeightsCorruptError: the folder holds something else.
    """
    known = {one.name: one for one in entry_points(group=GROUP)}
    if name not in known:
        raise unknown("discriminator's features", name, known, see="docs/training.md")
    made: Features = known[name].load()(folder)
    return made


class Seeded(nn.Module):
    """Random convolutions of a fixed seed: for tests and trials, without weights."""

    channels = (16, 32, 64)

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        if folder is not None:
            raise ConfigError("'seeded' features have no weights.", "Leave --features out.")
        generator = torch.Generator().manual_seed(0)
        widths = (3, *self.channels)
        self.convs = nn.ModuleList(
            nn.Conv2d(inner, outer, 3, stride=2, padding=1)
            for inner, outer in zip(widths, self.channels, strict=False)
        )
        for parameter in self.parameters():
            fan = parameter[0].numel() if parameter.ndim > 1 else 1e4
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data = noise * (2 / fan) ** 0.5
        self.requires_grad_(requires_grad=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return one map per convolution."""
        maps, x = [], 2 * images - 1
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
            maps.append(x)
        return maps


class DINOv3(nn.Module):
    """Patch tokens of a DINOv3 vision transformer, at four depths.

    Its weights are gated: https://huggingface.co/facebook/dinov3-vitl16-pretrain-lvd1689m. The
    folder is the one of transformers: config.json and model.safetensors.
    """

    def __init__(self, folder: Path | None) -> None:
        from transformers import AutoModel

        super().__init__()
        if folder is None:
            raise WeightsMissingError(
                "The discriminator sees DINOv3's features, and its weights are not given.",
                "Give --features FOLDER (gated: accept the licence at "
                "https://huggingface.co/facebook/dinov3-vitl16-pretrain-lvd1689m), or "
                "--set refine.features=seeded for a trial.",
            )
        try:
            read: Any = AutoModel.from_pretrained
            self.vit: Any = read(folder, local_files_only=True, dtype=torch.float32)
        except Exception as error:  # transformers answers a damaged folder with many kinds
            raise unreadable(folder, error) from None
        if not hasattr(self.vit.config, "num_register_tokens"):
            raise ConfigError(f"{folder} holds no DINOv3 but {type(self.vit).__name__}.")
        self.vit.eval().requires_grad_(requires_grad=False)
        depth = self.vit.config.num_hidden_layers
        self.depths = tuple(sorted({max(1, depth * part // 4) for part in (1, 2, 3, 4)}))
        self.channels = (self.vit.config.hidden_size,) * len(self.depths)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the tokens of the patches as maps; sides are floored to whole patches."""
        patch = self.vit.config.patch_size
        rows, columns = (max(1, side // patch) for side in images.shape[-2:])
        if (rows * patch, columns * patch) != tuple(images.shape[-2:]):
            images = F.interpolate(
                images, (rows * patch, columns * patch), mode="bilinear", antialias=True
            )
        mean, std = (images.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _STD))
        states = self.vit((images - mean) / std, output_hidden_states=True).hidden_states
        # Class and register tokens come first.
        return [
            states[depth][:, -rows * columns :].transpose(1, 2).unflatten(2, (rows, columns))
            for depth in self.depths
        ]
