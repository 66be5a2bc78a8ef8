"""Figures for papers: what is in them as data, and how that is drawn.

- `model`          what all figures share: a name, a caption, notes
- `looks`          colour, marker and dashes of each method, the same in every figure of a run
- `families`       methods that differ in their number of steps alone
- `values`         the means that figures draw, and what is missing of them
- `points`         methods as points between two quantities
- `steps`          a metric against sampling steps
- `scatter`        perception against distortion
- `pareto`         quality against latency, and the front
- `distributions`  the values per image behind the means
- `grid`           the same place as every method restored it
- `places`         where that is: by hand, or where methods disagree most
- `latency`        seconds per image, from a run or from `bench.json`
- `latex`          the LaTeX that puts a figure into a paper
- `drawing`        the only room that knows matplotlib
"""
