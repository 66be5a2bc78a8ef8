"""A profile is foreign if it changes colours, whatever it calls itself."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from benchmarks.api.colour_profiles import foreign_profile
from benchmarks.api.images import read_header, read_rgb

# Primaries (x, y of D50-adapted XYZ) as the specifications of these spaces have them.
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))


def profile(
    name: str, colorants: tuple[tuple[float, ...], ...], gamma: float | None = None
) -> bytes:
    """Return a matrix profile (ICC.1:2001): primaries, and a gamma or sRGB's own curve."""

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    def curve() -> bytes:
        if gamma is not None:
            return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
        x = np.linspace(0, 1, 1024)
        linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
        table = (linear * 65535).round().astype(">u2").tobytes()
        return b"curv\0\0\0\0" + struct.pack(">I", 1024) + table

    text = name.encode() + b"\0"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    desc += bytes(-len(desc) % 4)
    tags = {
        b"desc": desc,
        b"wtpt": xyz((0.9642, 1.0, 0.8249)),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }
    tags |= {key: xyz(c) for key, c in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve())
    place, table, body = 132 + 12 * len(tags), b"", b""
    for key, content in tags.items():
        table += struct.pack(">4sII", key, place + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s", place + len(body), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


def test_srgb_by_any_name_is_not_foreign() -> None:
    assert foreign_profile(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()) == ""
    assert foreign_profile(profile("c2", SRGB)) == ""


@pytest.mark.parametrize(
    ("name", "colorants", "gamma"),
    [
        ("Adobe RGB (1998)", ADOBE_RGB, 563 / 256),
        ("sRGB, linear", SRGB, 1.0),
        ("wide, sRGB's curve", ADOBE_RGB, None),
    ],
)
def test_what_changes_colours_is_named(name: str, colorants, gamma: float | None) -> None:
    assert foreign_profile(profile(name, colorants, gamma)) == name


def test_a_damaged_profile_is_named_as_such() -> None:
    whole = profile("Adobe RGB (1998)", ADOBE_RGB, 2.2)
    for content in (b"", b"x", whole[:100], whole[:200], whole.replace(b"RGB XYZ ", b"CMYKXYZ ")):
        assert foreign_profile(content) == "a damaged colour profile"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_profile_is_told_by_the_header_and_not_applied(tmp_path: Path, kind: str) -> None:
    pixels = np.full((16, 16, 3), (200, 60, 120), np.uint8)
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    Image.fromarray(pixels).save(tmp_path / "plain", kind, **options)
    icc = profile("Adobe RGB (1998)", ADOBE_RGB, 563 / 256)
    Image.fromarray(pixels).save(tmp_path / "tagged", kind, icc_profile=icc, **options)
    assert read_header(tmp_path / "plain").profile == ""
    assert read_header(tmp_path / "tagged").profile == "Adobe RGB (1998)"
    assert np.array_equal(read_rgb(tmp_path / "tagged"), read_rgb(tmp_path / "plain"))
