"""pip's configuration is what pip says it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.api.packages import settings as module
from benchmarks.api.packages.settings import parse, read_settings


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def test_without_configuration_it_is_the_public_index() -> None:
    assert read_settings().indexes == ("https://pypi.org/simple/",)


def test_a_configuration_file_is_honoured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text(
        "[global]\nindex-url = https://mirror.example/simple\ncert = /a/ca.pem\n"
        "extra-index-url =\n  https://one.example/simple\n  https://two.example/simple\n"
        "trusted-host = one.example\n[download]\nproxy = http://proxy.example:3128\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    found = read_settings()
    assert found.indexes == (
        "https://mirror.example/simple",
        "https://one.example/simple",
        "https://two.example/simple",
    )
    assert (found.certificates, found.proxy) == ("/a/ca.pem", "http://proxy.example:3128")
    assert found.trusts("https://one.example/simple")
    assert not found.trusts("https://two.example/simple")


@pytest.mark.parametrize("with_pip", [True, False])
def test_variables_win(monkeypatch: pytest.MonkeyPatch, with_pip: bool) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@mine.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a.example/simple https://b.example/simple")
    if not with_pip:
        monkeypatch.setattr(module, "_asked", dict)
    assert read_settings().indexes == (
        "https://user:secret@mine.example/simple",
        "https://a.example/simple",
        "https://b.example/simple",
    )


def test_no_index_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert read_settings().indexes == ()


def test_sections_override_as_pip_overrides() -> None:
    answer = (
        ":env:.cert='/env.pem'\nglobal.cert='/global.pem'\n"
        "download.index-url='https://d'\nglobal.index-url='https://g'\nfreeze.index-url='https://f'\n"
    )
    assert parse(answer) == {"cert": "/env.pem", "index-url": "https://d"}
