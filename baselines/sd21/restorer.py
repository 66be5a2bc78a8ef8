"""What OSEDiff and PiSA-SR share: one evaluation on the latent of the enlarged LR image."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, cast

from benchmarks.api.colour import fix_colours
from benchmarks.api.resizing import enlarge, enlarged_size, resize
from benchmarks.api.restorer import LRBatch, Restorer, Runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from baselines.sd21.components import Components
    from benchmarks.api.colour import ColourFix, Rounding
    from benchmarks.api.tiling import Tiling

MINIMUM = 128  # LR pixels per side
_MULTIPLE = 8  # image pixels per latent pixel


class OneStepRestorer(Restorer):
    """Enlarges by Pillow, restores one latent, fixes colours in 8 bits.

    A subclass has the options `colour-fix` and `vae-tiles`, and says what the prompts are and how a
    latent is restored.
    """

    tiling: Tiling

    def __init__(self, runtime: Runtime, components: Components) -> None:
        from baselines.pretrained import place

        super().__init__(runtime)
        self._components = components
        self._vae_tiles = runtime.option("vae-tiles") == "on"
        self._colour_fix = cast("ColourFix", runtime.option("colour-fix"))
        home = "cpu" if runtime.offload else runtime.device
        for part in (components.vae, components.text_encoder, *self._networks()):
            place(part, home, runtime.torch_dtype)

    @abstractmethod
    def _prompts(self, batch: LRBatch) -> Sequence[str]:
        """Return one prompt per image."""

    @abstractmethod
    def _restored(self, z: Tensor, text: Tensor) -> Tensor:
        """Return the restored latents of scaled latents (B, 4, h, w) and their text embeddings."""

    def _networks(self) -> tuple[nn.Module, ...]:
        """Return the networks that `_restored` evaluates."""
        return (self._components.unet,)

    @classmethod
    def _copies(cls, runtime: Runtime) -> int:
        """Return how many U-Nets `_restored` evaluates."""
        return 1

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of networks and activations, counted on the meta device."""
        from baselines.needs import peak
        from baselines.sd21.memory import needs

        size = enlarged_size(*lr_size, scale=cls.card.scale, minimum=MINIMUM, multiple=_MULTIPLE)
        tile = cls.tiling.grid(size[0] // _MULTIPLE, size[1] // _MULTIPLE)[0]
        parts = needs(size, (tile.height, tile.width), batch, runtime.torch_dtype)
        unet = parts[0].repeated(cls._copies(runtime))
        return peak((unet, *parts[1:]), offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        scale = self.card.scale
        upscaled = torch.stack(
            [
                enlarge(image, scale=scale, minimum=MINIMUM, multiple=_MULTIPLE)
                for image in batch.images
            ]
        )
        image = self._network(upscaled, batch).cpu() * 0.5 + 0.5
        rounding: Rounding = "none" if self.runtime.mended else "truncate"
        sr = fix_colours(image, upscaled, self._colour_fix, before=rounding, after=rounding)
        height, width = (scale * side for side in batch.images.shape[-2:])
        if sr.shape[-2:] == (height, width):
            return sr
        return torch.stack([resize(image, (height, width)) for image in sr])

    def _network(self, upscaled: Tensor, batch: LRBatch) -> Tensor:
        """Return the restored images in [-1, 1] of upscaled LR images in [0, 1]."""
        from baselines import vae
        from baselines.sd21.components import embed

        parts, runtime = self._components, self.runtime
        device = runtime.device
        x = (upscaled * 2 - 1).to(device, runtime.torch_dtype)
        noise = batch.randn(4, x.shape[-2] // _MULTIPLE, x.shape[-1] // _MULTIPLE)
        with self.stage("text"), self.on_device(parts.text_encoder):
            text = embed(parts, self._prompts(batch), device)
        with self.stage("vae"), self.on_device(parts.vae):
            z = vae.encode(parts.vae, x, noise, tiled=self._vae_tiles)
        with self.stage("network"), self.on_device(*self._networks()):
            restored = self._restored(z, text)
        with self.stage("vae"), self.on_device(parts.vae):
            return vae.decode(parts.vae, restored, tiled=self._vae_tiles)
