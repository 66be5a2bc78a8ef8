"""Where the harness keeps what belongs to a user. Nothing is created by asking.

| variable           | default                         | holds                                  |
|--------------------|---------------------------------|----------------------------------------|
| `MFSR_BENCH_HOME`  | the platform's user data folder | `weights/`, `datasets/`                |
| `MFSR_BENCH_CACHE` | the platform's user cache folder| score cache, hashes, measured speeds   |
"""

from __future__ import annotations

import os
from pathlib import Path

_APP = "mfsr-bench"
SIDECAR = ".source.json"  # after the name of a weight file out of a package: where it came from


def home() -> Path:
    """Return the folder of weights and data sets."""
    given = os.environ.get("MFSR_BENCH_HOME")
    if given:
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir(_APP, appauthor=False))


def cache() -> Path:
    """Return the folder of what can be computed again."""
    given = os.environ.get("MFSR_BENCH_CACHE")
    if given:
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir(_APP, appauthor=False))


def weights() -> Path:
    """Return the folder of weights, one sub-folder per owner (a method, or `metrics`)."""
    return home() / "weights"


def datasets() -> Path:
    """Return the folder of data sets, one sub-folder per id, each with `lr/` and `hr/`."""
    return home() / "datasets"


def torch_hub() -> Path:
    """Return torch's hub folder as torch itself finds it, without importing torch."""
    root = os.environ.get("TORCH_HOME")
    if not root:
        root = str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch")
    return Path(root).expanduser() / "hub"


def shared_cache(place: str) -> Path:
    """Return the path of a `WeightFile.caches` entry: `torch:<below hub>` or `home:<below ~>`."""
    kind, _, rest = place.partition(":")
    roots = {"torch": torch_hub(), "home": Path.home()}
    return roots[kind] / rest
