"""What the restorers of SeeSR, AddSR and PASD have in common: the way from image to image."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from benchmarks.api.colour import fix_colours
from benchmarks.api.resizing import resize
from benchmarks.api.restorer import Restorer, Runtime

if TYPE_CHECKING:
    from torch import Tensor, nn

    from baselines.sd21.components import Surroundings
    from benchmarks.api.colour import ColourFix, Rounding
    from benchmarks.api.restorer import LRBatch

FACTOR = 8  # image pixels per latent pixel
CHANNELS = 4  # of a latent


class ControlledRestorer(Restorer):
    """VAE and text encoder around networks of one's own."""

    def __init__(self, runtime: Runtime, around: Surroundings, *networks: nn.Module) -> None:
        from baselines.pretrained import place

        super().__init__(runtime)
        self._around = around
        self._vae_tiles = runtime.option("vae-tiles") == "on"
        self._colour_fix = cast("ColourFix", runtime.option("colour-fix"))
        home = "cpu" if runtime.offload else runtime.device
        for network in (around.vae, around.text_encoder, *networks):
            place(network, home, runtime.torch_dtype)

    def _encode(self, source: Tensor, noise: Tensor) -> Tensor:
        """Return latents of images (B, 3, H, W) in [0, 1], sampled from the posterior."""
        from baselines import vae

        x = (source * 2 - 1).to(self.runtime.device, self.runtime.torch_dtype)
        with self.stage("vae"), self.on_device(self._around.vae):
            return vae.encode(self._around.vae, x, noise, tiled=self._vae_tiles).float()

    def _decode(self, z: Tensor) -> Tensor:
        """Return images in [0, 1] of latents, in float32 on the device."""
        from baselines import vae

        with self.stage("vae"), self.on_device(self._around.vae):
            image = vae.decode(self._around.vae, z, tiled=self._vae_tiles)
        return image.float() * 0.5 + 0.5

    def _embed(self, negative: str, prompts: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """Return the embeddings of one negative prompt for all images, and of their prompts."""
        from baselines.sd_control.controlled import text_of

        with self.stage("text"), self.on_device(self._around.text_encoder):
            return text_of(self._around, negative, prompts, self.runtime.device)

    def _finish(self, image: Tensor, source: Tensor, batch: LRBatch) -> Tensor:
        """Return SR: 8 bits, colours of the source, 8 bits, Pillow to exactly 4x, as upstream."""
        import torch

        after: Rounding = "none" if self._colour_fix == "none" else "truncate"
        sr = fix_colours(image.cpu(), source, self._colour_fix, before="round", after=after)
        height, width = (self.card.scale * side for side in batch.images.shape[-2:])
        if sr.shape[-2:] == (height, width):
            return sr
        return torch.stack([resize(image, (height, width)) for image in sr])
