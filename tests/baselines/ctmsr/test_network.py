"""CTMSR's network against the official one, and its names and shapes at full size."""

from __future__ import annotations

from pathlib import Path

import faults
import pytest
import torch
import torch.nn.functional as F
from golden_tables import assert_agrees, measured, rows_of

from baselines.ctmsr.network import (
    CTMSRConfig,
    CTMSRNetwork,
    load_network,
    noise_embedding,
    official_constants,
    preconditioning,
)
from benchmarks.api.errors import WeightsCorruptError

TOLERANCE = 1e-5  # of a tensor's spread
ROWS = rows_of(Path(__file__).with_name("golden.csv"))


@pytest.fixture(scope="module")
def tensors(network):
    image = torch.rand(1, 3, 72, 50, generator=torch.Generator().manual_seed(7))
    lr = F.pad(2 * image - 1, (0, 14, 0, 56), mode="reflect")
    found = {}
    inner = network.model
    stages = {"emb": inner.map_layer1, "aux": inner.dec["32x32_aux_conv"], "F": inner}
    stages |= {f"enc.{name}": stage for name, stage in inner.enc.items()}
    stages |= {f"dec.{name}": stage for name, stage in inner.dec.items()}

    def record(name):
        def hook(module, arguments, output):
            found[name] = F.silu(output) if name == "emb" else output

        return hook

    handles = [stage.register_forward_hook(record(name)) for name, stage in stages.items()]
    with torch.inference_mode():
        up = F.interpolate(lr, scale_factor=4, mode="bicubic")
        found["x"] = up + torch.randn(up.shape, generator=torch.Generator().manual_seed(0))
        found["D"] = network(found["x"], lr)
    for handle in handles:
        handle.remove()
    found["sr"] = ((found["D"] + 1) / 2).clamp(0, 1)[..., :288, :200]
    return found


@pytest.mark.parametrize("name", ROWS)
def test_tensor(name, tensors):
    assert_agrees(tensors[name], ROWS[name], TOLERANCE)


_PARTS = {
    **faults.SWIN,
    "the embedding of noise": r"map_layer\d\.",
    "affine": r"affine\.",
    "the first convolution": r"enc\.32x32_conv\.",
    "norms before first convolutions": r"\.norm0\.",
    "first convolutions": r"\.conv0\.",
    "norms before second convolutions": r"_(block|in|down|up)\d?\.norm1\.",
    "second convolutions": r"_(block|in|down|up)\d?\.conv1\.",
    "skips": r"\.skip\.",
    "convolutions of Swin layers": r"swin_layer\.conv\.",
    "aux": r"_aux_",
    "conv_up": r"conv_up\d\.",
    "conv_last": r"conv_last\.",
}


def test_a_fault_is_seen_hundredfold(checkpoint, config, write_golden):
    """In units of what the comparison allows: mean, spread, sum and first values of the result."""
    network = load_network(checkpoint, config)
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(7))
    lr = 2 * image - 1
    x = F.interpolate(lr, scale_factor=4, mode="bicubic")
    x = x + torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        right = network(x, lr)

    def result(x=x, lr=lr):
        with torch.inference_mode():
            return measured(network(x, lr), right, TOLERANCE)

    table = {
        name: faults.change(found, result())
        for name, found in {
            "no LR image": result(lr=0 * lr),
            "the LR image in [0, 1]": result(lr=image),
            "the LR image's channels swapped": result(lr=lr.flip(1)),
            "x's channels swapped": result(x=x.flip(1)),
            "x * 1.5": result(x=1.5 * x),
        }.items()
    }
    c_skip, c_out, c_noise = preconditioning(1.0)
    for name, given in {
        "F alone": (0, c_out, c_noise),
        "F not scaled": (c_skip, 1, c_noise),
        "the noise level for its embedding": (c_skip, c_out, 1.0),
    }.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("baselines.ctmsr.network.preconditioning", lambda _, c=given: c)
            table[name] = faults.change(result(), measured(right, right, TOLERANCE))
    table |= faults.of_weights(result, (network,), _PARTS)
    faults.check(table, Path(__file__).with_name("sensitivity.csv"), 1, write=write_golden)


def test_full_size():
    with torch.device("meta"):
        network = CTMSRNetwork(CTMSRConfig())
    parameters = dict(network.named_parameters())
    assert len(parameters) == 909
    assert sum(p.numel() for p in parameters.values()) == 171_518_529
    assert set(network.state_dict()) == set(parameters)
    assert len(set(parameters) | official_constants(network)) == 942
    shapes = {name: tuple(p.shape) for name, p in parameters.items()}
    assert shapes["model.enc.64x64_conv.weight"] == (192, 51, 3, 3)
    assert shapes["model.enc.8x8_down.skip.weight"] == (384, 384, 1, 1)
    assert shapes["model.dec.8x8_in0.swin_layer.conv.weight"] == (384, 384, 3, 3)
    assert shapes["model.dec.64x64_block4.swin_layer.patch_embed.proj.weight"] == (192, 192, 1, 1)
    assert "model.dec.64x64_block3.swin_layer.conv.weight" not in shapes


def test_preconditioning():
    assert preconditioning(1.0) == pytest.approx((0.0024938, 0.9987523, 4.995e-4), abs=1e-7)


def test_noise_embedding_is_sines_first():
    embedding = noise_embedding(torch.tensor([0.0, 1.0]), 8)
    assert embedding[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert embedding[1].tolist()[0] == pytest.approx(0.841471, abs=1e-6)
    assert embedding[1].tolist()[3] == pytest.approx(1e-4, abs=1e-9)


def test_a_wrong_file_is_refused(checkpoint, config, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    del content["params_ema"]["model.conv_up1.bias"]
    torch.save(content, tmp_path / "wrong.pth")
    with pytest.raises(WeightsCorruptError, match="key 'model.conv_up1.bias' is missing"):
        load_network(tmp_path / "wrong.pth", config)
