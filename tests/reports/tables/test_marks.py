"""Best and second best."""

from __future__ import annotations

from benchmarks.tables.model import Cell, Column, Row
from reports.tables.marks import marked


def column(*, higher: bool = True, level: str = "sample") -> Column:
    return Column(title="M", numeric=True, higher_is_better=higher, of_sets=level == "set")


def marks(*cells: Cell, published: bool = False, of: Column | None = None, symbols="") -> list[str]:
    rows = [
        Row(cells=(cell,), quoted=bool(symbols[i : i + 1].strip())) for i, cell in enumerate(cells)
    ]
    found = marked(rows, [of or column()], published=published)
    return [row.cells[0].mark for row in found]


def values(*numbers: float | None) -> list[Cell]:
    return [Cell(value=None if number is None else float(number), n=3) for number in numbers]


def test_ranks_come_from_unrounded_values() -> None:
    assert marks(*values(25.151, 25.153, 25.149)) == ["second", "best", ""]  # all print 25.15


def test_the_direction_is_the_metrics() -> None:
    assert marks(*values(1, 2, 3), of=column(higher=False)) == ["best", "second", ""]


def test_ties_share_the_mark() -> None:
    assert marks(*values(3, 3, 2, 2, 1)) == ["best", "best", "second", "second", ""]


def test_what_is_missing_is_not_ranked() -> None:
    assert marks(*values(None, 2, 1, 3)) == ["", "second", "", "best"]


def test_one_value_is_not_the_best_of_anything_and_the_last_of_two_not_the_second() -> None:
    assert marks(*values(3)) == [""]
    assert marks(*values(3, 4)) == ["", "best"]


def test_published_rows_are_ranked_only_when_asked() -> None:
    cells = values(9, 3, 2, 1)
    assert marks(*cells, symbols="†   ") == ["", "best", "second", ""]
    assert marks(*cells, symbols="†   ", published=True) == ["best", "second", "", ""]


def test_a_set_metric_of_fewer_images_is_not_ranked() -> None:
    fid = column(higher=False, level="set")
    cells = [Cell(value=v, n=n) for v, n in ((90.0, 99), (110.0, 100), (100.0, 100), (120.0, 100))]
    assert marks(*cells, of=fid) == ["", "second", "best", ""]
