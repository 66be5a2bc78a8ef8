from __future__ import annotations

import pytest
import torch
from pyiqa.archs import liqe_arch

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import to_tensor
from benchmarks.metrics.scoring import build

_METRICS = [
    "musiq@koniq",
    "musiq@ava",
    "maniqa@pipal",
    "maniqa@koniq",
    "clipiqa@rn50",
    "clipiqa@plus",
    "clipiqa@plus-rn50-512",
    "clipiqa@plus-vitl14-512",
    "liqe@koniq",
    "liqe@mix",
]


@pytest.mark.parametrize("name", _METRICS)
def test_values_are_those_of_pyiqas_own_forward_alone_and_together(
    metric, make_image, name: str
) -> None:
    built = metric(name)
    images = [make_image(224, 232, seed) for seed in (1, 2)]
    with torch.no_grad():
        expected = [built.network(to_tensor(image)[None]).item() for image in images]
    assert built.score(images, None) == expected
    assert built.score(images[1:], None) == expected[1:]
    assert expected[0] != expected[1]
    low, high = (1, 10) if name == "musiq@ava" else (1, 5) if "liqe" in name else (-100, 100)
    assert all(low <= value <= high for value in expected)


@pytest.mark.parametrize("name", ["musiq@koniq", "maniqa@pipal", "clipiqa@rn50", "liqe@koniq"])
def test_an_outer_autocast_changes_nothing(metric, make_image, name: str) -> None:
    built, image = metric(name), make_image(224, 224)
    before = built.score([image], None)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert built.score([image], None) == before
        lower = built.network(to_tensor(image)[None]).float().item()
    assert lower != before[0]


def test_maniqa_koniq_and_pipal_differ_in_more_than_weights(runtime) -> None:
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    options = {
        name: DEFAULT_CONFIGS[str(runtime(f"maniqa@{name}").spec.settings["pyiqa"])]["metric_opts"]
        for name in ("koniq", "pipal")
    }
    assert options["koniq"]["train_dataset"] == "koniq"
    assert options["koniq"]["scale"] == 0.8
    assert options["pipal"]["train_dataset"] == "pipal"
    assert "scale" not in options["pipal"]  # the constructor's 0.13


@pytest.mark.parametrize("name", ["clipiqa@rn50", "clipiqa@plus"])
def test_prompts_are_encoded_once(runtime, make_image, name: str) -> None:
    found = runtime(name)
    built = build(found.spec, store=found.weights)
    transformer = built.network.clip_model[0].transformer
    calls = []
    handle = transformer.register_forward_hook(lambda *_: calls.append(1))
    built.score([make_image(64, 64, seed) for seed in (1, 2)], None)
    built.score([make_image(64, 64, 3)], None)
    handle.remove()
    assert len(calls) == 1


def test_liqe_neither_reads_nor_writes_pyiqas_cache_of_text_features(
    runtime, monkeypatch, tmp_path, capsys
) -> None:
    monkeypatch.setattr(liqe_arch, "DEFAULT_CACHE_DIR", str(tmp_path))
    poison = torch.full((5, 32), 7.0)
    torch.save(poison, tmp_path / "liqe_text_feat.pt")
    before = (tmp_path / "liqe_text_feat.pt").read_bytes()
    found = runtime("liqe@koniq")
    capsys.readouterr()
    built = build(found.spec, store=found.weights)
    assert capsys.readouterr().out == ""
    assert not torch.equal(built.network.text_features, poison)
    assert (tmp_path / "liqe_text_feat.pt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["liqe_text_feat.pt"]


def test_a_file_of_another_network_is_refused(runtime) -> None:
    found = runtime("musiq@koniq")
    place = found.weights.require("metrics", found.spec.weights[0])
    original = place.read_bytes()
    torch.save({"something": torch.zeros(3)}, place)
    try:
        with pytest.raises(WeightsCorruptError, match="does not fit MUSIQ"):
            build(found.spec, store=found.weights)
    finally:
        place.write_bytes(original)
