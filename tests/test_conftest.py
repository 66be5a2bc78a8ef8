"""What the suite says of itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


class Terminal:
    """Collects what is written to it."""

    def __init__(self, *reasons: str) -> None:
        reports = [SimpleNamespace(longrepr=("test.py", 1, f"Skipped: {why}")) for why in reasons]
        self.stats = {"skipped": reports} if reports else {}
        self.lines: list[str] = []

    def write_line(self, line: str, **looks: object) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    ("reasons", "lines"),
    [
        ((), []),
        (
            ("no lathe", "no oil; none", "no lathe"),
            ["Not tested here: no lathe (2); no oil; none (1)"],
        ),
    ],
)
def test_what_was_skipped_and_why_is_one_line(
    reasons: tuple[str, ...], lines: list[str], pytestconfig: pytest.Config
) -> None:
    terminal = Terminal(*reasons)
    (ours,) = (
        plugin
        for plugin in pytestconfig.pluginmanager.get_plugins()
        if str(getattr(plugin, "__file__", "")).endswith("tests/conftest.py")
    )
    ours.pytest_terminal_summary(terminal)
    assert terminal.lines == lines
