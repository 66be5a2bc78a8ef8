from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import registry
from benchmarks.api.errors import WeightsMissingError
from benchmarks.api.weights import WeightStore
from benchmarks.metrics.fid import Fid
from benchmarks.metrics.scoring import Scorer


def test_distance_is_the_frechet_distance() -> None:
    sr = np.random.default_rng(0).random((4, 2048), dtype=np.float32)
    fid = Fid(Path("nowhere"))
    assert fid.distance(sr, sr) == pytest.approx(0, abs=1e-6)
    assert fid.distance(sr + 1, sr) == pytest.approx(2048, rel=1e-5)


def test_a_distance_imports_no_torch() -> None:
    script = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from benchmarks.metrics.fid import Fid\n"
        "Fid(Path('nowhere')).distance(np.eye(3, 5), np.ones((4, 5)))\n"
        "print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_missing_weights_show_when_it_is_built(tmp_path: Path) -> None:
    spec = registry.metric_specs()["fid@clean"]
    with pytest.raises(WeightsMissingError, match="pt_inception"):
        Scorer([spec], store=WeightStore(tmp_path)).load()
