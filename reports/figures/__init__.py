"""Figures for papers: what is in them as data, and how that is drawn.

- `model`          what all figures share: a name, a caption, notes
- `looks`          colour, marker and dashes of each method, the same in every figure of a run
- `families`       methods that differ in their number of steps alone
- `steps`          a metric against sampling steps
- `latex`          the LaTeX that puts a figure into a paper
- `drawing`        the only room that knows matplotlib
"""
