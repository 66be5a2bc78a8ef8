"""ResShift and SinSR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from baselines.resshift import cards
from baselines.resshift.schedule import Schedule
from baselines.swin_family.restorer import ChoppingRestorer

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from baselines.resshift.autoencoder import Autoencoder
    from baselines.resshift.chain import Chain
    from baselines.resshift.unet import SwinUNet
    from benchmarks.api.restorer import Runtime

MULTIPLE = 64  # LR pixels: three halvings and windows of 8


class ResShift(ChoppingRestorer):
    """LR image -> LR latent -> reverse chain of 15 steps -> SR image."""

    card = cards.RESSHIFT
    strides = cards.STRIDES
    upstream_seed = cards.SEED
    schedule: ClassVar[Schedule] = Schedule(steps=15, min_noise_level=0.04)

    def __init__(self, runtime: Runtime, unet: SwinUNet, autoencoder: Autoencoder) -> None:
        super().__init__(runtime)
        self.unet = unet
        self.autoencoder = autoencoder

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read the weights of the U-Net and of the autoencoder."""
        from baselines.resshift.autoencoder import VQConfig, load_autoencoder
        from baselines.resshift.unet import UNetConfig, load_unet

        unet_file, autoencoder_file = (runtime.weight(file.name) for file in runtime.card.weights)
        return cls(
            runtime,
            load_unet(unet_file, UNetConfig()),
            load_autoencoder(autoencoder_file, VQConfig()),
        )

    def _chain(self) -> Chain:
        from baselines.resshift import chain

        chains = {"ancestral": chain.ancestral, "deterministic": chain.deterministic}
        return chains[self.runtime.option("sampler")]

    def _restore_tile(self, lr: Tensor, noise: torch.Generator) -> Tensor:
        """Return SR (1, 3, 4h, 4w) in [-1, 1] of one tile (1, 3, h, w)."""
        import torch
        import torch.nn.functional as F

        from benchmarks.api.images import extend

        height, width = lr.shape[-2:]
        scale = self.card.scale
        lr = extend(lr, height + -height % MULTIPLE, width + -width % MULTIPLE)
        # Like upstream: a = -0.75, no antialiasing, and values may leave [-1, 1].
        upsampled = F.interpolate(lr, scale_factor=scale, mode="bicubic")
        dtype = self.runtime.torch_dtype
        with torch.autocast(lr.device.type, dtype, enabled=dtype != torch.float32):
            with self.stage("vae"), self.on_device(self.autoencoder):
                y = self.autoencoder.encode(upsampled)
            with self.stage("network"), self.on_device(self.unet):
                x0 = self._chain()(self.unet, self.schedule, y, lr, noise)
            with self.stage("vae"), self.on_device(self.autoencoder):
                sr = self.autoencoder.decode(x0)
        return sr[..., : scale * height, : scale * width].clamp(-1, 1)


class ResShiftV2(ResShift):
    """ResShift's second weights, trained for longer."""

    card = cards.RESSHIFT_V2


class ResShiftV3(ResShift):
    """The journal version: 4 steps, the first of which hold more noise."""

    card = cards.RESSHIFT_V3
    schedule = Schedule(steps=4, min_noise_level=0.2)


class SinSR(ResShift):
    """The 15-step chain distilled into one prediction from its prior."""

    card = cards.SINSR

    def _chain(self) -> Chain:
        from baselines.resshift import chain

        return chain.one_step


class SinSRV2(SinSR):
    """SinSR's second weights, stopped early."""

    card = cards.SINSR_V2
