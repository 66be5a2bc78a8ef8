from __future__ import annotations

import torch

from baselines.resshift.cards import SINSR
from baselines.swin_family.noise import draw, upstream_stream
from benchmarks.api.restorer import Runtime


def test_upstream_has_one_stream():
    assert upstream_stream(Runtime(card=SINSR), 12345) is None
    stream = upstream_stream(Runtime(card=SINSR, options={"noise": "upstream"}), 12345)
    torch.manual_seed(12345)  # what upstream does, once
    assert torch.equal(draw((2, 3), stream), torch.randn(2, 3))
    assert torch.equal(draw((4,), stream), torch.randn(4))
