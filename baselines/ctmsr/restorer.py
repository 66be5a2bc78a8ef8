"""CTMSR behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from baselines.swin_family.noise import draw
from baselines.swin_family.restorer import NOISE, ChoppingRestorer, chop_option, stream_deviation
from benchmarks.api.card import HubFile, MethodCard, Paper, SizeRule, Upstream, WeightFile

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from baselines.ctmsr.network import CTMSRNetwork
    from benchmarks.api.restorer import Runtime

STRIDES = {512: 448, 256: 224}  # LR tile -> stride, in LR pixels; upstream uses the first
SEED = 0  # of upstream's one stream of noise
NO_LICENCE = "LicenseRef-none-found"

WEIGHTS = WeightFile(
    name="CTMSR.pth",
    licence=NO_LICENCE,
    hub=HubFile(repo="ywy123/CTMSR", filename="CTMSR.pth"),
    page="https://huggingface.co/ywy123/CTMSR",
    about_bytes=686_000_000,
    consent="No licence was found for these weights: ask the authors before any use but research "
    "(https://github.com/LabShuHangGU/CTMSR)",
)


class CTMSR(ChoppingRestorer):
    """Bicubic + noise -> one evaluation of the consistency model -> SR image."""

    card = MethodCard(
        name="ctmsr",
        title="CTMSR",
        paper=Paper(
            title="Consistency Trajectory Matching for One-Step Generative Super-Resolution",
            bibkey="you2025ctmsr",
            venue="ICCV 2025",
            arxiv="2503.20349",
        ),
        base_model="DDPM++ U-Net with Swin layers (171.5 M), in pixel space",
        default_steps=1,
        legal_steps=(1,),
        tiling="reflected to multiples of 64, then LR tiles of 512 pixels every 448 (chop=256: "
        "224), the last one moved back; plain average",
        size=SizeRule(multiple_of=64),
        dtypes=("fp32", "fp16", "bf16"),
        options=(chop_option(STRIDES), NOISE),
        weights=(WEIGHTS,),
        upstream=Upstream(
            repo="LabShuHangGU/CTMSR",
            commit="becaa7aa7954e2c3ba8c723142a9fc5fc966f126",
            licence=NO_LICENCE,
        ),
        licence=NO_LICENCE,
        trained_on=("ImageNet",),
        stochastic=True,
        deviations=(
            "assumed: the source of the Swin layer is not published; it is taken to be the one of "
            "the authors' earlier repository (ywyii123/ATD_shift), with a 3x3 convolution and a "
            "residual around it. The released checkpoint has to have exactly its 942 names and "
            "shapes, or it is refused; the published weights were not at hand to try",
            "LR sides of 32 pixels or less: upstream's reflection fails; the last row and column "
            "are repeated instead",
            stream_deviation(SEED),
            "upstream scores the float tensor; here, as for every method, the saved 8-bit image",
            "chop=256 is not upstream's, whose tiles are of 512 pixels",
            "upstream runs its data sets one after another in one stream of noise; here each data "
            "set starts the stream anew",
        ),
    )

    strides = STRIDES
    upstream_seed = SEED

    def __init__(self, runtime: Runtime, network: CTMSRNetwork) -> None:
        super().__init__(runtime)
        self.network = network

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Read the weights of the network."""
        from baselines.ctmsr.network import CTMSRConfig, load_network

        return cls(runtime, load_network(runtime.weight(WEIGHTS.name), CTMSRConfig()))

    def _restore_tile(self, lr: Tensor, noise: torch.Generator) -> Tensor:
        """Return SR (1, 3, 4h, 4w), about [-1, 1], of one tile (1, 3, h, w) in [-1, 1]."""
        import torch
        import torch.nn.functional as F

        from baselines.ctmsr.network import SIGMA

        upsampled = F.interpolate(lr, scale_factor=self.card.scale, mode="bicubic")
        x = upsampled + SIGMA * draw(upsampled.shape, noise).to(lr)
        dtype = self.runtime.torch_dtype
        with (
            self.stage("network"),
            self.on_device(self.network),
            torch.autocast(lr.device.type, dtype, enabled=dtype != torch.float32),
        ):
            sr: Tensor = self.network(x, lr)
        return sr
