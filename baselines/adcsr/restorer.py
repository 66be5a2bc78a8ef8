"""AdcSR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from benchmarks.api.card import HubFile, MethodCard, Paper, Upstream, WeightFile
from benchmarks.api.colour import adain, quantise
from benchmarks.api.restorer import LRBatch, Restorer, Runtime

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.adcsr.network import AdcSRNetwork

_COMMIT = "d0b2871e3de9f877e4aebb9bfaf23227b22ac25d"
_HUB = "Guaishou74851/AdcSR"
_NETWORK = WeightFile(
    name="net_params_200.pkl",
    licence="Apache-2.0",
    hub=HubFile(repo=_HUB, filename="weight/net_params_200.pkl"),
    about_bytes=1_790_000_000,
)
_DECODER = WeightFile(
    name="halfDecoder.ckpt",
    licence="Apache-2.0",
    hub=HubFile(repo=_HUB, filename="weight/pretrained/halfDecoder.ckpt"),
    about_bytes=360_000_000,
    note="of the decoder's pretraining; the encoder in it is not used",
)


class AdcSR(Restorer):
    """One pass through a pruned U-Net and half a decoder: no text, no time, no noise."""

    card = MethodCard(
        name="adcsr",
        title="AdcSR",
        paper=Paper(
            title="Adversarial Diffusion Compression for Real-World Image Super-Resolution",
            bibkey="chen2025adcsr",
            venue="CVPR 2025",
            arxiv="2411.13383",
        ),
        base_model="Stable Diffusion 2.1-base, pruned (456 M, half its VAE decoder included)",
        default_steps=1,
        legal_steps=(1,),
        colour_fix="adain",
        dtypes=("fp32", "bf16"),
        weights=(_NETWORK, _DECODER),
        upstream=Upstream(repo="Guaishou74851/AdcSR", commit=_COMMIT, licence="Apache-2.0"),
        licence="LicenseRef-CreativeML-OpenRAIL-PP-M",
        trained_on=("LSDIR", "OpenImages, LAION-Face and LAION-Aesthetics (the decoder)"),
        deviations=(
            "LR sides that are no multiples of 16, on which upstream stops, are extended by "
            "reflection and the result is cropped, before its colours are fixed",
            "an LR image of one pixel has no standard deviation for the colour fix: it counts as 0",
            "no Stable Diffusion folder is needed: upstream builds its network from one and then "
            "replaces every tensor",
            "the two halves that the checkpoint holds of each tensor must be equal; upstream takes "
            "the second one",
            "kept: the colour fix is AdaIN without an epsilon, on the result before it is clamped",
            "kept: images are not tiled, whatever their size",
        ),
        quirks=("8 bits by truncation; mended: rounded, half a grey level higher on average",),
        note="deterministic; float16 is not offered: others report NaN on smooth images",
    )

    def __init__(self, runtime: Runtime, network: AdcSRNetwork) -> None:
        super().__init__(runtime)
        home = "cpu" if runtime.offload else runtime.device
        self._network = network.to(home, runtime.torch_dtype)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Load the network of its two files."""
        from baselines.adcsr.network import load_network

        return cls(
            runtime, load_network(runtime.weight(_NETWORK.name), runtime.weight(_DECODER.name))
        )

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of network and activations, counted on the meta device."""
        import torch

        from baselines.adcsr.network import MULTIPLE, AdcSRNetwork
        from baselines.needs import of_networks, peak

        height, width = (side + -side % MULTIPLE for side in lr_size)
        dtype = runtime.torch_dtype
        need = of_networks(
            lambda: [AdcSRNetwork()],
            lambda network: network(torch.empty(batch, 3, height, width, dtype=dtype)),
            dtype,
        )
        return peak([need], offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        from baselines.adcsr.network import MULTIPLE
        from benchmarks.api.images import extend

        network, runtime, scale = self._network, self.runtime, self.card.scale
        height, width = batch.images.shape[-2:]
        padded = extend(batch.images, height + -height % MULTIPLE, width + -width % MULTIPLE)
        x = (padded * 2 - 1).to(runtime.device, runtime.torch_dtype)
        unet, decoder = network.unet, network.decoder
        with self.stage("network"), self.on_device(unet, decoder.mid_block):
            features = network.features(x)
        with self.stage("vae"), self.on_device(decoder):
            sr = network.decode(features)
        sr = sr.float().cpu()[..., : scale * height, : scale * width]
        source = batch.images if height * width > 1 else padded
        sr = adain(sr, source * 2 - 1, eps=0.0)
        return quantise(sr / 2 + 0.5, "none" if runtime.mended else "truncate")
