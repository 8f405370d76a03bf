"""Plain data become the data class that wrote them; whatever does not fit is one sentence that names the file and the key."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from l1ad.core.errors import ArtefactError
from l1ad.core.plain import Origin, Plain, plain

PLACE = Origin(Path("run/some.json"), "'l1ad some'")
AGAIN = r"; another version of l1ad wrote it, or it was changed: run 'l1ad some' again\.$"


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner(Plain):
    DERIVED: ClassVar[tuple[str, ...]] = ("double",)

    value: float
    colour: Colour = Colour.RED

    @property
    def double(self) -> float:
        return 2 * self.value


@dataclass(frozen=True, slots=True)
class Outer(Plain):
    name: str
    flag: bool
    pair: tuple[int, int | None]
    inner: tuple[Inner, ...]
    named: Mapping[str, Inner]
    free: Any
    left_out: Inner | None = None


@dataclass(frozen=True, slots=True)
class Corner(Plain):
    PART: ClassVar[bool] = True

    name: str


WHOLE = Outer("a", True, (1, None), (Inner(0.5),), {"x": Inner(2)}, {"any": [1]})
DATA = {
    "name": "a",
    "flag": True,
    "pair": [1, None],
    "inner": [{"value": 0.5, "colour": "red", "double": 1.0}],
    "named": {"x": {"value": 2, "colour": "red", "double": 4}},
    "free": {"any": [1]},
    "left_out": None,
}


def test_there_and_back() -> None:
    assert WHOLE.to_dict() == DATA
    assert Outer.read(DATA, PLACE) == WHOLE
    assert plain((WHOLE,)) == [DATA]


def test_what_has_a_default_may_be_left_out_and_a_part_leaves_the_rest_alone() -> None:
    less = {key: value for key, value in DATA.items() if key != "left_out"} | {"inner": [{"value": 0.5}]}
    assert Outer.read(less, PLACE) == WHOLE
    assert Corner.read(DATA, PLACE) == Corner("a")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, r"has 3 at 'name' instead of str"),
        ({"flag": 1}, r"has 1 at 'flag' instead of bool"),
        ({"pair": [1]}, r"has 1 values instead of 2 at 'pair'"),
        ({"pair": [True, None]}, r"has True at 'pair\.0' instead of int"),
        ({"pair": [1.0, None]}, r"has 1\.0 at 'pair\.0' instead of int"),
        ({"inner": {}}, r"has dict instead of a list at 'inner'"),
        ({"inner": [{}]}, r"has no 'inner\.0\.value'"),
        ({"inner": [{"value": "1"}]}, r"has '1' at 'inner\.0\.value' instead of float"),
        ({"inner": [{"value": 1, "color": "red"}]}, r"has a key 'inner\.0\.color', which is not known"),
        ({"named": {"x": {"value": 1, "colour": "green"}}}, r"has 'green' at 'named\.x\.colour', which is not known"),
        ({"named": [1]}, r"has list instead of named entries at 'named'"),
        ({"more": 1}, r"has a key 'more', which is not known"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArtefactError, match=rf"^'run/some\.json' {message}{AGAIN}"):
        Outer.read(DATA | change, PLACE)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    place = Origin(tmp_path / "some.json", "'l1ad some'")
    with pytest.raises(ArtefactError, match=r"^Cannot read '.*some\.json': No such file or directory; run 'l1ad some' again\.$"):
        place.json()
    place.file.write_text("{")
    with pytest.raises(ArtefactError, match=r"^'.*some\.json' is damaged \(.*\); run 'l1ad some' again\.$"):
        place.json()
    with pytest.raises(ArtefactError, match=rf"^'.*some\.json' has list instead of named entries{AGAIN}"):
        Corner.read([1], place)
