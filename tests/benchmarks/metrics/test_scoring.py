from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import registry
from benchmarks.api.errors import PluginError, WeightsMissingError
from benchmarks.api.images import write_png
from benchmarks.api.metric import MetricRuntime, MetricSpec, SampleMetric, SetMetric
from benchmarks.metrics import scoring
from benchmarks.metrics.scoring import ScoreFailure, Scorer

_LIGHT = ("psnr@y601", "ssim@y601", "niqe@pyiqa")


class _Gives(SampleMetric):
    def __init__(self, value: float) -> None:
        self.value = value

    def score(self, srs, reference):
        if self.value < 0:
            raise RuntimeError("the network\nfell over")
        return [self.value for _ in srs]


class _MeanColour(SetMetric):
    def features(self, images):
        return np.stack([image.mean((0, 1)) for image in images]).astype(np.float32)

    def distance(self, sr, hr):
        return float(np.abs(sr.mean(0) - hr.mean(0)).sum())


def load_nan(runtime: MetricRuntime) -> _Gives:
    return _Gives(float("nan"))


def load_broken(runtime: MetricRuntime) -> _Gives:
    return _Gives(-1)


def load_set(runtime: MetricRuntime) -> _MeanColour:
    return _MeanColour()


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "fake_metrics", sys.modules[__name__])

    def make(metric: str, loader: str, **more) -> MetricSpec:
        return MetricSpec(
            id=metric,
            title="Fake",
            higher_is_better=True,
            needs_reference=more.pop("needs_reference", False),
            definition="A fake.",
            loader=f"fake_metrics:{loader}",
            **more,
        )

    return make


@pytest.fixture
def light() -> list[MetricSpec]:
    specs = registry.metric_specs()
    return [specs[metric] for metric in _LIGHT]


@pytest.fixture
def files(tmp_path: Path, make_image, degrade) -> dict[str, Path]:
    hr = make_image(192, 200, 5)
    for name, image in {"hr": hr, "a": degrade(hr, 1), "b": degrade(hr, 2)}.items():
        write_png(tmp_path / f"{name}.png", image)
    return {name: tmp_path / f"{name}.png" for name in ("hr", "a", "b")}


def test_every_method_gets_every_metric(light, files) -> None:
    scores = Scorer(light).score_image({"a": files["a"], "b": files["b"]}, files["hr"])
    assert set(scores) == {(method, metric) for method in "ab" for metric in _LIGHT}
    assert all(isinstance(value, float) for value in scores.values())


def test_methods_score_together_as_alone(light, files) -> None:
    together = Scorer(light).score_image({"a": files["a"], "b": files["b"]}, files["hr"])
    alone = Scorer(light).score_image({"b": files["b"]}, files["hr"])
    assert alone.items() <= together.items()


def test_without_hr_only_no_reference_metrics_are_scored(light, files) -> None:
    assert set(Scorer(light).score_image({"a": files["a"]})) == {("a", "niqe@pyiqa")}


def test_known_scores_are_not_computed_again(light, files, monkeypatch) -> None:
    known = {("a", metric) for metric in _LIGHT}
    monkeypatch.setattr(scoring, "read_rgb", None)  # reading anything would fail
    assert Scorer(light).score_image({"a": files["a"]}, files["hr"], known=known) == {}


def test_each_file_is_decoded_once(light, files, monkeypatch) -> None:
    read = []
    original = scoring.read_rgb
    monkeypatch.setattr(scoring, "read_rgb", lambda path: read.append(path) or original(path))
    Scorer(light).score_image({"a": files["a"], "b": files["b"]}, files["hr"])
    assert sorted(read) == sorted(files.values())


def test_hr_is_prepared_once(light, files, monkeypatch) -> None:
    from benchmarks.metrics.ssim import Ssim

    prepared = []
    original = Ssim.prepare
    monkeypatch.setattr(
        Ssim, "prepare", lambda self, image: prepared.append(image) or original(self, image)
    )
    Scorer(light[1:2]).score_image({"a": files["a"], "b": files["b"]}, files["hr"])
    assert len(prepared) == 3  # HR once, and each SR


def test_an_unreadable_sr_costs_that_method_alone(light, files) -> None:
    files["a"].write_bytes(files["a"].read_bytes()[:200])
    scores = Scorer(light).score_image({"a": files["a"], "b": files["b"]}, files["hr"])
    for metric in _LIGHT:
        assert isinstance(scores["b", metric], float)
        failure = scores["a", metric]
        assert isinstance(failure, ScoreFailure)
        assert failure.error == "ImageError"
        assert "a.png" in failure.cause


