"""The option that scales classifier-free guidance, of the methods whose least scale is 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.api.card import MethodOption
from benchmarks.api.errors import ConfigError

if TYPE_CHECKING:
    from benchmarks.api.restorer import Runtime


def guidance_option(default: str) -> MethodOption:
    """Return the option that sets the scale of the guidance."""
    return MethodOption(name="guidance", default=default, help="guidance scale; 1 is without")


def guidance_of(runtime: Runtime) -> float:
    """Return the scale of the guidance.

    Raises:
        ConfigError: it is no number, or below 1.
    """
    scale = runtime.number("guidance")
    if scale < 1:
        raise ConfigError(f"guidance is {scale}; 1 is without guidance, and the least.")
    return scale
