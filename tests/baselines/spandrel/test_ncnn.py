"""ncnn's files are read layer by layer; the order is the network's."""

from __future__ import annotations

import numpy as np
import pytest

from baselines.spandrel.conversion import rrdbnet_x4
from baselines.spandrel.ncnn import read_convolutions
from benchmarks.api.errors import WeightsCorruptError

HEADER = "7767517\n9 9\nInput in 0 1 data\nSplit s 1 2 data a b\n"
TAGS = {"<f2": 0x01306B47, "<f4": 0}


def _model(weights: list[np.ndarray], biases: list[np.ndarray | None], kind: str):
    """Write a model as ncnn does: a tag, the weights padded to 4 bytes, the bias."""
    param, numbers = HEADER, b""
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        param += (
            f"Convolution conv{index} 1 1 x{index} x{index + 1} 0={len(weight)} "
            f"1={weight.shape[2]} 4=1 5={int(bias is not None)} 6={weight.size} 9=2 "
            "-23310=1,2.0e-01\n"
        )
        stored = weight.astype(kind).tobytes()
        numbers += TAGS[kind].to_bytes(4, "little") + stored + bytes(-len(stored) % 4)
        numbers += b"" if bias is None else bias.astype("<f4").tobytes()
    return param.encode(), numbers


WEIGHTS = [np.arange(27.0).reshape(1, 3, 3, 3) / 7, np.arange(5.0).reshape(5, 1, 1, 1) - 2.5]
BIASES = [np.float32([0.1]), None]


@pytest.mark.parametrize("kind", TAGS)
def test_weights_and_biases_come_back_as_they_were_stored(kind: str) -> None:
    first, second = read_convolutions(*_model(WEIGHTS, BIASES, kind))
    np.testing.assert_array_equal(first.weight, WEIGHTS[0].astype(kind).astype(np.float32))
    np.testing.assert_array_equal(second.weight, WEIGHTS[1].astype(np.float32))
    np.testing.assert_array_equal(first.bias, BIASES[0])
    assert (first.name, second.name, second.bias.size) == ("conv0", "conv1", 0)


def test_other_files_are_refused() -> None:
    param, numbers = _model(WEIGHTS, BIASES, "<f2")
    for bad, message in (
        ((b"text", numbers), "not an ncnn"),
        ((param, numbers[:-2]), "cut short"),
        ((param, numbers + b"1234"), "4 bytes too many"),
        ((param, b"\x01\0\0\0" + numbers[4:]), "stored as 0x1"),
        ((param.replace(b"Convolution conv1", b"Deconv conv1"), numbers), "Deconv"),
    ):
        with pytest.raises(WeightsCorruptError, match=message):
            read_convolutions(*bad)


def test_another_model_is_not_taken_for_rrdbnet() -> None:
    param, numbers = _model(WEIGHTS, BIASES, "<f2")
    with pytest.raises(WeightsCorruptError, match="2 convolutions where RRDBNet has 351"):
        rrdbnet_x4({"x.param": param, "x.bin": numbers})


def test_names_are_those_of_the_network_in_the_order_of_computing() -> None:
    from spandrel import ModelLoader

    shapes = []
    for name, tensor in _reference().items():
        if name.endswith(".weight"):
            shapes.append(tuple(tensor.shape))
    generator = np.random.default_rng(0)
    weights = [generator.standard_normal(shape) * 0.01 for shape in shapes]
    biases: list[np.ndarray | None] = [np.zeros(shape[0], np.float32) for shape in shapes]
    param, numbers = _model(weights, biases, "<f2")
    tensors = rrdbnet_x4({"x.param": param, "x.bin": numbers})
    assert {k: v.shape for k, v in tensors.items()} == {
        k: tuple(v.shape) for k, v in _reference().items()
    }
    import torch

    model = ModelLoader("meta").load_from_state_dict(
        {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
    )
    assert (model.architecture.name, model.scale) == ("ESRGAN", 4)


def _reference() -> dict:
    """Return RRDBNet's convolutions by BasicSR's names, written down from its definition."""
    import torch

    def conv(inputs: int, outputs: int) -> torch.nn.Conv2d:
        return torch.nn.Conv2d(inputs, outputs, 3, device="meta")

    def dense() -> torch.nn.ModuleDict:
        sizes = [(64 + 32 * k, 32 if k < 4 else 64) for k in range(5)]
        return torch.nn.ModuleDict({f"conv{k + 1}": conv(*size) for k, size in enumerate(sizes)})

    network = torch.nn.ModuleDict({"conv_first": conv(3, 64)})
    network["body"] = torch.nn.ModuleList(
        torch.nn.ModuleDict({f"rdb{k}": dense() for k in (1, 2, 3)}) for _ in range(23)
    )
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        network[name] = conv(64, 64)
    network["conv_last"] = conv(64, 3)
    return network.state_dict()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"0=1 ", b"x=1 "),
        (b"1=3 ", b"1=x "),
        (b"1=3 ", b"1=0 "),
        (b"6=27 ", b"6=26 "),
        (b"0=1 ", b"0=-1 "),
        (b"conv0 1 1", b"conv0 1 -"),
        (b"Convolution conv0 1 1 x0 x1 ", b"Convolution conv0 "),
        (b"Input in 0 1 data", b""),
    ],
)
def test_a_damaged_line_is_named(old: bytes, new: bytes) -> None:
    param, numbers = _model(WEIGHTS, BIASES, "<f2")
    assert old in param
    with pytest.raises(WeightsCorruptError, match="Line . of the ncnn .param file is no layer"):
        read_convolutions(param.replace(old, new, 1), numbers)