def test_an_unreadable_hr_costs_the_reference_metrics_alone(light, files) -> None:
    files["hr"].unlink()
    scores = Scorer(light).score_image({"a": files["a"]}, files["hr"])
    assert isinstance(scores["a", "niqe@pyiqa"], float)
    assert "hr.png" in scores["a", "psnr@y601"].cause


def test_another_size_than_hr_costs_the_reference_metrics_alone(light, files, make_image) -> None:
    write_png(files["a"], make_image(192, 198))
    scores = Scorer(light).score_image({"a": files["a"]}, files["hr"])
    assert isinstance(scores["a", "niqe@pyiqa"], float)
    assert scores["a", "ssim@y601"].cause == "SR is 198 x 192 where HR is 200 x 192."


def test_a_small_image_fails_where_the_metric_needs_more(light, files, make_image) -> None:
    for name in ("hr", "a"):
        write_png(files[name], make_image(12, 200))
    scores = Scorer(light).score_image({"a": files["a"]}, files["hr"])
    assert isinstance(scores["a", "ssim@y601"], float)
    assert "needs 96 pixels per side" in scores["a", "niqe@pyiqa"].cause


def test_one_pixel_has_a_psnr_and_nothing_else(light, files) -> None:
    for name in ("hr", "a"):
        write_png(files[name], np.zeros((1, 1, 3), dtype=np.uint8))
    scores = Scorer(light).score_image({"a": files["a"]}, files["hr"])
    assert scores["a", "psnr@y601"] == pytest.approx(80.0)
    assert isinstance(scores["a", "ssim@y601"], ScoreFailure)


def test_a_flat_image_loses_niqe_alone(light, files) -> None:
    for name in ("hr", "a"):
        write_png(files[name], np.full((192, 200, 3), 9, dtype=np.uint8))
    scores = Scorer(light).score_image({"a": files["a"]}, files["hr"])
    assert scores["a", "psnr@y601"] == pytest.approx(80.0)
    assert scores["a", "niqe@pyiqa"].error == "ScoreError"


def test_nan_and_exceptions_are_failures_with_their_cause(spec, files) -> None:
    specs = [spec("nan@fake", "load_nan"), spec("broken@fake", "load_broken")]
    scores = Scorer(specs).score_image({"a": files["a"]})
    assert scores["a", "nan@fake"] == ScoreFailure("ScoreError", "nan@fake gave nan.")
    assert scores["a", "broken@fake"] == ScoreFailure("RuntimeError", "the network")


def test_missing_weights_stop_everything(files) -> None:
    niqe = [registry.metric_specs()["niqe@matlab"]]
    with pytest.raises(WeightsMissingError, match=r"niqe_matlab_params\.mat"):
        Scorer(niqe).load()
    with pytest.raises(WeightsMissingError):
        Scorer(niqe).score_image({"a": files["a"]})


def test_a_metric_whose_code_is_missing_is_named(spec) -> None:
    for loader in ("nothing", "load_nan"):
        wrong = spec("gone@fake", loader)
        object.__setattr__(wrong, "loader", f"no_such_module:{loader}")
        with pytest.raises(PluginError, match="gone@fake"):
            Scorer([wrong]).load()


def test_set_metrics_give_features_and_a_distance(spec, files) -> None:
    scorer = Scorer([spec("mean@fake", "load_set", level="set", needs_reference=True)])
    a, hr = (scorer.features("mean@fake", files[name]) for name in ("a", "hr"))
    assert a.shape == (3,)
    assert scorer.distance("mean@fake", a[None], hr[None]) == pytest.approx(np.abs(a - hr).sum())
    assert scorer.score_image({"a": files["a"]}, files["hr"]) == {}


def test_features_of_an_unreadable_image_are_a_failure(spec, tmp_path: Path) -> None:
    scorer = Scorer([spec("mean@fake", "load_set", level="set")])
    assert isinstance(scorer.features("mean@fake", tmp_path / "none.png"), ScoreFailure)


def test_light_metrics_never_import_torch(light, files) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from benchmarks import registry\n"
        "from benchmarks.metrics.scoring import Scorer, ScoreFailure\n"
        "specs = [s for s in registry.metric_specs().values() if s.light]\n"
        "specs = [s for s in specs if s.id != 'niqe@matlab']\n"
        "a, hr = map(Path, sys.argv[1:])\n"
        "scores = Scorer(specs).score_image({'a': a}, hr)\n"
        "assert len(scores) == len(specs) > 15, scores\n"
        "assert not any(isinstance(v, ScoreFailure) for v in scores.values()), scores\n"
        "print(*({'torch', 'pyiqa', 'torchvision', 'torchmetrics'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", script, files["a"], files["hr"]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
