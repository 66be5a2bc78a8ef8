from __future__ import annotations

import pytest
import torch
from golden_tables import seeded

from baselines.ctmsr.network import CTMSRConfig, CTMSRNetwork, load_network

CONFIG = CTMSRConfig(
    image_size=32, channels=32, channel_mult=(1, 2, 2), blocks_per_level=2, swin_width=64, heads=2
)


@pytest.fixture(scope="session")
def config() -> CTMSRConfig:
    return CONFIG


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """An official-format file of the configuration that the golden table was made with."""
    path = tmp_path_factory.mktemp("ctmsr") / "CTMSR.pth"
    names = {name: p.shape for name, p in CTMSRNetwork(CONFIG).named_parameters()}
    tensors = seeded(names, 300)
    tensors["model.enc.16x16_down.conv0.resample_filter"] = torch.full((1, 1, 2, 2), 0.25).half()
    torch.save({"params_ema": tensors, "params": {}}, path)
    return path


@pytest.fixture(scope="session")
def network(checkpoint) -> CTMSRNetwork:
    return load_network(checkpoint, CONFIG)
