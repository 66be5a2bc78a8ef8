"""The LaTeX that puts a figure into a paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.tables.latex import escape

if TYPE_CHECKING:
    from reports.figures.model import About

_TEMPLATE = r"""% \usepackage{{graphicx}}; {name}.pdf beside this file, included at its own size
\begin{{{environment}}}[t]
  \centering
  \includegraphics[width={width:.3f}in]{{{name}.pdf}}
  \caption{{{caption}}}
  \label{{fig:{name}}}
\end{{{environment}}}
"""


def snippet(about: About, *, width: float, spans: bool) -> str:
    """Return a figure environment with the caption.

    Args:
        about: the figure.
        width: its width in inches: scaled, its text would be too small.
        spans: it is as wide as two columns.
    """
    return _TEMPLATE.format(
        environment="figure*" if spans else "figure",
        name=about.name,
        width=width,
        caption=escape(about.caption),
    )
