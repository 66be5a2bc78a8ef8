"""Which images carry a colour profile that gives their numbers another meaning than sRGB does."""

from __future__ import annotations

import functools
import io

_TOLERANCE = 3  # of 255: profiles of sRGB by different makers differ by this in dark colours
_UNREADABLE = "a damaged colour profile"


@functools.lru_cache(maxsize=64)  # the images of a set mostly share one
def foreign_profile(content: bytes) -> str:
    """Return the name of an ICC profile; empty if it gives colours the meaning that sRGB does.

    Looked at is what the profile does, not what it calls itself: a ramp of each primary and of
    grey is converted to sRGB, and comes out unchanged or not.
    """
    import numpy as np
    from PIL import Image, ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        name = ImageCms.getProfileDescription(profile)
        grey = profile.profile.xcolor_space.strip() == "GRAY"
        ramp = np.arange(256, dtype=np.uint8)
        channels = np.eye(4, 3, dtype=np.uint8)
        channels[3] = 1
        colours = channels[:, None] * ramp[None, :, None]  # (4, 256, 3)
        probe = Image.fromarray(ramp[None] if grey else colours)
        seen = ImageCms.profileToProfile(
            probe, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except Exception:  # littleCMS answers damage with any
        return _UNREADABLE
    assert seen is not None
    expected = np.asarray(probe.convert("RGB"), dtype=np.int16)
    if np.abs(np.asarray(seen, dtype=np.int16) - expected).max() <= _TOLERANCE:
        return ""
    return " ".join("".join(c for c in name if c.isprintable()).split())[:60] or "of no name"
