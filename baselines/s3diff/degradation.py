"""The degradation estimator `de_net.pth`, of MM-RealSR (Mou et al., ECCV 2022).

One branch per degradation; key names are those of the official checkpoint.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from baselines.checkpoints import load_strictly, read_pickle

DEGRADATIONS = ("blur", "noise")


class DegradationEstimator(nn.Module):
    """LR images (B, 3, h, w), RGB in [0, 1] -> degrees of degradation (B, 2) in [0, 1]."""

    def __init__(self, channels: int = 64, hidden: int = 512) -> None:
        super().__init__()
        count = len(DEGRADATIONS)
        self.conv_first = nn.ModuleList(nn.Conv2d(3, channels, 3, 1, 1) for _ in range(count))
        self.body = nn.ModuleList(_body(channels) for _ in range(count))
        self.fc_degree = nn.ModuleList(
            nn.Sequential(
                nn.Linear(2 * channels, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Sigmoid()
            )
            for _ in range(count)
        )

    def forward(self, lr: Tensor) -> Tensor:
        """Estimate each image's degradation."""
        degrees = []
        for first, body, degree in zip(self.conv_first, self.body, self.fc_degree, strict=True):
            features = body(first(lr)).mean(dim=(2, 3))
            degrees.append(degree(features))
        return torch.cat(degrees, dim=1)


def _body(channels: int) -> nn.Sequential:
    wide = 2 * channels
    return nn.Sequential(
        *(_Residual(channels) for _ in range(6)),
        nn.Conv2d(channels, wide, 3, 2, 1),
        *(_Residual(wide) for _ in range(2)),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        refined: Tensor = x + self.conv2(self.conv1(x).relu())
        return refined


def load_estimator(path: Path) -> DegradationEstimator:
    """Load `de_net.pth`.

    Raises:
        WeightsCorruptError: its keys or shapes are others; the message names the first.
    """
    network = DegradationEstimator()
    load_strictly(network, read_pickle(path), path)
    return network
