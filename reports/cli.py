"""`mfsr-bench report`: what a run found, for people and for papers."""

from __future__ import annotations

from benchmarks.commands import group

app = group("commands.report", help="Tables, figures and pages of finished and unfinished runs.")
