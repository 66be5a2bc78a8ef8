"""A folder of finished results as a method: `precomputed:NAME=DIR`.

For systems that someone else ran. `precomputed@2:MFSR (ours)=DIR` is the row "MFSR-2s (ours)".

`DIR/<data set>/<image>.<suffix>` is looked for first, then
`DIR/<image>.<suffix>`; names may have an ending that all of them share, or the form that
`precomputed:NAME=DIR/{}_out.png` gives. What is read is checked like any method's output.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from benchmarks.api.card import MethodCard
from benchmarks.api.errors import DataError, OutputError, UsageError
from benchmarks.api.folders import folder_of, look, partner
from benchmarks.api.images import read_rgb, sha256_file, show, to_tensor
from benchmarks.api.restorer import LRBatch, Restorer, Runtime

if TYPE_CHECKING:
    from torch import Tensor

_NAME = re.compile(r"\w[\w .+-]*( \([\w .+-]+\))?")
_NOT_ID = re.compile(r"[^a-z0-9._-]+")


def name_and_rest(argument: str, *, example: str) -> tuple[str, str]:
    """Split `NAME=REST`, as adapters take it.

    Raises:
        UsageError: there is no `=`, or the name cannot be a row's name.
    """
    name, equals, rest = argument.partition("=")
    if not (equals and rest and _NAME.fullmatch(name)):
        raise UsageError(
            f"'{argument}' is not NAME=..., with a name of letters and digits.", example
        )
    return name, rest


def method_id(name: str) -> str:
    """Return a name as typed by a user as a method id: lower case, no spaces."""
    return _NOT_ID.sub("-", name.lower()).strip("-._") or "unnamed"


class Precomputed(Restorer):
    """Read each result from a folder."""

    card: ClassVar[MethodCard] = MethodCard(
        name="precomputed",
        title="Precomputed",
        licence="LicenseRef-of-the-results",
        note="precomputed:NAME=DIR reads DIR/<data set>/<image>.png or DIR/<image>.png; "
        "precomputed:NAME=DIR/{}_out.png reads <image>_out.png",
    )
    computes = False
    steps_are_words = True  # those that the folder was made with

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        _, self._folder = _parse(runtime.argument)
        self._listed: dict[Path, tuple[dict[str, Path], tuple[tuple[Path, Path], ...]]] = {}

    @classmethod
    def card_for(cls, argument: str) -> MethodCard:
        """Return a card that carries the user's name for the folder."""
        from dataclasses import replace

        name, _ = _parse(argument)
        return replace(cls.card, name=method_id(name), title=name)

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Return a hash over names and contents of all images in the folder."""
        _, folder = _parse(argument)
        digest = hashlib.sha256()
        for path in sorted(path for root in _roots(folder) for path in look(root).files):
            place = path.relative_to(folder_of(folder))
            digest.update(f"{place}\0{sha256_file(path)}\n".encode())
        return digest.hexdigest()

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Return the method; images are read one by one."""
        return cls(runtime)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        found = [to_tensor(read_rgb(self._find(batch.dataset, image))) for image in batch.ids]
        sizes = {tuple(image.shape[1:]) for image in found}
        if len(sizes) > 1:
            raise OutputError(f"results of one batch have different sizes: {sorted(sizes)}")
        return torch.stack(found)

    def _find(self, dataset: str, image: str) -> Path:
        for root in (_inside(self._folder, dataset), self._folder):
            if not folder_of(root).is_dir():
                continue
            if root not in self._listed:
                self._listed[root] = look(root).by_id()
            files, taken = self._listed[root]
            name = image if image in files else partner(image, files)
            for other, first in taken:
                if first == files.get(name):
                    raise OutputError(f"two results for '{image}': {first.name}, {other.name}")
            if name:
                return files[name]
        raise OutputError(
            f"no result for '{image}' in {show(self._folder)} or its '{dataset}' (another form of "
            "names is given as precomputed:NAME=DIR/{}_out.png)"
        )


def _parse(argument: str) -> tuple[str, Path]:
    example = "Use: precomputed:NAME=DIR, for instance precomputed:SUPIR=results/supir"
    name, folder = name_and_rest(argument, example=example)
    path = Path(folder).expanduser()
    if not folder_of(path).is_dir():
        raise DataError(f"No such folder: {show(folder_of(path))}", example)
    return name, path


def _inside(folder: Path, name: str) -> Path:
    """Return a folder inside another, with the same form of names."""
    place = folder_of(folder)
    return place / name / folder.name if place != folder else folder / name


def _roots(folder: Path) -> list[Path]:
    """Return the folders that results are looked for in."""
    place = folder_of(folder)
    try:
        return [folder, *(_inside(folder, one.name) for one in place.iterdir() if one.is_dir())]
    except OSError as error:
        raise DataError(f"Cannot list {show(place)}: {error.strerror or error}.") from None
