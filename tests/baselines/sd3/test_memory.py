"""The memory of the methods on Stable Diffusion 3, counted at full size on the meta device."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from baselines.sd3.memory import TEXT_PARAMETERS, VAE, MetaVAE, Need, peak_memory
from benchmarks.api.memory import CONTEXT_BYTES
from benchmarks.methods import resolve

GIB = 1 << 30


def estimate(text: str, *, offload: bool = False) -> int:
    method = resolve(text)
    runtime = replace(method.runtime, offload=offload)
    found = method.restorer.memory_estimate(runtime, (256, 256))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("method", "parameters"), [("tsdsr", 2_028_328_000), ("dit4sr", 2_594_049_216)]
)
def test_an_image_of_256_pixels_fits_24_gib(method: str, parameters: int) -> None:
    """Weights in float16 are most of it; with --offload it takes no more than without."""
    whole, parts = estimate(method), estimate(method, offload=True)
    assert 2 * parameters < parts <= whole < 24 * GIB


def test_networks_stay_or_make_room() -> None:
    needs = (Need(100, 5), Need(20, 50))
    assert peak_memory(needs, offload=False, text=False) == 100 + 20 + 50 + CONTEXT_BYTES
    assert peak_memory(needs, offload=True, text=False) == 100 + 5 + CONTEXT_BYTES
    assert peak_memory(needs, offload=True, text=True) == 2 * TEXT_PARAMETERS + CONTEXT_BYTES


def test_the_vae_grows_with_the_image() -> None:
    vae = MetaVAE(torch.float32)
    small, large = vae.needs((128, 128), 1), vae.needs((256, 256), 1)
    assert small.weights == large.weights == 4 * 83_819_683
    assert large.activations == pytest.approx(4 * small.activations, rel=0.1)
    # The decoder's widest tensor has 256 channels at full resolution.
    assert small.activations > 2 * 4 * VAE["block_out_channels"][1] * 128 * 128  # type: ignore[operator]


def test_the_text_encoders_have_the_parameters_that_are_counted() -> None:
    from transformers import (
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        T5Config,
        T5EncoderModel,
    )

    with torch.device("meta"):
        clip = [
            CLIPTextModelWithProjection(
                CLIPTextConfig(
                    hidden_size=width,
                    intermediate_size=4 * width,
                    num_hidden_layers=layers,
                    num_attention_heads=width // 64,
                    projection_dim=width,
                )
            )
            for width, layers in ((768, 12), (1280, 32))
        ]
        t5 = T5EncoderModel(
            T5Config(
                vocab_size=32128,
                d_model=4096,
                d_kv=64,
                d_ff=10240,
                num_layers=24,
                num_heads=64,
                feed_forward_proj="gated-gelu",
            )
        )
    count = sum(p.numel() for part in (*clip, t5) for p in part.parameters())
    assert count == TEXT_PARAMETERS
