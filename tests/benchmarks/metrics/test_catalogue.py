from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.api.card import WeightFile
from benchmarks.metrics import weight_files
from benchmarks.metrics.catalogue import METRICS

_WEIGHTS = [value for value in vars(weight_files).values() if isinstance(value, WeightFile)]
_TEN = {"psnr", "ssim", "lpips", "dists", "fid", "niqe", "musiq", "maniqa", "clipiqa", "liqe"}


def test_all_ten_metrics_are_registered_once() -> None:
    assert {spec.name for spec in METRICS} == _TEN
    assert len({spec.id for spec in METRICS}) == len(METRICS)
    assert set(registry.metric_specs()) >= {spec.id for spec in METRICS}


@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: spec.id)
def test_loader_exists(spec) -> None:
    module, _, name = spec.loader.partition(":")
    found = importlib.util.find_spec(module)
    assert found and found.origin
    tree = ast.parse(Path(found.origin).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: spec.id)
def test_facts_are_complete(spec) -> None:
    assert spec.definition.endswith(".")
    assert spec.used_by
    assert spec.packages
    assert spec.value_range[0] < spec.value_range[1]
    lower_is_better = {"lpips", "dists", "fid", "niqe"}
    assert spec.higher_is_better is (spec.name not in lower_is_better)
    assert spec.needs_reference is (spec.name in {"psnr", "ssim", "lpips", "dists", "fid"})
    assert (spec.level == "set") is (spec.name == "fid")


def test_decimals_are_those_of_the_paper() -> None:
    protocol = {"psnr@y601": 2, "fid@clean": 2, "musiq@koniq": 2}
    for spec in METRICS:
        if spec.id in protocol:
            assert spec.decimals == protocol[spec.id]
    assert {spec.decimals for spec in METRICS if spec.name in {"ssim", "lpips", "liqe"}} == {4}


@pytest.mark.parametrize("weight", _WEIGHTS, ids=lambda weight: weight.name)
def test_hash_in_a_file_name_is_the_start_of_its_sha256(weight: WeightFile) -> None:
    inside = re.search(r"-([0-9a-f]{8})\.pth$", weight.name)
    if inside:
        assert (weight.sha256 or weight.sha256_prefix).startswith(inside[1])


@pytest.mark.parametrize("weight", _WEIGHTS, ids=lambda weight: weight.name)
def test_weights_say_where_they_come_from_and_how_large_they_are(weight: WeightFile) -> None:
    assert weight.hub or weight.urls
    assert weight.bytes or weight.about_bytes
    assert weight.caches
    assert weight.licence


def test_every_weight_file_is_used() -> None:
    used = {weight for spec in METRICS for weight in spec.weights}
    assert used == set(_WEIGHTS)


def test_loading_the_catalogue_imports_nothing_heavy() -> None:
    script = (
        "import sys, benchmarks.metrics.catalogue\n"
        "print(*({'torch', 'cv2', 'scipy', 'pyiqa', 'PIL', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
