"""The paper's recipes at full size, on the meta device."""

from __future__ import annotations

import subprocess
import sys

from mfsr.training.plan import plan
from mfsr.training.recipes import mfsr_paper, teacher_tiny


def test_the_papers_student_has_the_papers_sizes() -> None:
    made = plan(mfsr_paper())
    parts = {part.name: (part.tensors, part.parameters) for part in made.trained}
    control = parts["LR stream"][1] + made.without_effect.parameters
    assert control == 350_877_696
    assert parts["LR stream"][0] + made.without_effect.tensors == 344
    # Per layer of LoRA: rank * (in + out). 283 square layers of 1536 and 94 of 1536 x 6144.
    square = sum(".ff" not in name for name in made.lora)
    assert len(made.lora) == 24 * 4 + 13 * 4 + 24 * 3 + 23 + 24 * 2 + 23 * 2
    assert parts["LoRA"][1] == 64 * (square * 2 * 1536 + (len(made.lora) - square) * 5 * 1536)
    embedder = 256 * 1536 + 1536 + 1536 * 1536 + 1536
    assert parts["end-time embedder"][1] == parts["start-time embedder"][1] == embedder
    assert made.network == 2_716_814_144 - 122_764_928 + parts["LoRA"][1] + embedder
    exact = sum(size for name, size in made.memory.items() if "float32" in name)
    assert exact == 16 * made.trained_parameters
    assert sum(made.memory.values()) < 80 * 2**30  # fits the paper's GPUs


def test_the_plan_is_readable() -> None:
    lines = plan(teacher_tiny()).lines()
    assert lines[0] == "teacher --recipe tiny"
    assert lines[-1].split()[0] == "sum"
    assert any("GiB" in line for line in lines)


def test_help_imports_no_torch() -> None:
    code = (
        "import sys; sys.argv = ['mfsr-bench', 'train', 'mfsr', '--help']\n"
        "from benchmarks.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules and 'diffusers' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--plan" in done.stdout
