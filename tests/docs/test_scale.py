"""The scripts of docs/scale.md: read by ShellCheck, their steps rehearsed on this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from benchmarks.results.read import read_run
from benchmarks.results.session import read_sessions

TEXT = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
ARRAY, RAY = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from benchmarks.cli.app import main; main()"
)
# What a cluster has and this machine has not.
COMMANDS = {
    "mfsr-bench": f"exec {sys.executable} -P -c '{PROGRAM}' \"$@\"",
    "python": f'exec {sys.executable} "$@"',
    "scontrol": "echo 127.0.0.1; echo 127.0.0.1",
    "srun": 'while [ "$1" != ray ]; do shift; done; exec "$@"',
    "ray": f'exec {sys.executable} -m ray.scripts.scripts "$@" --num-cpus=1'
    " --object-store-memory=100000000 --include-dashboard=false",
}
CONFIG = 'methods = ["nearest", "lanczos"]\ndatasets = ["sample"]\nmetrics = ["psnr@y601"]\n'


@pytest.mark.parametrize("script", [ARRAY, RAY], ids=["array", "ray"])
def test_shellcheck_finds_nothing(script: str, tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("ShellCheck is not installed")
    path = tmp_path / "job.sh"
    path.write_text(script)
    done = subprocess.run(["shellcheck", path], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the commands of a cluster."""
    for name, text in COMMANDS.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(CONFIG)
    return tmp_path


def sh(script: str, *arguments: str, **env: str) -> None:
    running = subprocess.Popen(
        ["bash", "-c", script, "job", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "RAY_raylet_start_wait_time_s": "120", **env},
        start_new_session=True,
    )
    try:
        said, _ = running.communicate(timeout=300)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 0, said


@pytest.mark.ray
def test_the_array_and_its_merge(site: Path) -> None:
    for task in ("1", "2"):
        sh(ARRAY, "run.toml", "runs", SLURM_ARRAY_TASK_ID=task, PARTS="2")
    merge = re.search(r"--wrap '(mfsr-bench merge [^']*)'", TEXT)
    assert merge
    sh(merge[1])
    assert len(read_run(site / "runs" / "table").images) == 16


@pytest.mark.ray
def test_ray_on_slurm(site: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    before = {process.pid for process in psutil.process_iter()}
    sh(RAY, "run.toml", "runs/table", SLURM_JOB_NODELIST="n[1-2]", PORT="26379")
    assert len(read_run(site / "runs" / "table").images) == 16
    (session,) = read_sessions(site / "runs" / "table")
    assert len(session["nodes"]) == 2
    sh("mfsr-bench run --config run.toml --out runs/here")
    for name in ("images.csv", "scores.csv", "failures.csv"):
        here, there = (site / "runs" / run / name for run in ("here", "table"))
        assert here.read_bytes() == there.read_bytes()
    ended = [one for one in psutil.process_iter(["name"]) if one.pid not in before]
    _, alive = psutil.wait_procs([one for one in ended if one.info["name"] == "raylet"], timeout=20)
    assert not alive
