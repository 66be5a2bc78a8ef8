"""All metrics of the harness, each in every convention that papers and tools use.

A convention that moves a number has its own id: `maniqa@pipal` and `maniqa@koniq` differ by 0.1,
`psnr@y601` and `psnr@yiq` by 1.32 dB. Loading this module imports nothing heavy.
"""

from __future__ import annotations

from benchmarks.metrics.catalogue_no_reference import NO_REFERENCE
from benchmarks.metrics.catalogue_reference import REFERENCE
from benchmarks.metrics.catalogue_set import SETS

METRICS = (*REFERENCE, *NO_REFERENCE, *SETS)
