from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from baselines.s3diff.degradation import DegradationEstimator, load_estimator
from benchmarks.api.errors import WeightsCorruptError


def _branch(state: dict[str, torch.Tensor], x: torch.Tensor, index: int) -> torch.Tensor:
    """One branch, written out from the description of MM-RealSR's estimator."""

    def conv(name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, 1)

    x = conv(f"conv_first.{index}", x)
    for layer in range(9):
        name = f"body.{index}.{layer}"
        if layer == 6:
            x = conv(name, x, stride=2)
        else:
            x = x + conv(f"{name}.conv2", F.relu(conv(f"{name}.conv1", x)))
    x = F.adaptive_avg_pool2d(x, 1).flatten(1)
    for layer in (0, 2):
        name = f"fc_degree.{index}.{layer}"
        x = F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])
        x = F.relu(x) if layer == 0 else torch.sigmoid(x)
    return x


def test_both_branches_are_what_they_are_written_out(s3diff_files: tuple[Path, Path]) -> None:
    network = load_estimator(s3diff_files[1])
    x = torch.rand(2, 3, 17, 24, generator=torch.Generator().manual_seed(0))
    state = network.state_dict()
    expected = torch.cat([_branch(state, x, 0), _branch(state, x, 1)], dim=1)
    torch.testing.assert_close(network(x), expected)
    assert expected.shape == (2, 2)


def test_the_size_is_that_of_the_official_file() -> None:
    assert len(DegradationEstimator().state_dict()) == 2 * (2 + 8 * 4 + 2 + 4)


def test_another_file_is_refused(tmp_path: Path) -> None:
    state = DegradationEstimator().state_dict()
    del state["fc_degree.1.2.bias"]
    torch.save(state, tmp_path / "de_net.pth")
    with pytest.raises(WeightsCorruptError, match=r"key 'fc_degree\.1\.2\.bias' is missing"):
        load_estimator(tmp_path / "de_net.pth")
