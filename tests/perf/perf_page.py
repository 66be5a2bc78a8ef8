"""The page of a large run: how heavy it is, and how long a browser takes to open and to sort it.

1,000 images, 6 methods, 5 metrics, against what is allowed and against a plain page: all rows in
one table, all thumbnails asked for at once. Wall seconds, since a browser has threads of its own:
from the start of the navigation to the second frame after loading, and from a click on a column to
the second frame after it; the longest of all columns.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from ratios import Ratio, show

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))

from browser import Browser, browser
from conftest import run_of

from reports.comparison import compare
from reports.html.page import INDEX, render
from reports.pictures import Picture, Pictures

IMAGES = 1_000
DATASET = "drealsr"
METHODS = ("first", "second", "third", "fourth", "fifth", "sixth")
METRICS = {
    "psnr@y601": {"title": "PSNR", "higher_is_better": True, "decimals": 2},
    "ssim@y601": {"title": "SSIM", "higher_is_better": True, "decimals": 4},
    "lpips@alex": {"title": "LPIPS", "higher_is_better": False, "decimals": 4},
    "dists@pyiqa": {"title": "DISTS", "higher_is_better": False, "decimals": 4},
    "musiq@pyiqa": {"title": "MUSIQ", "higher_is_better": True, "decimals": 2},
}
SECONDS, MEGABYTES = 2.0, 3.0  # that are allowed
REPEATS = 3
_FRAMES = "requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())))"
_OPENED = f"const done = arguments[0]; {_FRAMES}"
_SORTED = f"""const done = end => arguments[1]((end - start) / 1000), start = performance.now();
    arguments[0].click(); {_FRAMES}"""
_SORT = """function sort(at) {
    const body = document.querySelector('tbody'), rows = [...body.rows];
    rows.sort((a, b) => Number(a.cells[at].textContent) - Number(b.cells[at].textContent));
    body.replaceChildren(...rows); }"""


def write_page(folder: Path) -> Path:
    """Write a page whose images have thumbnails and no files, and return its index."""
    generator = np.random.default_rng(0)
    images = [f"i{number}" for number in range(IMAGES)]  # as `run_of` calls them
    values = {
        (DATASET, method, metric): list(generator.normal(30 - rank, 3, IMAGES))
        for rank, method in enumerate(METHODS)
        for metric in METRICS
    }
    facts = {"title": "DRealSR", "n": IMAGES, "has_reference": True}
    results = [run_of(values, metrics=METRICS, datasets={DATASET: facts})]
    files = dict.fromkeys(METHODS, folder / "x.png")
    pictures = tuple(
        Picture(dataset=DATASET, image=image, width=512, height=512, results=files,
                lr=folder / "x.png", hr=folder / "x.png")
        for image in images
    )  # fmt: skip
    stems = {image: f"DRealSR_P117{image}_x4" for image in images}
    thumbs = folder / "thumbs" / DATASET
    thumbs.mkdir(parents=True)
    for stem in stems.values():
        noise = generator.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((160, 160)).save(thumbs / f"{stem}.jpg", quality=82)
    of = Pictures(of={DATASET: pictures}, lacking={})
    index = folder / INDEX
    index.write_text(render(compare(results), results, of, {DATASET: stems}), "utf-8")
    return index


def plain_page(page: Path) -> Path:
    """Write the alternative beside the page, over the same thumbnails."""
    thumbs = sorted((page.parent / "thumbs").rglob("*.jpg"))
    head = "".join(
        f"<th><button onclick='sort({i})'>{name}</button>" for i, name in enumerate(METHODS, 1)
    )
    rows = [
        f"<tr><th><img src='{thumb.relative_to(page.parent)}'>{thumb.stem}"
        + "".join(f"<td>{30 - i + number % 7 / 10:.2f}" for i in range(len(METHODS)))
        for number, thumb in enumerate(thumbs)
    ]
    table = f"<table><thead><tr><th>Image{head}<tbody>{''.join(rows)}</table>"
    path = page.with_name("plain.html")
    path.write_text(f"<!doctype html><meta charset=utf-8><script>{_SORT}</script>{table}")
    return path


def seconds(window: Browser, page: Path, columns: str) -> tuple[float, float]:
    """Return the median seconds to open a page, and the longest to sort one of its columns."""
    opened, ordered = [], []
    for _ in range(REPEATS):
        window.open(page)
        opened.append(window.driver.execute_async_script(_OPENED) / 1000)
        ordered.append(
            max(
                window.driver.execute_async_script(_SORTED, column)
                for column in window.all(columns)
            )
        )
    return statistics.median(opened), statistics.median(ordered)


def main() -> bool:
    """Measure and print; return whether every limit is kept."""
    with tempfile.TemporaryDirectory() as name, browser(Path(name, "profile")) as window:
        page = write_page(Path(name, "page"))
        plain = plain_page(page)
        megabytes = page.stat().st_size / 1e6
        window.resize(1280, 800)
        opened, ordered = seconds(window, page, "thead button")
        plain_opened, plain_ordered = seconds(window, plain, "thead button")
    return show(
        [
            Ratio(name="MB, against those allowed", ours=megabytes, alternative=MEGABYTES,
                  target=1, unit="MB"),
            Ratio(name="open, against what is allowed", ours=opened, alternative=SECONDS,
                  target=1, unit="s"),
            Ratio(name="sort, against what is allowed", ours=ordered, alternative=SECONDS,
                  target=1, unit="s"),
            Ratio(name="open, against a plain table", ours=opened, alternative=plain_opened,
                  target=1, unit="s"),
            # The plain table has no intervals, marks or links to move.
            Ratio(name="sort, against a plain table", ours=ordered, alternative=plain_ordered,
                  target=0.5, unit="s"),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(not main())
