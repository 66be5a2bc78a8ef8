"""A folder of results and a command are methods like any other."""

from __future__ import annotations

import sys
import textwrap
import time
import unicodedata
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from baselines.external import External, read_config
from baselines.interpolation import Bicubic, Lanczos, Nearest
from baselines.precomputed import Precomputed
from benchmarks.api.errors import ConfigError, DataError, OutputError, UsageError
from benchmarks.api.images import to_tensor, write_png
from benchmarks.api.restorer import LRBatch, LRFile, Restorer, Runtime


@pytest.fixture
def lr() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def batch(lr: np.ndarray, image: str = "x") -> LRBatch:
    return LRBatch(images=to_tensor(lr)[None], ids=(image,), seeds=(1,), dataset="set")


def load(kind: type[Restorer], argument: str = "") -> Restorer:
    return kind.load(Runtime(card=kind.card_for(argument), argument=argument))


@pytest.mark.parametrize(
    ("kind", "filter_"),
    [(Nearest, Image.NEAREST), (Bicubic, Image.BICUBIC), (Lanczos, Image.LANCZOS)],
)
def test_interpolation_is_pillows(kind: type[Restorer], filter_: int, lr: np.ndarray) -> None:
    sr = load(kind).restore(batch(lr))
    expected = np.asarray(Image.fromarray(lr).resize((64, 48), filter_))
    assert torch.equal(sr[0], to_tensor(expected))


def test_bicubic_has_the_parameter_of_the_literature() -> None:
    """An impulse, doubled, shows the kernel: a = -0.5 weighs the second neighbour by -0.0234."""
    line = np.zeros((16, 16, 3), np.uint8)
    line[:, 8] = 255
    shifted = 100 + (line * 0.5).astype(np.uint8)
    sr = load(Bicubic).restore(batch(shifted))[0, 0, 32] * 255
    step = 127

    def cubic(x: float, a: float = -0.5) -> float:
        x = abs(x)
        if x < 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0

    expected = torch.tensor([100 + step * cubic((i + 0.5) / 4 - 8.5) for i in range(64)])
    assert (sr - expected).abs().max() <= 0.51


def test_precomputed_reads_the_data_sets_folder_first(tmp_path: Path, lr: np.ndarray) -> None:
    wanted = np.full((48, 64, 3), 9, np.uint8)
    write_png(tmp_path / "x.png", np.zeros((48, 64, 3), np.uint8))
    write_png(tmp_path / "set" / "x.png", wanted)
    method = load(Precomputed, f"SUPIR v0={tmp_path}")
    assert method.runtime.card.name == "supir-v0"
    assert method.runtime.card.title == "SUPIR v0"
    assert torch.equal(method.restore(batch(lr))[0], to_tensor(wanted))
    (tmp_path / "set" / "x.png").unlink()
    method = load(Precomputed, f"SUPIR v0={tmp_path}")
    assert method.restore(batch(lr)).max() == 0


def test_precomputed_finds_results_by_content_and_by_name_however_composed(
    tmp_path: Path, lr: np.ndarray
) -> None:
    wanted = np.full((48, 64, 3), 9, np.uint8)
    name = unicodedata.normalize("NFD", "Zoë")
    Image.fromarray(wanted).save(tmp_path / f"{name}.jfif", "JPEG", quality=100)
    method = load(Precomputed, f"A={tmp_path}")
    sr = method.restore(batch(lr, unicodedata.normalize("NFC", name)))
    assert torch.equal(sr[0], to_tensor(wanted))


@pytest.mark.parametrize(
    ("form", "names", "image"),
    [
        ("", "0801x4_out 0802x4_out", "0801x4"),
        ("", "0801 0802", "0801x4"),
        ("", "Canon_1_HR Canon_2_HR", "Canon_1_LR4"),
        ("/{}_b.png", "x_a y_a x_b", "x"),
        ("/SR-{}", "SR-x SR-y x", "x"),
    ],
)
def test_precomputed_finds_results_by_endings_and_by_a_form_of_names(
    tmp_path: Path, lr: np.ndarray, form: str, names: str, image: str
) -> None:
    wanted = "x_b" if "b" in form else names.split(maxsplit=1)[0]
    for folder in ("", "set"):
        for name in names.split():
            value = 9 if name == wanted and folder else 5
            write_png(tmp_path / folder / f"{name}.png", np.full((48, 64, 3), value, np.uint8))
        if not folder:
            before = Precomputed.fingerprint(f"A={tmp_path}{form}")
    assert before != Precomputed.fingerprint(f"A={tmp_path}{form}")
    method = load(Precomputed, f"A={tmp_path}{form}")
    assert torch.equal(
        method.restore(batch(lr, image))[0], to_tensor(np.full((48, 64, 3), 9, np.uint8))
    )
    with pytest.raises(OutputError, match=r"no result for 'z'.*precomputed:NAME=DIR/\{\}_out\.png"):
        method.restore(batch(lr, "z"))


