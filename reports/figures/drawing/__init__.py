"""Figures as matplotlib draws them.

- `style`    sizes, fonts, and what all panels have
- `files`    a drawn figure as PNG, PDF or SVG, the same bytes every time
- the rest   one module per kind of figure, named after its data
"""
