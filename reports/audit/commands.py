"""LaTeX commands that tables are made of, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.audit.grid import Styles


def _each(names: str, style: str) -> dict[str, Styles]:
    return dict.fromkeys(names.split(), frozenset([style]))


# Commands that set their argument in a style. The ranks are what authors call their own macros;
# where a paper defines `\best`, its name counts and not what it is set in.
STYLES: Mapping[str, Styles] = {
    **_each("textbf mathbf boldsymbol bm pmb textbold", "bold"),
    **_each("textit emph mathit textsl", "italic"),
    **_each("underline uline ul underbar", "underline"),
    **_each("uuline", "double underline"),
    **_each("uwave", "wavy underline"),
    **_each("dashuline dotuline", "dashed underline"),
    **_each("fbox framebox boxed", "frame"),
    **_each("hl", "highlight"),
    **_each("sout st", "strike"),
    **_each("best fst firstbest", "best"),
    **_each("snd secondbest", "second"),
    **_each("trd thirdbest", "third"),
    **_each("first", "best"),
    **_each("second", "second"),
    **_each("third", "third"),
}
# Commands that switch to a style, up to the end of their group.
SWITCHES: Mapping[str, Styles] = {
    **_each("bf bfseries boldmath", "bold"),
    **_each("it itshape em sl slshape", "italic"),
}
SYMBOLS: Mapping[str, str] = {
    "uparrow": "↑", "downarrow": "↓", "Uparrow": "↑", "Downarrow": "↓", "pm": "±", "times": "×",
    "dag": "†", "dagger": "†", "textdagger": "†", "ddag": "‡", "ddagger": "‡", "ast": "*",
    "star": "⋆", "textasteriskcentered": "*", "textasciitilde": "~", "textbackslash": "\\",
    "textless": "<", "textgreater": ">", "textbar": "|", "textasciicircum": "^", "quad": " ",
    "qquad": " ", "sim": "~", "approx": "≈", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥",
    "lt": "<", "gt": ">", "infty": "∞", "cdot": "·", "rightarrow": "→", "to": "→",
    "blacktriangle": "▲", "blacktriangledown": "▼", "triangle": "△", "triangledown": "▽",
    "checkmark": "✓", "cmark": "✓", "Checkmark": "✓", "xmark": "✗", "XSolidBrush": "✗",
    "textendash": "–", "textemdash": "—", "ldots": "...", "dots": "...", "slash": "/",
    "textdownarrow": "↓", "textuparrow": "↑", "percent": "%", "space": " ", "newline": " ",
    "S": "§", "P": "¶",
}  # fmt: skip
_READ = """
    text mathrm textrm mbox hbox ensuremath textnormal textsc textsf texttt mathsf mathtt makecell
    thead shortstack num tablenum operatorname mathcal adjustbox textup textmd mathbb mathnormal
    makebox centerline llap smash clap textsmaller textlarger
"""
_LEFT_OUT = """
    cite citep citet citealp citeauthor citeyear ref eqref autoref cref Cref label footnote
    footnotemark tablefootnote footnotetext thanks tnote hspace vspace phantom hphantom vphantom
    arrayrulecolor rlap textsubscript pagestyle vskip includegraphics rowcolor columncolor
    hypertarget cline SetRow linespread ding
"""
_NOTHING = """
    tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge centering raggedright
    raggedleft rm rmfamily sf sffamily tt ttfamily normalfont selectfont mdseries upshape
    displaystyle textstyle scriptstyle left right big Big bigl bigr hfill xspace protect relax
    noindent strut mathstrut unskip ignorespaces linebreak arraybackslash leavevmode
    tabularnewline par toprule midrule bottomrule hline nolinebreak allowbreak null
    endfirsthead endhead endfoot endlastfoot
"""


def _all(names: str, form: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), form)


# What the arguments of commands are: `+` text of the cell, `-` none of it, `?` one in brackets.
ARGUMENTS: Mapping[str, str] = {
    **_all(_READ, "+"),
    **_all(_LEFT_OUT, "-"),
    **_all("scalebox raisebox rotatebox parbox href tabincell hyperref", "-?+"),
    **_all("SI qty", "+-"),
    **_all("fontsize setlength addtolength renewcommand setcounter cmidrule", "--"),
    **_all("resizebox", "--+"),
}
NOTHING = frozenset(_NOTHING.split())  # commands that neither print nor mark anything
SCRIPTS = ("textsuperscript", "textsuperior")
TABULARS = ("tabular", "array", "tblr", "talltblr", "longtblr", "longtable", "tabularx", "tabulary",
            "NiceTabular", "NiceTabularX", "supertabular", "xltabular", "tabu", "longtabu",
            "deluxetable")  # fmt: skip
