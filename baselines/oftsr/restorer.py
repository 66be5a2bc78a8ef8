"""OFTSR's students and teachers behind the harness's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from baselines.oftsr.releases import RELEASES, UPSTREAM, VARIANT, release
from benchmarks.api.card import MethodCard, MethodOption, Paper
from benchmarks.api.errors import ConfigError
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.api.tiling import Tiling

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from baselines.oftsr.releases import Release
    from baselines.oftsr.solvers import Velocity

    Images = Callable[[Tensor, Tensor], Tensor]  # x_0, x_LR -> restored, (B, 3, H, W) in [-1, 1]

PROTOCOL = "oftsr-bicubic"
_SIDE = 256  # pixels: images of no more than its square are restored whole
_TILE = 32  # sides of tiles are multiples of this
_STEP = 0.999  # the length of the one step: T - eps
MENDED = Tiling(tile=_SIDE, overlap=_TILE, symmetric=True)
_PAPER = Paper(
    title="OFTSR: One-Step Flow for Image Super-Resolution with Tunable Fidelity-Realism "
    "Trade-offs",
    bibkey="zhu2026oftsr",
    venue="ICLR 2026",
    arxiv="2412.09465",
)
_DEVIATIONS = (
    "the LR image is read from an 8-bit file; upstream makes it from the HR image on the way and "
    "keeps it in float",
    "the starting noise comes from the image's own seed; upstream seeds once (42) for all images, "
    "and draws noise for the LR image first even where there is none",
    "images whose sides are no multiples of 32, on which upstream stops, are grown by their last "
    "row and column",
    "the result is rounded to 8 bits by the harness, as upstream's image files are",
    "kept: the LR image is enlarged by PyTorch's antialiased bicubic filter (ffhq-noisy: by "
    "repetition), the transposed degradation; the result is not clamped before it is saved",
    "the variants for DIV2K and FFHQ have one shape: nothing in a file says which it is but its "
    "name",
)
_SEAMS = (
    "images of more than 256x256 pixels are cut into quarters, of which each keeps its own half "
    "with a hard seam (flow_matching.py:168); mended: tiles of 256 that overlap by 32, averaged "
    "with Gaussian weights"
)
_NOTE = (
    "For bicubic LR images, made from the HR ones: scored by the protocol oftsr-bicubic alone, "
    "never beside Real-ISR rows."
)


class _OFTSR(Restorer):
    """A network of one of the releases."""

    kind: ClassVar[Literal["teacher", "student"]]

    def __init__(self, runtime: Runtime, unet: Any) -> None:
        from baselines.pretrained import place

        super().__init__(runtime)
        self._release = release(runtime.option(VARIANT.name))
        self._unet = unet
        place(unet, "cpu" if runtime.offload else runtime.device, runtime.torch_dtype)

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Build the network of the variant, and give it the averaged weights of its file."""
        import torch

        from baselines.oftsr.checkpoint import load
        from baselines.oftsr.network import build

        chosen = release(runtime.option(VARIANT.name))
        cls._check(runtime)
        path = runtime.weight(chosen.file(cls.kind).name)
        with torch.device("meta"):
            unet = build(chosen.shape)
        return cls(runtime, load(unet, path))

    @classmethod
    def _check(cls, runtime: Runtime) -> None:
        """Refuse options that mean nothing, before anything is read."""

    @classmethod
    def memory_estimate(
        cls, runtime: Runtime, lr_size: tuple[int, int], *, batch: int = 1
    ) -> int | None:
        """Return the peak of network and activations, counted on the meta device."""
        import torch

        from baselines.needs import of_networks, peak
        from baselines.oftsr.network import build, velocity

        shape = release(runtime.option(VARIANT.name)).shape
        height, width = _largest(*(cls.card.scale * side for side in lr_size))

        def compute(unet: Any) -> None:
            x = torch.empty(batch, 3, height, width)
            velocity(unet, x, x, 0.5)

        need = of_networks(lambda: [build(shape)], compute, runtime.torch_dtype)
        return peak([need], offload=runtime.offload)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        x_lr = enlarged(2 * batch.images - 1, self._release)
        eps = batch.randn(3, *x_lr.shape[-2:])
        sigma = self._release.sigma_p
        x_0 = (1 - sigma**2) ** 0.5 * x_lr + sigma * eps
        device = self.runtime.device
        join = _blended if self.runtime.mended else quartered
        with self.stage("network"), self.on_device(self._unet):
            x = join(self._whole, x_0.to(device), x_lr.to(device))
        return (x.cpu() + 1) / 2

    def _whole(self, x_0: Tensor, x_lr: Tensor) -> Tensor:
        """Restore images (B, 3, H, W) that fit the network, after growing them to its multiples."""
        import torch.nn.functional as F

        height, width = x_0.shape[-2:]
        growth = (0, -width % _TILE, 0, -height % _TILE)
        grown = (F.pad(one, growth, mode="replicate") for one in (x_0, x_lr))
        return self._solve(*grown)[..., :height, :width]

    def _solve(self, x_0: Tensor, x_lr: Tensor) -> Tensor:
        raise NotImplementedError

    def _velocity(self, x_lr: Tensor) -> Velocity:
        from baselines.oftsr.network import velocity

        return lambda x, t: velocity(self._unet, x, x_lr, t)


