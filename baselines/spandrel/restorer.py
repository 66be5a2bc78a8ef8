"""`spandrel:FILE`: a model file as a method; and the models of papers under their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from baselines.precomputed import method_id
from baselines.spandrel import cards
from baselines.spandrel.model import facts_of, load
from benchmarks.api.card import MethodCard, SizeRule
from benchmarks.api.errors import ConfigError, UsageError, WeightsCorruptError
from benchmarks.api.images import extend, sha256_file, show
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.tiling import Tile, Tiling, predict_tiled

if TYPE_CHECKING:
    from torch import Tensor

_EXAMPLE = "Use: spandrel:FILE, for instance spandrel:models/4x_foolhardy.pth"


class Spandrel(Restorer):
    """Restore with the network that a model file holds."""

    card: ClassVar[MethodCard] = cards.ANY_FILE
    window: ClassVar[int] = 0  # LR pixels that the authors' script pads to, beyond what is needed

    def __init__(self, runtime: Runtime, model: Any) -> None:
        super().__init__(runtime)
        self._model = model.to(runtime.device, runtime.torch_dtype)
        self._tile = _tile(runtime)

    @classmethod
    def card_for(cls, argument: str) -> MethodCard:
        """Return a card with what the file says of itself."""
        path = _path(argument)
        facts = facts_of(path)
        return replace(
            cls.card,
            name=method_id(path.stem),
            title=path.stem,
            base_model=facts.architecture,
            scale=facts.scale,
            size=SizeRule(multiple_of=facts.multiple_of, minimum=facts.minimum),
            dtypes=("fp32", "fp16") if facts.half else ("fp32",),
        )

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Return the file's hash: other weights are another method."""
        return sha256_file(_path(argument))

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read the file and put the network on the device."""
        return cls(runtime, load(_path(runtime.argument)))

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        scale = self.runtime.card.scale
        height, width = (scale * side for side in batch.images.shape[-2:])
        images = batch.images.to(self.runtime.device, self.runtime.torch_dtype)
        images = self._grown(images)
        with self.stage("network"):
            sr = self._whole(images) if self._tile is None else self._tiled(images, self._tile)
        return sr[..., :height, :width]

    def _grown(self, images: Tensor) -> Tensor:
        """Return images with the margin at the bottom and right that the authors' script adds."""
        return mirrored(images, self.window) if self.window else images

    def _whole(self, images: Tensor) -> Tensor:
        sr: Tensor = self._model.model(images)
        return sr

    def _tiled(self, images: Tensor, tiling: Tiling) -> Tensor:
        scale = self.runtime.card.scale

        def predict(tile: Tile) -> Tensor:
            y, x = tile.y // scale, tile.x // scale
            lr = Tile(y=y, x=x, height=tile.height // scale, width=tile.width // scale)
            return self._whole(lr.crop(images))

        height, width = (scale * side for side in images.shape[-2:])
        return predict_tiled(predict, (height, width), tiling)


class _Named(Spandrel):
    """A paper's own model, from its own address."""

    @classmethod
    def card_for(cls, argument: str) -> MethodCard:
        """Return the paper's card; the file is not looked at."""
        return super(Spandrel, cls).card_for(argument)

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Return nothing: the weights are in the card."""
        return ""

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read the weights of the card and put the network on the device.

        Raises:
            WeightsMissingError: they are not on this machine.
            WeightsCorruptError: the file holds another architecture or scale.
        """
        (weight,) = runtime.card.weights
        path = runtime.weight(weight.name)
        model, card = load(path), runtime.card
        found = f"{model.architecture.name} x{model.scale}"
        expected = f"{card.base_model.partition(' ')[0]} x{card.scale}"
        if found != expected:
            raise WeightsCorruptError(f"{show(path)} is {found} where {expected} was expected.")
        return cls(runtime, model)


class RealESRGAN(_Named):
    """Real-ESRGAN, RealESRGAN_x4plus."""

    card = cards.REAL_ESRGAN

    def __init__(self, runtime: Runtime, model: Any) -> None:
        super().__init__(runtime, model)
        self._pre_pad = _pixels(runtime.option("pre-pad"), "pre-pad")

    def _grown(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        return extend(images, height + self._pre_pad, width + self._pre_pad)


class BSRGAN(_Named):
    """BSRGAN."""

    card = cards.BSRGAN


class SwinIRGAN(_Named):
    """SwinIR for real photographs, the medium model."""

    card = cards.SWINIR_GAN
    window = 8


class SwinIRGANLarge(_Named):
    """SwinIR for real photographs, the large model."""

    card = cards.SWINIR_GAN_LARGE
    window = 8


class LDL(_Named):
    """LDL's model for real photographs."""

    card = cards.LDL


class SwinIR(_Named):
    """SwinIR for bicubic degradation, trained for PSNR."""

    card = cards.SWINIR
    window = 8


class HAT(_Named):
    """HAT for bicubic degradation, trained for PSNR."""

    card = cards.HAT


def mirrored(images: Tensor, window: int) -> Tensor:
    """Return images (B, 3, h, w) grown at the bottom and right to the next multiple of `window`.

    As SwinIR's test script does: a side that is a multiple already grows by a whole window, and
    what is added is the mirror image, its edge repeated.
    """
    import torch

    height, width = images.shape[-2:]
    images = torch.cat([images, images.flip(-2)], -2)[..., : (height // window + 1) * window, :]
    return torch.cat([images, images.flip(-1)], -1)[..., : (width // window + 1) * window]


def _path(argument: str) -> Path:
    if not argument:
        raise UsageError("'spandrel' needs a model file.", _EXAMPLE)
    return Path(argument).expanduser()


def _pixels(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise ConfigError(f"{name}={text} is not a number of LR pixels.", f"Use, say, {name}=10.")
    return int(text)


def _tile(runtime: Runtime) -> Tiling | None:
    """Return how SR images are cut into tiles and joined, in SR pixels; None for not at all."""
    text, scale = runtime.option("tile"), runtime.card.scale
    if text == "0":
        return None
    if not (text.isascii() and text.isdigit()) or int(text) < cards.OVERLAP * 2:
        raise ConfigError(
            f"tile={text} is not a number of LR pixels from {cards.OVERLAP * 2}.",
            "Use, say, tile=256; 0 restores images whole.",
        )
    return Tiling(tile=scale * int(text), overlap=scale * cards.OVERLAP, symmetric=True)
