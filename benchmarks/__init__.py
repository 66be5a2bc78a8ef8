"""The harness: it restores, scores and records; it judges every method alike.

The bottom layer. It imports none of `mfsr`, `baselines` and `reports`; it finds methods, data sets,
metrics and sub-commands through entry points (`benchmarks.registry`).

- `api`       the seam: all that the author of a method, metric or data set needs
- `registry`  names -> plugins
- `datasets`  the catalogue, manifests, fetching
- `metrics`   the catalogue, protocols, back ends, scoring
- `request`   what is asked for; `settle` makes a plan of it
- `engine`    a plan carried out in worker processes
- `results`   the run directory, the score cache, provenance
- `cli`       the commands

From Python: `import benchmarks as mb`, then `mb.load`, `mb.metric`, `mb.run`, `mb.score` and
`mb.Results` (docs/python.md). Nothing is imported before one of them is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.door.loaded import load, metric
    from benchmarks.door.runs import Results, run, score

__all__ = ["Results", "load", "metric", "run", "score"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'benchmarks' has no attribute {name!r}")
    from benchmarks.door import loaded, runs

    return getattr(loaded if name in ("load", "metric") else runs, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