class OFTSR(_OFTSR):
    """One evaluation; at which time it is asked decides between fidelity and realism."""

    kind = "student"
    card = MethodCard(
        name="oftsr",
        title="OFTSR",
        paper=_PAPER,
        base_model="guided diffusion's U-Net (93.6 M; imagenet: 552.8 M), in pixel space",
        default_steps=1,
        legal_steps=(1,),
        tiling="above 256x256 image pixels: quarters, again and again, with hard seams",
        dtypes=("fp32", "bf16", "fp16"),
        options=(
            MethodOption(
                name="t",
                default="0.99",
                help="the knob, within 0 and 1: 0 is fidelity (PSNR, blur), 1 realism",
            ),
            VARIANT,
        ),
        weights=tuple(found.file("student") for found in RELEASES),
        upstream=UPSTREAM,
        licence="Apache-2.0",
        trained_on=("DIV2K", "FFHQ", "ImageNet"),
        stochastic=True,
        protocol=PROTOCOL,
        deviations=(
            *_DEVIATIONS,
            "kept: the step has length 0.999, where the paper's equation 13 has 1",
            "kept: t = 0.99 by default, as in the program; the paper's tables say t = 1",
        ),
        quirks=(_SEAMS,),
        note=_NOTE,
    )

    @classmethod
    def _check(cls, runtime: Runtime) -> None:
        time_of(runtime)

    def _solve(self, x_0: Tensor, x_lr: Tensor) -> Tensor:
        return x_0 + _STEP * self._velocity(x_lr)(x_0, time_of(self.runtime))


class OFTSRTeacher(_OFTSR):
    """The multi-step model that OFTSR is distilled from."""

    kind = "teacher"
    card = MethodCard(
        name="oftsr-teacher",
        title="OFTSR-teacher",
        paper=_PAPER,
        base_model=OFTSR.card.base_model,
        tiling=OFTSR.card.tiling,
        dtypes=("fp32", "bf16", "fp16"),
        options=(
            MethodOption(
                name="solver",
                default="rk45",
                help="of the flow's equation; rk45 chooses its steps, of which 20 to 31 are "
                "published",
                choices=("rk45", "euler", "heun", "midpoint", "ralston"),
            ),
            MethodOption(name="n", default="8", help="steps of the solvers other than rk45"),
            MethodOption(
                name="tolerance", default="0.001", help="of rk45, relative and absolute alike"
            ),
            VARIANT,
        ),
        weights=tuple(found.file("teacher") for found in RELEASES),
        upstream=UPSTREAM,
        licence="Apache-2.0",
        trained_on=("DIV2K", "FFHQ", "ImageNet"),
        stochastic=True,
        protocol=PROTOCOL,
        deviations=(
            *_DEVIATIONS,
            "rk45 solves one equation per image and tile; upstream one for a batch of 16 (DIV2K: "
            "1), so that an image's steps depend on its neighbours",
            "float32 throughout; upstream's solvers run under torch.autocast, which is float16",
            "kept: euler's steps sum to 1 over times that sum to 0.999; the second-order solvers "
            "end with a step of Euler's. Their last evaluation, of a step without length, is left "
            "out",
        ),
        quirks=(_SEAMS,),
        note=_NOTE,
    )

    @classmethod
    def _check(cls, runtime: Runtime) -> None:
        if (steps := runtime.number("n")) < 1 or steps != int(steps):
            raise ConfigError(f"n is {runtime.option('n')}; it is a number of steps from 1.")
        if runtime.number("tolerance") <= 0:
            raise ConfigError(f"tolerance is {runtime.option('tolerance')}; it is above 0.")

    def _solve(self, x_0: Tensor, x_lr: Tensor) -> Tensor:
        import torch

        from baselines.oftsr import solvers

        solver, steps = self.runtime.option("solver"), int(self.runtime.number("n"))
        v = self._velocity(x_lr)
        if solver == "euler":
            return solvers.euler(v, x_0, steps)
        if solver in solvers.SECOND_ORDER:
            return solvers.second_order(v, x_0, steps, solvers.SECOND_ORDER[solver])
        tolerance = self.runtime.number("tolerance")
        pairs = zip(x_0[:, None], x_lr[:, None], strict=True)
        return torch.cat([solvers.adaptive(self._velocity(lr), x, tolerance) for x, lr in pairs])


