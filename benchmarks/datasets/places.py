"""From what the user writes to the folders it means. Nothing is read from the disk here.

| written                | means                                                                |
|------------------------|----------------------------------------------------------------------|
| `realsr`               | the registered set of that id, in `<home>/datasets/realsr/{lr,hr}`   |
| `folder:LR`            | the images of a folder, without references                           |
| `folder:LR,HR`         | the images of two folders, paired by name                            |
| `folder:LR::HR`        | the same, where a path holds a comma (`folder:LR::` for LR alone)    |
| `folder:NAME=LR,HR`    | the same under a name of its own; without one it is `folder-<LR>`    |
| `folder:LR/{}x4.png,HR/{}.png` | the same, of files that are named so                         |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks import registry
from benchmarks.api import paths
from benchmarks.api.card import NAME
from benchmarks.api.dataset import DatasetCard, Side
from benchmarks.api.errors import ConfigError, DataError
from benchmarks.api.folders import folder_of
from benchmarks.api.images import show
from benchmarks.api.names import unknown

FOLDER = "folder:"
REINSTALL = "It is a part of mfsr-bench: install that again."
_FORM = "Write folder:LR, folder:LR,HR or, where a path holds a comma, folder:LR::HR."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A data set and the folders that it lies in, whether they are there or not."""

    card: DatasetCard
    root: Path
    lr: Path
    hr: Path | None

    @property
    def is_there(self) -> bool:
        """Return whether the folders of the set are on this machine, in part or whole."""
        return folder_of(self.lr).is_dir() and (self.hr is None or folder_of(self.hr).is_dir())

    def side(self, side: Side) -> Path:
        """Return the folder of one side, which the set must have."""
        folder = self.lr if side == "lr" else self.hr
        assert folder is not None
        return folder


def locate(spec: str) -> Place:
    """Return the place that a spec means.

    Raises:
        UnknownNameError: no set of that id is registered.
        ConfigError: a `folder:` spec is malformed.
    """
    if spec.startswith(FOLDER):
        return _folder(spec)
    cards = registry.dataset_cards()
    if spec not in cards:
        raise unknown("data set", spec, cards, see="mfsr-bench list datasets")
    return of_card(cards[spec])


def of_card(card: DatasetCard) -> Place:
    """Return where the set of a card belongs; a built-in one lies in this package."""
    home = Path(__file__).parent if card.kind == "built-in" else paths.datasets()
    root = home / card.id
    return Place(
        card=card, root=root, lr=root / "lr", hr=root / "hr" if card.has_reference else None
    )


def _folder(spec: str) -> Place:
    text = spec.removeprefix(FOLDER)
    name, equals, rest = text.partition("=")
    if equals and NAME.fullmatch(name):
        text = rest
        if name in registry.dataset_cards():
            raise ConfigError(
                f"'{name}' in {spec!r} is the name of a registered data set.", "Choose another."
            )
    else:
        name = ""
    parts = text.split("::") if "::" in text else text.split(",")
    if len(parts) > 2 or not parts[0]:
        raise ConfigError(f"Cannot read {spec!r} as one or two folders.", _FORM)
    lr = Path(parts[0]).expanduser()
    hr = Path(parts[1]).expanduser() if len(parts) == 2 and parts[1] else None
    identity = name or f"folder-{_slug(folder_of(lr))}"
    card = DatasetCard(
        id=identity, title=identity, n=0, has_reference=hr is not None, kind="folder"
    )
    return Place(card=card, root=folder_of(lr).parent, lr=lr, hr=hr)


def _slug(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.absolute().name.lower())
    return name.strip("-._") or "images"


def missing(place: Place, note: str = "") -> DataError:
    """Return the error that says how to get a set that is not on this machine.

    Args:
        place: the set.
        note: what its folders hold instead.
    """
    card = place.card
    if card.kind == "folder":
        instead = f" ({note})" if note else ""
        what = f"No images in {show(place.lr)}{instead}."
        return DataError(what, "Give the folder that holds them.")
    if card.kind == "built-in":
        return DataError(f"Data set '{card.id}' is not in {show(place.root)}.", REINSTALL)
    size = f", {card.sources[0].bytes / 1e6:.0f} MB" if card.sources[0].bytes else ""
    what = f"Data set '{card.id}' is missing at {show(place.root)} (licence: {card.licence}{size})."
    if card.kind == "made":
        return DataError(
            what,
            f"Run: mfsr-bench datasets fetch {card.id} (or, with the originals at hand: "
            f"mfsr-bench datasets make {card.id} --hr DIR)",
        )
    if any(not source.page for source in card.sources):
        return DataError(what, f"Run: mfsr-bench datasets fetch {card.id}")
    return DataError(what, _by_hand(place))


def _by_hand(place: Place) -> str:
    """Return what a person has to do to get a set that needs a browser."""
    source = next(source for source in place.card.sources if source.page)
    folders = " and ".join(
        f"the images of {folder}/ into {show(place.side(side))}/" for side, folder in source.unpack
    )
    name = place.card.id
    return (
        f"Open {source.page}, {source.note}, then run: "
        f"mfsr-bench datasets fetch {name} --archive FILE (or put {folders} by hand and run: "
        f"mfsr-bench datasets verify {name})"
    )
