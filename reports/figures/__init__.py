"""Figures for papers: what is in them as data, and how that is drawn.

- `model`          what all figures share: widths, a caption, notes, the means that are drawn
- `looks`          colour, marker and dashes of each method, the same in every figure of a run
- `points`         methods as points between two quantities; perception against distortion
- `curve`          two metrics over one option of a method
- `pareto`         quality against latency, and the front
- `steps`          a metric against sampling steps
- `distributions`  the values per image behind the means
- `grid`           the same place as every method restored it
- `places`         where that is: by hand, or where methods disagree most
- `drawing`        the only room that knows matplotlib
"""
