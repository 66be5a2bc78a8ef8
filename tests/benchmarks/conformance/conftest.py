"""A log as OSEDiff writes it, made by hand."""

from __future__ import annotations

import pytest

LOG = """\
24-10-23 17:28:54.191 - INFO: ===== Configuration =====
24-10-23 17:28:54.191 - INFO:   inp_imgs: ['preset/datasets/benchmark_realsr/results_osediff']
  gt_imgs: ['preset/datasets/benchmark_realsr/test_HR']
24-10-23 17:28:55.254 - INFO: results_osediff/a.png | PSNR: 25.500000; NIQE: 5.250000 | \
Runtime: 1.06 sec
24-10-23 17:28:55.665 - INFO: results_osediff/b c.png | PSNR: 24.000000; NIQE: 6.000000 | \
Runtime: 0.41 sec
24-10-23 17:29:51.394 - INFO: \n\
===== Average Metrics for [results_osediff] =====
PSNR: 24.7500; NIQE: 5.6250 | FID: 123.493817 | FID Runtime: 6.79 sec

24-10-23 17:29:51.394 - INFO: ===== Evaluation Completed =====
"""


@pytest.fixture
def log_text() -> str:
    """A log of two images."""
    return LOG
