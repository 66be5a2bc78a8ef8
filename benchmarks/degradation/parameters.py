"""What the degradation draws from: ranges and probabilities, as frozen data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.api.errors import ConfigError

Range = tuple[float, float]
KernelShape = Literal[
    "iso",
    "aniso",
    "generalised_iso",
    "generalised_aniso",
    "plateau_iso",
    "plateau_aniso",
    "sinc",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlurParameters:
    """How the blur kernel of one stage is drawn."""

    shapes: tuple[tuple[KernelShape, float], ...]  # of the kernels that are not sinc
    sizes: tuple[int, ...]  # odd, equally likely
    sigma: Range  # pixels, along each axis
    beta_generalised: Range  # exponent; drawn below 1 and above 1 equally often
    beta_plateau: Range  # likewise
    sinc_probability: float

    def __post_init__(self) -> None:
        _check_sum("blur shapes", tuple(share for _, share in self.shapes))
        _check_share("sinc_probability", self.sinc_probability)
        if not self.sizes or any(size < 1 or size % 2 == 0 for size in self.sizes):
            raise ConfigError(f"blur sizes {self.sizes} are not all odd and positive")
        for name in ("sigma", "beta_generalised", "beta_plateau"):
            _check_range(name, getattr(self, name), above=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageParameters:
    """One of the two rounds of blur, resize, noise and JPEG."""

    blur: BlurParameters
    blur_probability: float
    resize_shares: tuple[float, float, float]  # up, down, keep
    resize: Range  # factor: drawn from [1, high] going up, from [low, 1] going down
    gaussian_probability: float  # else the noise is Poisson
    gaussian_sigma: Range  # of 255
    poisson_scale: Range
    grey_probability: float  # the same noise in all three channels
    jpeg_quality: Range

    def __post_init__(self) -> None:
        _check_sum("resize_shares", self.resize_shares)
        for name in ("blur_probability", "gaussian_probability", "grey_probability"):
            _check_share(name, getattr(self, name))
        _check_range("resize", self.resize, above=0)
        if not self.resize[0] <= 1 <= self.resize[1]:
            raise ConfigError(f"resize {self.resize} does not hold 1")
        _check_range("gaussian_sigma", self.gaussian_sigma)
        _check_range("poisson_scale", self.poisson_scale)
        _check_range("jpeg_quality", self.jpeg_quality, above=0, below=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationParameters:
    """The two stages, the final sinc filter, and how HR becomes LR."""

    first: StageParameters
    second: StageParameters
    final_sinc_probability: float
    scale: int = 4
    sharpen: bool = True  # the LR image is made from the USM-sharpened HR image

    def __post_init__(self) -> None:
        _check_share("final_sinc_probability", self.final_sinc_probability)
        if self.scale < 1:
            raise ConfigError(f"scale {self.scale} is below 1")

    def as_json(self) -> dict[str, Any]:
        """Return the parameters as plain data, for manifests."""
        return asdict(self)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ConfigError(f"{name} = {value} is not a probability")


def _check_sum(name: str, shares: tuple[float, ...]) -> None:
    for share in shares:
        _check_share(name, share)
    if abs(sum(shares) - 1) > 1e-9:
        raise ConfigError(f"{name} add up to {sum(shares)}, not to 1")


def _check_range(name: str, value: Range, *, above: float = -1, below: float = 1e9) -> None:
    low, high = value
    if not above < low <= high <= below:
        raise ConfigError(f"{name} = {value} is not a rising range within ({above}, {below}]")


_SHAPES: tuple[tuple[KernelShape, float], ...] = (
    ("iso", 0.45),
    ("aniso", 0.25),
    ("generalised_iso", 0.12),
    ("generalised_aniso", 0.03),
    ("plateau_iso", 0.12),
    ("plateau_aniso", 0.03),
)


def _published_blur(sigma: Range) -> BlurParameters:
    return BlurParameters(
        shapes=_SHAPES,
        sizes=tuple(range(7, 22, 2)),
        sigma=sigma,
        beta_generalised=(0.5, 4.0),
        beta_plateau=(1.0, 2.0),
        sinc_probability=0.1,
    )


# train_realesrgan_x4plus.yml of xinntao/Real-ESRGAN. The scripts that make the training pairs of
# SeeSR and DiT4SR, and the options of OSEDiff, hold the same values.
REAL_ESRGAN_X4 = DegradationParameters(
    first=StageParameters(
        blur=_published_blur((0.2, 3.0)),
        blur_probability=1.0,
        resize_shares=(0.2, 0.7, 0.1),
        resize=(0.15, 1.5),
        gaussian_probability=0.5,
        gaussian_sigma=(1.0, 30.0),
        poisson_scale=(0.05, 3.0),
        grey_probability=0.4,
        jpeg_quality=(30.0, 95.0),
    ),
    second=StageParameters(
        blur=_published_blur((0.2, 1.5)),
        blur_probability=0.8,
        resize_shares=(0.3, 0.4, 0.3),
        resize=(0.3, 1.2),
        gaussian_probability=0.5,
        gaussian_sigma=(1.0, 25.0),
        poisson_scale=(0.05, 2.5),
        grey_probability=0.4,
        jpeg_quality=(30.0, 95.0),
    ),
    final_sinc_probability=0.8,
)


def _gaussian_blur(sigma: Range) -> BlurParameters:
    return BlurParameters(
        shapes=(("iso", 0.6), ("aniso", 0.4)),
        sizes=(21,),
        sigma=sigma,
        beta_generalised=(1.0, 1.0),
        beta_plateau=(1.0, 1.0),
        sinc_probability=0.0,
    )


# Ours: what a camera and its JPEG do to a photograph, once. A Gaussian blur wide enough for a
# quarter of the size, little noise, mild compression; no ringing and no second round of blur.
CAMERA_X4 = DegradationParameters(
    first=StageParameters(
        blur=_gaussian_blur((1.0, 2.8)),
        blur_probability=1.0,
        resize_shares=(0.1, 0.2, 0.7),
        resize=(0.7, 1.2),
        gaussian_probability=0.7,
        gaussian_sigma=(0.0, 6.0),
        poisson_scale=(0.0, 0.6),
        grey_probability=0.5,
        jpeg_quality=(85.0, 100.0),
    ),
    second=StageParameters(
        blur=_gaussian_blur((0.2, 1.0)),
        blur_probability=0.2,
        resize_shares=(0.0, 0.0, 1.0),
        resize=(1.0, 1.0),
        gaussian_probability=0.7,
        gaussian_sigma=(0.0, 4.0),
        poisson_scale=(0.0, 0.4),
        grey_probability=0.5,
        jpeg_quality=(75.0, 100.0),
    ),
    final_sinc_probability=0.0,
    sharpen=False,
)
