"""A stage writes when something that decides has changed, and says the same when nothing has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from l1ad.core.artefact import Draft
from l1ad.core.stage import StageResult, Summary, run_stage


@dataclass(frozen=True, slots=True)
class Flat(StageResult):
    FLAT: ClassVar[bool] = True
    PAGE: ClassVar[str | None] = "page.html"


def run(target: Path, calls: list[str], made: type[StageResult] = StageResult, **changes: Any) -> StageResult:
    def write(draft: Draft) -> Summary:
        calls.append("written")
        (draft.path / "x.txt").write_text("x")
        return {"events": 3, "names": ("a", "b")}

    given: dict[str, Any] = {"code": "l1ad.core.codes", "inputs": {"data": "1"}, "settings": {"n": 1}, "seed": 1}
    return run_stage(made, target, "thing", write, **(given | changes))


def test_it_is_written_once_and_again_when_something_has_changed(tmp_path: Path) -> None:
    calls: list[str] = []
    target = tmp_path / "made"
    first = run(target, calls)
    second = run(target, calls)
    assert (first.fresh, second.fresh, calls) == (True, False, ["written"])
    assert first.summary == second.summary == {"events": 3, "names": ["a", "b"]}
    for changes in ({"seed": 2}, {"inputs": {"data": "2"}}, {"settings": {"n": 2}}, {"code": "l1ad.core.yaml_text"}):
        assert run(target, calls, **changes).fresh
    assert len(calls) == 5
    assert run(target, calls, force=True, code="l1ad.core.yaml_text").fresh


def test_the_json_form(tmp_path: Path) -> None:
    plain, flat = run(tmp_path / "a", []), run(tmp_path / "a", [], Flat)
    assert plain.to_dict() == {"path": str(tmp_path / "a"), "fresh": True, "summary": {"events": 3, "names": ["a", "b"]}}
    page = str(tmp_path / "a" / "page.html")
    assert list(flat.to_dict().items()) == [
        ("path", str(tmp_path / "a")),
        ("fresh", False),
        ("page", page),
        ("events", 3),
        ("names", ["a", "b"]),
    ]


def test_nothing_stays_of_what_fails(tmp_path: Path) -> None:
    def write(draft: Draft) -> Summary:
        (draft.path / "x.txt").write_text("x")
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"^no$"):
        run_stage(StageResult, tmp_path / "runs" / "made", "thing", write, code="l1ad.core.codes", inputs={}, settings={})
    assert not list(tmp_path.iterdir())
