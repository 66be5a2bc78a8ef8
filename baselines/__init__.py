"""The rivals: one module or folder each, all behind `benchmarks.api.restorer.Restorer`."""
