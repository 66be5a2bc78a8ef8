"""`mfsr-bench study`: a user study from the packet to the figure."""

from __future__ import annotations

from benchmarks.commands import group

app = group(
    "commands.study",
    help="A user study: build, serve, ingest, analyse; power before anyone is asked.",
)
