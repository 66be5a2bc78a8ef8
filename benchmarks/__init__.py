"""The harness: it restores, scores and records; it judges every method alike.

The bottom layer. It imports none of `mfsr`, `baselines` and `reports`; it finds methods, data sets,
metrics and sub-commands through entry points (`benchmarks.registry`).

- `api`       the seam: all that the author of a method, metric or data set needs
- `registry`  names -> plugins
- `pairing`   images of two folders, by name
- `datasets`  the catalogue, manifests, fetching
- `metrics`   the catalogue, protocols, back ends, scoring
- `engine`    plan -> tasks -> worker processes
- `results`   the run directory, the score cache, provenance
- `cli`       the commands
"""