def time_of(runtime: Runtime) -> float:
    """Return the knob t.

    Raises:
        ConfigError: it is not within 0 and 1.
    """
    t = runtime.number("t")
    if not 0 <= t <= 1:
        raise ConfigError(
            f"t is {runtime.option('t')}; it is within 0 (fidelity) and 1 (realism).",
            "Below 0 the paper saw it fail.",
        )
    return t


def enlarged(lr: Tensor, chosen: Release) -> Tensor:
    """Return x_LR (B, 3, 4h, 4w) of LR images, by the transposed degradation of a release."""
    import torch.nn.functional as F

    if chosen.enlarged == "nearest":
        return lr.repeat_interleave(4, -1).repeat_interleave(4, -2)
    return F.interpolate(lr, scale_factor=4, mode="bicubic", antialias=True)


def _is_whole(height: int, width: int) -> bool:
    return height * width <= _SIDE**2


def _quarter(side: int) -> int:
    """Return the side of a quarter: half, and up to 32 more, in multiples of 32."""
    return min(side, (side // 2 // _TILE + 1) * _TILE)


def _largest(height: int, width: int) -> tuple[int, int]:
    """Return the size of what the network sees of an image at most."""
    while not _is_whole(height, width):
        once = _quarter(height), _quarter(width)
        if height * width <= 4 * _SIDE**2:  # its quarters are not cut again
            height, width = once
            break
        height, width = once
    return height + -height % _TILE, width + -width % _TILE


def quartered(restore: Images, x_0: Tensor, x_lr: Tensor) -> Tensor:
    """Restore large images by their quarters, each of which keeps the half that is its own.

    Quarters are cut again until the image that they are of has at most 512x512 pixels.
    """
    height, width = x_0.shape[-2:]
    if _is_whole(height, width):
        return restore(x_0, x_lr)
    again = height * width > 4 * _SIDE**2
    out = x_0.new_empty(x_0.shape)
    for top in (True, False):
        for left in (True, False):
            rows, kept_rows, to_rows = _half(height, first=top)
            columns, kept_columns, to_columns = _half(width, first=left)
            parts = x_0[..., rows, columns], x_lr[..., rows, columns]
            done = quartered(restore, *parts) if again else restore(*parts)
            out[..., to_rows, to_columns] = done[..., kept_rows, kept_columns]
    return out


def _half(side: int, *, first: bool) -> tuple[slice, slice, slice]:
    """Return what a quarter sees of a side, what of that it keeps, and where that goes."""
    seen, middle = _quarter(side), side // 2
    if first:
        return slice(0, seen), slice(0, middle), slice(0, middle)
    return slice(side - seen, side), slice(seen - (side - middle), seen), slice(middle, side)


def _blended(restore: Images, x_0: Tensor, x_lr: Tensor) -> Tensor:
    """Restore large images by overlapping tiles, averaged."""
    from benchmarks.api.tiling import predict_tiled

    return predict_tiled(
        lambda tile: restore(tile.crop(x_0), tile.crop(x_lr)),
        (x_0.shape[-2], x_0.shape[-1]),
        MENDED,
    )
