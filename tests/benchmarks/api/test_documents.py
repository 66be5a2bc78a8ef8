"""Documents are read strictly; what is wrong is named by place, key and nearest name."""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Lens:
    focal_length: float = 50.0
    stops: tuple[float, float] = (1.8, 22.0)
    mount: Literal["bayonet", "thread"] = "bayonet"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Camera:
    name: str
    lens: Lens = field(default_factory=Lens)
    spare: Lens | None = None
    shots: Annotated[int, Field(ge=0)] = 0
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.shots and not self.name:
            raise ValueError("a camera without a name has taken no pictures")


def test_a_document_survives_a_file(tmp_path: Path) -> None:
    camera = Camera(name="box", spare=Lens(focal_length=35), tags=("old", "heavy"))
    documents.write(camera, tmp_path / "camera.json")
    assert documents.read(Camera, tmp_path / "camera.json") == camera
    assert replace(camera, shots=3).shots == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON: EOF while parsing a value at line 1 column 0."),
        ('{"name": "a"', "not JSON: EOF while parsing an object"),
        ("[" * 5000, "not JSON: recursion limit exceeded"),
        ("7", "the document is 7; it should be an object."),
        ("{}", "'name' is missing."),
        ('{"name": "a", "shot": 1}', "unknown key 'shot'. Did you mean 'shots'?"),
        ('{"name": "a", "qqq": 1}', "unknown key 'qqq'."),
        (
            '{"name": "a", "lens": {"focal_lenght": 1}}',
            "unknown key 'lens.focal_lenght'. Did you mean 'focal_length'?",
        ),
        ('{"name": "a", "spare": {"stops": [1.0]}}', "'spare.stops[1]' is missing."),
        ('{"name": "a", "lens": {"stops": 8}}', "lens.stops is 8; it should be a valid array."),
        ('{"name": "a", "lens": [8]}', "lens is [8]; it should be an object."),
        ('{"name": "a", "shots": "1"}', 'shots is "1"; it should be a valid integer.'),
        ('{"name": "a", "shots": true}', "shots is true; it should be a valid integer."),
        ('{"name": "a", "shots": [1]}', "shots is [1]; it should be a valid integer."),
        ('{"name": "a", "shots": -1}', "shots is -1; it should be greater than or equal to 0."),
        ('{"name": "a", "lens": {"focal_length": NaN}}', "it should be a finite number."),
        (
            '{"name": "a", "lens": {"mount": "tread"}}',
            "lens.mount is \"tread\"; it should be 'bayonet' or 'thread'. Did you mean 'thread'?",
        ),
        ('{"name": "", "shots": 2}', "a camera without a name has taken no pictures"),
        ('{"name": ["' + "x" * 900 + '"]}', "x...; it should be a valid string."),
    ],
)
def test_the_first_thing_that_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "camera.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        documents.read(Camera, path)
    assert caught.value.cause.startswith(f"{path}: ")
    assert says in caught.value.cause
    assert len(caught.value.cause) < 300


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    path.write_bytes(b'{"name": "\xff\xfe"}')
    with pytest.raises(DataError, match="not JSON"):
        documents.read(Camera, path, error=DataError)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot read .*none\.json: No such file"):
        documents.read(Camera, tmp_path / "none.json")


def test_python_is_held_to_the_same_types() -> None:
    with pytest.raises(ValidationError):
        Camera(name="box", shots=-1)
    with pytest.raises(ValidationError):
        replace(Camera(name="box"), tags=["a list"])  # type: ignore[arg-type]