def test_precomputed_takes_no_other_images_result(tmp_path: Path, lr: np.ndarray) -> None:
    """The folder names its files in full, so what is missing is missing."""
    for name in ("Canon_1", "Canon_2_LR4", "Canon_3_LR4"):
        write_png(tmp_path / f"{name}.png", np.zeros((48, 64, 3), np.uint8))
    method = load(Precomputed, f"A={tmp_path}")
    with pytest.raises(OutputError, match="no result for 'Canon_1_LR4'"):
        method.restore(batch(lr, "Canon_1_LR4"))


def test_precomputed_failures_are_clear(tmp_path: Path, lr: np.ndarray) -> None:
    method = load(Precomputed, f"A={tmp_path}")
    with pytest.raises(OutputError, match="no result for 'x'"):
        method.restore(batch(lr))
    write_png(tmp_path / "x.png", lr)
    method = load(Precomputed, f"A={tmp_path}")
    with pytest.raises(OutputError, match=r"\(1, 3, 12, 16\) where \(1, 3, 48, 64\)"):
        method.restore(batch(lr))
    (tmp_path / "x.jpg").touch()
    method = load(Precomputed, f"A={tmp_path}")
    with pytest.raises(OutputError, match="two results"):
        method.restore(batch(lr))


@pytest.mark.parametrize("argument", ["", "A", "=x", "../A=x", "A="])
def test_precomputed_needs_a_name_and_a_folder(argument: str) -> None:
    with pytest.raises(UsageError, match="precomputed:NAME=DIR|NAME="):
        Precomputed.card_for(argument)


def test_precomputed_needs_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such folder"):
        Precomputed.card_for(f"A={tmp_path}/none")


def test_the_fingerprint_covers_all_that_is_read(tmp_path: Path, lr: np.ndarray) -> None:
    write_png(tmp_path / "elsewhere" / "x.png", lr)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "set").symlink_to(tmp_path / "elsewhere")
    before = Precomputed.fingerprint(f"A={tmp_path}/results")
    write_png(tmp_path / "elsewhere" / "x.png", lr[::-1])
    assert Precomputed.fingerprint(f"A={tmp_path}/results") != before


def test_the_fingerprint_follows_names_and_contents(tmp_path: Path, lr: np.ndarray) -> None:
    def now() -> str:
        return Precomputed.fingerprint(f"A={tmp_path}")

    write_png(tmp_path / "x.png", lr)
    first = now()
    assert now() == first
    (tmp_path / "notes.txt").touch()
    assert now() == first
    (tmp_path / "x.png").rename(tmp_path / "y.png")
    renamed = now()
    write_png(tmp_path / "y.png", lr[::-1])
    assert len({first, renamed, now()}) == 3


