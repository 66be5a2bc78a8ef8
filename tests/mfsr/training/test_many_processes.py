"""Two processes that share a step's samples train the model that one trains with all of them.

DDP and FSDP2 over gloo, from the launch files of docs/training.md. In float32 the order of sums is
all that differs, and Adam may make of it up to a learning rate where a gradient is next to nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import shared_trainings as many
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.api.errors import ConflictError
from mfsr.bundle import load_teacher
from mfsr.origin import Origin, of_data
from mfsr.training.checkpoint import checkpoints
from mfsr.training.claim import check, claim
from mfsr.training.recipes import Recipe, Stage
from mfsr.training.stages import Sources

DOCUMENT = Path(__file__).parents[3] / "docs" / "training.md"


def launch_file(name: str, folder: Path) -> dict[str, str]:
    """Return the environment that accelerate makes of a launch file in the document."""
    text = DOCUMENT.read_text("utf-8").partition(f"`{name}`")[2]
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    path = folder / name
    path.write_text(found[1])
    arguments = launch_command_parser().parse_args(["--config_file", str(path), "script.py"])
    arguments, _, _ = _validate_launch_command(arguments)
    assert int(arguments.num_processes) == 8
    made = prepare_multi_gpu_env(arguments)
    return {key: value for key, value in made.items() if os.environ.get(key) != value}


@pytest.fixture(scope="module")
def runs(photos: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one process, and of two that began alone or went on after one."""
    folder = tmp_path_factory.mktemp("runs")
    sources = Sources(data=(photos,), out=folder / "ddp" / "one", base=base)
    for run, steps in (("one", 4), ("one then two", 2)):
        out = folder / "ddp" / run
        many.small("teacher", replace(sources, out=out), batch=many.SAMPLES, steps=steps)
        many.distil(folder / "fsdp" / run, batch=many.SAMPLES, steps=steps)
    many.distil(folder / "fsdp" / "bf16 one", batch=many.SAMPLES, steps=2, precision="bf16")
    many.fresh()
    sharded = launch_file("fsdp8.yaml", folder)
    assert launch_file("ddp8.yaml", folder)["ACCELERATE_MIXED_PRECISION"] == "bf16"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true",
                   "PYTHONWARNINGS": "ignore"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2",
         "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", many.__file__,
         *map(str, (folder, photos, base)), json.dumps(sharded)],
        capture_output=True, text=True, env=environment, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    many.small("teacher", replace(sources, out=folder / "ddp" / "two"), batch=2, steps=4)
    return folder


def of_step(run: Path, step: int) -> dict[str, Tensor]:
    folder = run / "checkpoints" / f"step-{step:08d}"
    parts = ("model", "ema", "optimizer")
    return {f"{part} {name}": tensor for part in parts
            for name, tensor in load_file(folder / f"{part}.safetensors").items()}  # fmt: skip


@pytest.mark.parametrize(
    ("run", "other", "step", "most"),
    [
        ("ddp/one", "ddp/one then two", 4, 1e-6),
        ("ddp/one", "ddp/two", 4, 1e-6),  # two processes, then one
        ("fsdp/one", "ddp/student", 2, 1e-5),
        ("fsdp/one", "fsdp/two", 2, 1e-5),
        ("fsdp/one", "fsdp/one then two", 4, 1e-5),
    ],
)
def test_it_does_not_matter_how_many_processes_share_a_step(
    runs: Path, run: str, other: str, step: int, most: float
) -> None:
    first, second = of_step(runs / run, step), of_step(runs / other, step)
    assert first.keys() == second.keys() and len(first) > 50
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=most, rtol=1e-4, msg=name)


def test_a_sharded_run_in_bfloat16_keeps_its_trained_weights_in_float32(runs: Path) -> None:
    first, second = (of_step(runs / "fsdp" / run, 2) for run in ("bf16 one", "bf16"))
    assert all(tensor.dtype == torch.float32 for tensor in second.values())
    for name, tensor in first.items():
        if name.startswith("model"):  # two steps of 1e-3: bfloat16 leaves a sign of most gradients
            assert (second[name] - tensor).abs().max() <= 4.1e-3, name
            assert (second[name] - tensor).abs().mean() <= 1e-3, name


def test_a_sharded_run_leaves_a_whole_model(runs: Path) -> None:
    model = load_teacher(runs / "fsdp" / "teacher" / "model")
    trained = load_file(checkpoints(runs / "fsdp" / "teacher")[-1] / "model.safetensors")
    found = dict(model.field.named_parameters())
    weights = [name for name in trained if name.startswith("field.")]
    assert len(weights) > 20
    for name in weights:  # exported as float16
        torch.testing.assert_close(
            found[name.removeprefix("field.")].float(), trained[name], atol=1e-3, rtol=1e-3
        )


@pytest.mark.parametrize(
    ("stage", "processes", "batch", "accumulate", "goes_on"),
    [
        ("teacher", 4, 2, 1, True),
        ("teacher", 1, 4, 2, True),
        ("teacher", 4, 1, 1, False),
        ("base", 4, 2, 1, False),
    ],
)
def test_a_run_goes_on_where_a_step_takes_as_many_samples(
    mini: Callable[[Stage], Recipe],
    tmp_path: Path,
    stage: Stage,
    processes: int,
    batch: int,
    accumulate: int,
    goes_on: bool,
) -> None:
    (tmp_path / "a").write_bytes(b"1")
    origin = Origin(data=of_data([tmp_path], [tmp_path / "a"]), processes=2)

    def with_batches(batch: int, accumulate: int) -> Recipe:
        made = mini(stage)
        trainer = replace(made.trainer, batch=batch, accumulate=accumulate)
        return replace(made, trainer=trainer)

    claim(tmp_path / "run", with_batches(4, 1), origin)
    other = with_batches(batch, accumulate), replace(origin, processes=processes)
    if goes_on:
        check(tmp_path / "run", *other)
        return
    with pytest.raises(ConflictError) as refused:
        check(tmp_path / "run", *other)
    assert refused.value.exit_code == 6
    assert stage == "base" or "8 samples a step" in refused.value.remedy
