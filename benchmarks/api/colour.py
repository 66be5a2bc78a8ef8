"""Colour fixes: give a restored image the colours of its LR source.

Every method that fixes colours uses the same two transfers, by AdaIN or by wavelet bands. What
differs is the source, and the 8-bit steps around the transfer:

| method  | 8 bits before | transfer, source                       | 8 bits after |
|---------|---------------|----------------------------------------|--------------|
| OSEDiff | truncate      | adain, Pillow-bicubic LR               | truncate     |
| PiSA-SR | truncate      | adain, Pillow-bicubic LR               | truncate     |
| HYPIR   | none          | wavelet, torch-bicubic LR              | truncate     |
| AdcSR   | none          | adain, LR as is, no epsilon            | truncate     |
| S3Diff  | truncate      | wavelet, bilinear LR                   | truncate     |
| TSD-SR  | truncate      | wavelet, upsampled LR; adain, LR as is | truncate     |
| DiT4SR  | round         | adain, Pillow-bicubic LR               | truncate     |
| FlowSR  | round         | wavelet, Pillow-bicubic LR             | round        |

An 8-bit step in the middle comes of going through image files, and "none" leaves it out.
Truncation darkens by half a grey level each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from benchmarks.api.card import MethodOption
from benchmarks.api.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

ColourFix = Literal["none", "adain", "wavelet"]
Rounding = Literal["none", "round", "truncate"]

_CHOICES: tuple[ColourFix, ...] = ("adain", "wavelet", "none")

_ADAIN_EPS = 1e-5  # added to the variance of images in [0, 1]
_WAVELET_LEVELS = 5


def colour_option(
    default: ColourFix, choices: tuple[ColourFix, ...] = _CHOICES, *, source: str = "LR"
) -> MethodOption:
    """Return the option that chooses a method's colour fix, from the colours of `source`."""
    return MethodOption(
        name="colour-fix",
        default=default,
        help=f"transfer of the {source} image's colours to the result",
        choices=choices,
    )


def fix_colours(
    image: Tensor,
    source: Tensor,
    method: ColourFix,
    *,
    before: Rounding = "none",
    after: Rounding = "none",
) -> Tensor:
    """Return `image` with the colours of `source`, clamped to [0, 1].

    Args:
        image: restored images (B, 3, H, W) in [0, 1], float.
        source: their LR images in [0, 1]; (B, 3, H, W) for "wavelet", any size for "adain".
        method: "none" transfers nothing.
        before: how both are brought to 8 bits first; an 8-bit source stays what it is.
        after: how the result is brought to 8 bits.

    Returns:
        float32 (B, 3, H, W), on the device of `image`.
    """
    image = quantise(image, before)
    source = quantise(source, before).to(image.device)
    if method == "adain":
        image = adain(image, source)
    elif method == "wavelet":
        image = wavelet(image, source)
    elif method != "none":
        raise ConfigError(f"Unknown colour fix {method!r}.", "Use: none, adain or wavelet")
    return quantise(image, after)


def adain(content: Tensor, style: Tensor, *, eps: float = _ADAIN_EPS) -> Tensor:
    """Return `content` with the mean and standard deviation of `style`, per image and channel.

    Adaptive instance normalisation as StableSR introduced it here: the variance is the unbiased
    one, and `eps` is added to both variances. Not clamped. `eps` is meant for images in [0, 1].
    """
    style_var, style_mean = _moments(style)
    content_var, content_mean = _moments(content)
    normalised = (content - content_mean) / (content_var + eps).sqrt()
    return normalised * (style_var + eps).sqrt() + style_mean


def _moments(image: Tensor) -> tuple[Tensor, Tensor]:
    import torch

    flat = image.flatten(2)
    if flat.shape[-1] < 2:
        raise ConfigError("AdaIN needs at least two pixels to have a variance.")
    var, mean = torch.var_mean(flat, dim=2)  # unbiased
    return var[..., None, None], mean[..., None, None]


def wavelet(content: Tensor, style: Tensor, *, levels: int = _WAVELET_LEVELS) -> Tensor:
    """Return the high bands of `content` on the lowest band of `style`, of the same size.

    The bands are those of the undecimated (à trous) wavelet transform. Not clamped.
    """
    if content.shape != style.shape:
        raise ConfigError(
            f"The wavelet colour fix needs two images of one size, not {tuple(content.shape)} "
            f"and {tuple(style.shape)}."
        )
    return _high_bands(content, levels) + _low_band(style, levels)


def _high_bands(image: Tensor, levels: int) -> Tensor:
    # Summed band by band, not `image - low`: the same in exact arithmetic, but truncation to
    # 8 bits turns the last bit of a float into a grey level.
    high = image.new_zeros(image.shape)
    for level in range(levels):
        low = _blur(image, 2**level)
        high += image - low
        image = low
    return high


def _low_band(image: Tensor, levels: int) -> Tensor:
    for level in range(levels):
        image = _blur(image, 2**level)
    return image


def _blur(image: Tensor, radius: int) -> Tensor:
    """Smooth by [1 2 1] x [1 2 1] / 16 with taps `radius` pixels apart, the edge repeated."""
    import torch
    import torch.nn.functional as F

    taps = image.new_tensor([0.25, 0.5, 0.25])
    channels = image.shape[1]
    kernel = torch.outer(taps, taps).expand(channels, 1, 3, 3)
    padded = F.pad(image, (radius,) * 4, mode="replicate")
    # cuDNN would compute in TF32, whose error is a quarter of a grey level.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return F.conv2d(padded, kernel, groups=channels, dilation=radius)


def quantise(image: Tensor, rounding: Rounding) -> Tensor:
    """Return an image in [0, 1] as it comes back from an 8-bit file: float32, multiples of 1/255.

    Args:
        image: float, any shape; clamped to [0, 1].
        rounding: "truncate" as torchvision's `ToPILImage` does, computed in the dtype of `image`
            (in float16 it gives other grey levels than in float32); "round" half to even and in
            float32, as `benchmarks.api.images.to_uint8` does; "none" to leave it as it is.
    """
    image = image.clamp(0, 1)
    if rounding == "truncate":
        return image.mul(255).trunc().float().div(255)
    image = image.float()
    return image.mul(255).round().div(255) if rounding == "round" else image
