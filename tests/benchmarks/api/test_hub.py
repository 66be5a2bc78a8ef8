"""What the hub's library raises, raised by itself: it talks to a server on this machine."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import web

from benchmarks.api import hub
from benchmarks.api.errors import ResourceError, WeightsMissingError

GATED = {"X-Error-Code": "GatedRepo"}
NO_REPOSITORY = {"X-Error-Code": "RepoNotFound"}
# name: (status, headers, token) and (kind of error, cause, remedy)
CASES: dict[str, tuple[int, dict[str, str], str, str, str, str]] = {
    "nobody": (
        401,
        {},
        "",
        "Gated",
        "private or does not exist",
        "if you can see it, run: hf auth",
    ),
    "expired": (401, {}, "hf_old", "Gated", "token is wrong or has expired", "settings/tokens"),
    "to-sign-in": (
        401,
        GATED,
        "",
        "Gated",
        "licence has to be accepted",
        "then run: hf auth login",
    ),
    "to-accept": (403, GATED, "hf_x", "Gated", "licence has to be", "the account of your token"),
    "not-allowed": (403, {}, "hf_x", "Gated", "token may not read it", "settings/tokens"),
    "no-repository": (
        404,
        NO_REPOSITORY,
        "hf_x",
        "Missing",
        "is not there",
        "huggingface.co/a/no-",
    ),
    "no-file": (
        404,
        {"X-Error-Code": "EntryNotFound"},
        "",
        "Missing",
        "is not there",
        "Look for it",
    ),
    "busy": (429, {"Retry-After": "33"}, "", "Missing", "too many requests", "Wait 33 seconds"),
    "down": (503, {}, "hf_x", "Missing", "out of order", "Nothing is wrong on this machine"),
}
# The library waits between its own tries.
SCRIPT = """
import json, os, sys, time
time.sleep = lambda seconds: None
from benchmarks.api import hub
for name, token in json.loads(sys.argv[1]).items():
    os.environ["HF_TOKEN"] = token
    try:
        hub.fetch_file(f"a/{name}", "w.safetensors")
    except Exception as error:
        print(json.dumps([name, type(error).__name__, str(error)]))
"""


def test_each_refusal_has_its_own_meaning_and_remedy(tmp_path: Path) -> None:
    with web.serve() as site:
        for name, (status, headers, *_) in CASES.items():
            site.refusals[f"a/{name}/resolve/main/w.safetensors"] = status, headers
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps({n: c[2] for n, c in CASES.items()})],
            env={**os.environ, "HF_ENDPOINT": site.url, "HF_HOME": str(tmp_path)}
            | {"HF_HUB_OFFLINE": "0", "NO_PROXY": "*", "HF_HUB_DISABLE_TELEMETRY": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    found = {name: rest for name, *rest in map(json.loads, done.stdout.splitlines())}
    assert list(found) == list(CASES)
    for name, (status, _, _, kind, cause, remedy) in CASES.items():
        assert found[name][0] == f"Weights{kind}Error"
        first, second = found[name][1].split("\n")
        assert first.startswith(f"Cannot download w.safetensors of a/{name}: {status}: ")
        assert cause in first
        assert remedy in second


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_is_no_fault_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(code, os.strerror(code), "/hub/blobs/x")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", full)
    monkeypatch.setattr(hub.reach, "is_silent", lambda _: False)
    with pytest.raises(ResourceError, match=os.strerror(code)):
        hub.fetch_file("a/b", "w.pth")


def test_offline_says_which_switch_it_is() -> None:
    with pytest.raises(WeightsMissingError, match="HF_HUB_OFFLINE is set") as caught:
        hub.fetch_file("a/b", "w.pth")
    assert caught.value.remedy.startswith("Unset HF_HUB_OFFLINE")


def test_without_a_connection_the_hub_is_tried_once_for_all_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def refuse(address: tuple[str, int], timeout: float) -> None:
        tried.append(address)
        raise OSError

    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.example")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub.reach, "getproxies", dict)
    monkeypatch.setattr(hub.reach.socket, "create_connection", refuse)
    for name in ("a.bin", "b.bin"):
        with pytest.raises(WeightsMissingError, match=f"{name} of x/y: no connection"):
            hub.fetch_file("x/y", name)
    assert tried == [("hub.example", 443)]
