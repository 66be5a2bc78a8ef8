"""The program from Python: what `import benchmarks as mb` offers. docs/python.md shows it at work.

- `images`   images of several kinds, and the same kind out again
- `loaded`   methods and metrics as functions: `load`, `metric`
- `runs`     runs and scores as data frames: `run`, `score`, `Results`
"""
