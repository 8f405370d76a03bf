from __future__ import annotations

import re
from pathlib import Path

import pytest

from l1ad.core.errors import nearest, reason_of

PACKAGE = Path(__file__).parents[2] / "l1ad"


@pytest.mark.parametrize(
    ("name", "valid", "end"),
    [
        ("lat", ["lat1", "lat2", "x"], "did you mean 'lat2' or 'lat1'?"),
        ("xyz", ["b", "a"], "valid are 'a', 'b'."),
        ("xyz", [], "there is none."),
    ],
)
def test_the_nearest_choices_end_the_sentence(name: str, valid: list[str], end: str) -> None:
    assert nearest(name, valid) == end


def test_many_choices_are_cut_short() -> None:
    end = nearest("zzz", [f"column{i:03}" for i in range(60)])
    assert end.endswith(", 'column039' and 20 more.")


def test_no_message_adds_a_stop_of_its_own() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}: {match.group()}"
        for file in PACKAGE.rglob("*.py")
        for match in re.finditer(r"\{nearest\([^\n]*\)\}\.\"", file.read_text(encoding="utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("write failed (errno = 28, error message = 'No space left on device', buf = 0x1)"), "No space left on device"),
        (OSError("40 requested and\n8 written"), "40 requested and 8 written"),
    ],
)
def test_the_systems_reason_is_found(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason
