"""What was drawn for one image: a recipe, from which the LR image can be made again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from benchmarks.degradation import kernels
from benchmarks.degradation.resizing import RESIZE_MODES, ResizeMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.degradation.parameters import (
        BlurParameters,
        DegradationParameters,
        KernelShape,
        Range,
        StageParameters,
    )

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A blur kernel. `cutoff` counts for the sinc filter alone, the rest for the others."""

    shape: KernelShape
    size: int  # pixels, odd
    sigma: tuple[float, float] = (0.0, 0.0)  # pixels
    rotation: float = 0.0  # radians
    beta: float = 1.0
    cutoff: float = 0.0  # radians per pixel

    def weights(self) -> NDArray[np.float64]:
        """Return the kernel, of shape (size, size), summing to 1."""
        if self.shape == "sinc":
            return kernels.sinc(self.size, self.cutoff)
        make = kernels.plateau if self.shape.startswith("plateau") else kernels.gaussian
        return make(self.size, *self.sigma, self.rotation, beta=self.beta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """One random resize."""

    factor: float
    mode: ResizeMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """One noise field; `seed` makes it the same whenever the recipe is followed."""

    kind: Literal["gaussian", "poisson"]
    strength: float  # sigma of 255, or Poisson scale
    grey: bool
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One round of blur, resize, noise and JPEG."""

    blur: Kernel | None
    resize: Resize
    noise: Noise
    jpeg_quality: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that was drawn for one image. The JPEG of the second stage is the one near the end."""

    scale: int
    sharpen: bool
    first: Stage
    second: Stage
    final_resize: ResizeMode
    final_sinc: Kernel | None
    jpeg_last: bool  # resize and sinc come before the second JPEG, not after it

    def as_json(self) -> dict[str, Any]:
        """Return the recipe as plain data, for manifests."""
        return asdict(self)


def draw(parameters: DegradationParameters, rng: np.random.Generator) -> Recipe:
    """Draw the recipe of one image."""
    final_sinc = None
    first, second = _stage(parameters.first, rng), _stage(parameters.second, rng)
    if rng.random() < parameters.final_sinc_probability:
        size = _pick(parameters.second.blur.sizes, rng)
        final_sinc = Kernel(shape="sinc", size=size, cutoff=_between((np.pi / 3, np.pi), rng))
    return Recipe(
        scale=parameters.scale,
        sharpen=parameters.sharpen,
        first=first,
        second=second,
        final_resize=_pick(RESIZE_MODES, rng),
        final_sinc=final_sinc,
        jpeg_last=bool(rng.random() < 0.5),
    )


def _stage(parameters: StageParameters, rng: np.random.Generator) -> Stage:
    blur = _kernel(parameters.blur, rng) if rng.random() < parameters.blur_probability else None
    return Stage(
        blur=blur,
        resize=_resize(parameters, rng),
        noise=_noise(parameters, rng),
        jpeg_quality=_between(parameters.jpeg_quality, rng),
    )


def _kernel(parameters: BlurParameters, rng: np.random.Generator) -> Kernel:
    size = _pick(parameters.sizes, rng)
    if rng.random() < parameters.sinc_probability:
        # A small kernel cannot hold the rings of a low cut-off.
        lowest = np.pi / 3 if size < 13 else np.pi / 5
        return Kernel(shape="sinc", size=size, cutoff=_between((lowest, np.pi), rng))
    names, shares = zip(*parameters.shapes, strict=True)
    shape: KernelShape = _pick(names, rng, shares)
    sigma_x = sigma_y = _between(parameters.sigma, rng)
    rotation = 0.0
    if shape.endswith("aniso"):
        sigma_y = _between(parameters.sigma, rng)
        rotation = _between((-np.pi, np.pi), rng)
    beta = 1.0
    if shape.startswith("generalised"):
        beta = _about_one(parameters.beta_generalised, rng)
    elif shape.startswith("plateau"):
        beta = _about_one(parameters.beta_plateau, rng)
    return Kernel(shape=shape, size=size, sigma=(sigma_x, sigma_y), rotation=rotation, beta=beta)


def _resize(parameters: StageParameters, rng: np.random.Generator) -> Resize:
    way = _pick(("up", "down", "keep"), rng, parameters.resize_shares)
    low, high = parameters.resize
    span = {"up": (1.0, high), "down": (low, 1.0), "keep": (1.0, 1.0)}[way]
    return Resize(factor=_between(span, rng), mode=_pick(RESIZE_MODES, rng))


def _noise(parameters: StageParameters, rng: np.random.Generator) -> Noise:
    gaussian = rng.random() < parameters.gaussian_probability
    span = parameters.gaussian_sigma if gaussian else parameters.poisson_scale
    return Noise(
        kind="gaussian" if gaussian else "poisson",
        strength=_between(span, rng),
        grey=bool(rng.random() < parameters.grey_probability),
        seed=int(rng.integers(2**63)),
    )


def _between(span: Range, rng: np.random.Generator) -> float:
    low, high = span
    return low + (high - low) * float(rng.random())


def _about_one(span: Range, rng: np.random.Generator) -> float:
    """Draw below 1 and above 1 equally often."""
    low, high = span
    return _between((low, 1.0) if rng.random() < 0.5 else (1.0, high), rng)


def _pick(
    items: Sequence[_T], rng: np.random.Generator, shares: Sequence[float] | None = None
) -> _T:
    if shares is None:
        return items[int(rng.integers(len(items)))]
    place = np.searchsorted(np.cumsum(shares), rng.random(), side="right")
    return items[min(int(place), len(items) - 1)]