SCRIPT = """
    import os, sys
    from pathlib import Path
    from PIL import Image
    source, target, seed = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    assert seed.isdigit()
    for path in sorted(source.iterdir()):
        image = Image.open(path)
        if path.stem == "skipped":
            continue
        image.resize((image.width * 4, image.height * 4), 0).save(target / f"{path.stem}_out.png")
    print("all done", os.environ.get("WORD"))
    if os.environ.get("WORD") == "fail":
        print("out of luck")
        sys.exit(7)
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    (tmp_path / "infer.py").write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, "infer.py", "{input}", "{output}", "{seed}"]
    path = tmp_path / "method.toml"
    path.write_text(f'name = "My SR"\noutput = "{{id}}_out.png"\ncommand = {command!r}\n')
    return path


def begun(toml: Path, tmp_path: Path, lr: np.ndarray, names: tuple[str, ...]) -> Restorer:
    files = []
    for name in names:
        write_png(tmp_path / "lr" / f"{name}.png", lr)
        files.append(LRFile(id=name, path=tmp_path / "lr" / f"{name}.png", seed=5))
    method = load(External, str(toml))
    method.begin("set", files, seed=2**62)
    return method


def test_external_runs_once_and_its_output_is_used(
    toml: Path, tmp_path: Path, lr: np.ndarray
) -> None:
    method = begun(toml, tmp_path, lr, ("x", "a 'b\" <c>"))
    assert method.runtime.card.name == "my-sr"
    expected = np.repeat(np.repeat(lr, 4, 0), 4, 1)
    for name in ("x", "a 'b\" <c>"):
        assert torch.equal(method.restore(batch(lr, name))[0], to_tensor(expected))
    work = method._work  # type: ignore[attr-defined]
    method.close()
    assert not work.exists()


def test_external_failures_show_the_commands_last_words(
    toml: Path, tmp_path: Path, lr: np.ndarray
) -> None:
    toml.write_text(toml.read_text() + '[env]\nWORD = "fail"\n')
    method = begun(toml, tmp_path, lr, ("x", "skipped"))
    assert method.restore(batch(lr)).shape == (1, 3, 48, 64)  # what it left before it failed counts
    with pytest.raises(OutputError, match=r"no skipped_out\.png.*ended with 7: .*out of luck"):
        method.restore(batch(lr, "skipped"))
    method.close()


def test_external_commands_that_cannot_start_or_do_not_end(tmp_path: Path, lr: np.ndarray) -> None:
    missing = tmp_path / "missing.toml"
    missing.write_text('name = "M"\ncommand = ["/no/such/program", "{input}", "{output}"]\n')
    slow = tmp_path / "slow.toml"
    command = [sys.executable, "-c", "import time; time.sleep(60)", "{input}", "{output}"]
    slow.write_text(f'name = "S"\ncommand = {command!r}\ntimeout_s = 0.2\n')
    for path, says in ((missing, "cannot run /no/such/program"), (slow, r"stopped after 0\.2 s")):
        method = begun(path, tmp_path, lr, ("x",))
        with pytest.raises(OutputError, match=says):
            method.restore(batch(lr))
        method.close()


@pytest.mark.parametrize("then", ["time.sleep(60)", "pass"])
def test_what_an_external_command_started_ends_with_it(
    tmp_path: Path, lr: np.ndarray, then: str
) -> None:
    """A grandchild whose parent has ended is nobody's child any more, and still of its group."""
    noted = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        f"open({str(noted)!r}, 'w').write(str(subprocess.Popen(sleep).pid))\n"
        f"{then}\n"
    )
    command = [sys.executable, "-c", code, "{input}", "{output}"]
    path = tmp_path / "starts.toml"
    path.write_text(f"name = 'S'\ncommand = {command!r}\ntimeout_s = 3\n")
    begun(path, tmp_path, lr, ("x",)).close()
    deadline = time.monotonic() + 10
    while not (ended := _has_ended(int(noted.read_text()))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ended


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name = ", "not TOML"),
        ('name = "A"', "'command' must be"),
        ('command = ["x", "{input}", "{output}"]', "'name' must be"),
        ('name = "A"\ncommand = "x {input} {output}"', "'command' must be a list"),
        ('name = "A"\ncommand = ["x", "{input}"]', "must hold {input} and {output}"),
        ('name = "A"\ncommand = ["{input}", "{output}"]\nscale = "4"', "'scale' must be"),
        ('name = "A"\ncommand = ["{input}", "{output}"]\noutput = "x.png"', "'output' must be"),
        ('name = "A"\ncommand = ["{input}", "{output}"]\ncomand = 1', "unknown key 'comand'"),
    ],
)
def test_bad_toml_is_explained(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert says in str(error.value)


def test_external_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"external:FILE\.toml"):
        External.card_for("")
    with pytest.raises(UsageError, match="Cannot read"):
        External.card_for(str(tmp_path / "none.toml"))


def test_precomputed_says_its_steps_and_whose_it_is(tmp_path: Path) -> None:
    from benchmarks.methods import resolve

    plain, ours = (
        resolve(f"{text}={tmp_path}") for text in ("precomputed:MFSR", "precomputed@2:MFSR (ours)")
    )
    assert (plain.title, plain.steps) == ("MFSR", None)
    assert (ours.title, ours.steps, ours.key) == ("MFSR-2s (ours)", 2, "precomputed:mfsr-ours@2")
    write_png(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    restorer = ours.restorer.load(ours.runtime)
    lr = LRBatch(images=torch.zeros(1, 3, 1, 1), ids=("a",), seeds=(0,), dataset="x")
    assert restorer.restore(lr, steps=2).shape == (1, 3, 4, 4)
