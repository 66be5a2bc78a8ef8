from __future__ import annotations

import copy

import peft
import pytest
import small_networks as small
import torch
from torch import nn

from baselines import lora
from benchmarks.api.errors import WeightsCorruptError


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.inner = nn.ModuleDict({"to_q": nn.Linear(6, 5), "norm": nn.LayerNorm(5)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.inner["norm"](self.inner["to_q"](self.conv(x).mean((2, 3))))
        return y


def test_folding_gives_what_peft_gives_with_its_default_alpha() -> None:
    network = _Network().double()
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    config = peft.LoraConfig(r=4, target_modules=["conv", "to_q"], init_lora_weights=False)
    reference = peft.get_peft_model(copy.deepcopy(network), config)
    state = {
        key.removeprefix("base_model.model."): value
        for key, value in reference.state_dict().items()
        if "lora" in key
    }
    layers = ("conv", "inner.to_q")
    assert set(state) == set(lora.expected_shapes(network, layers, "default", 4))
    before = network(x)
    lora.fold(network, lora.updates(state, layers, "default"), lora.ALPHA / 4)
    torch.testing.assert_close(network(x), reference(x), rtol=0, atol=1e-13)
    assert not torch.allclose(before, network(x), atol=1e-3)


@pytest.mark.parametrize("targets", [["conv", "to_q"], ["to_q"], r"^inner\..*(to_q|norm)$"])
def test_targets_match_as_in_peft(targets: str | list[str]) -> None:
    network = _Network()
    names = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
        and peft.tuners.tuners_utils.check_target_module_exists(
            peft.LoraConfig(target_modules=targets), name
        )
    ]
    assert list(lora.matching(network, targets)) == names


def test_a_layer_that_the_base_model_lacks_is_named() -> None:
    with pytest.raises(WeightsCorruptError, match=r"does not have: 'inner\.to_k'"):
        lora.expected_shapes(_Network(), ("inner.to_k",), "default", 4)


def test_shapes_are_those_of_the_rank() -> None:
    shapes = lora.expected_shapes(_Network(), ("conv",), "a", 2)
    assert shapes == {
        "conv.lora_A.a.weight": (2, 3, 3, 3),
        "conv.lora_B.a.weight": (6, 2, 1, 1),
    }
    assert shapes == small.lora_shapes(_Network(), ["conv"], "a", 2)
