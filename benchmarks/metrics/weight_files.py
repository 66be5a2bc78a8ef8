"""The weight files of the metrics. Several metrics share a file, so each is described once.

The sha256 of pyiqa's files are those of its Hugging Face repository; where only a file's name is
known, its last eight digits are the first of the hash, as in torch's own files.
"""

from __future__ import annotations

from benchmarks.api.card import HubFile, WeightFile

_PYIQA = "chaofengc/IQA-PyTorch-Weights"
_PYIQA_LICENCE = "CC-BY-NC-SA-4.0"  # of that repository; the originals' licences are in the notes


def _pyiqa(
    name: str,
    *,
    original: str,
    sha256: str = "",
    sha256_prefix: str = "",
    size: int = 0,
    about: int = 0,
) -> WeightFile:
    return WeightFile(
        name=name,
        licence=_PYIQA_LICENCE,
        hub=HubFile(repo=_PYIQA, filename=name),
        sha256=sha256,
        sha256_prefix=sha256_prefix,
        bytes=size,
        about_bytes=about,
        caches=(f"torch:pyiqa/{name}",),
        note=f"Original: {original}",
    )


NIQE = _pyiqa(
    "niqe_modelparameters.mat",
    original="Laboratory for Image and Video Engineering, University of Texas, for research",
    about=11_000,
)
NIQE_MATLAB = _pyiqa(
    "niqe_matlab_params.mat",
    original="MATLAB Image Processing Toolbox",
    about=11_000,
)
