"""Files and functions stay short: a file is read on a few screens, a function on part of one."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Lines of a file at most; of a function half of all, and nine of ten, with its signature and docstring.
FILE, MEDIAN, NINE_OF_TEN = 350, 8, 22


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def lengths(text: str) -> list[int]:
    """Count the lines of every function, also of those within others."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def too_long(paths: list[Path]) -> list[str]:
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    return [f"{path.name} has {count} lines" for path, count in counts.items() if count > FILE]


def test_lines_are_counted(tmp_path: Path) -> None:
    assert lengths("@of\ndef f(\n    a,\n):\n    '''Doc.'''\n    def g(): ...\n    return g\n\nx = 1\n") == [6, 1]
    (tmp_path / "held.py").write_text("\n" * 350)
    (tmp_path / "long.py").write_text("\n" * 351)
    assert too_long([tmp_path / "held.py", tmp_path / "long.py"]) == ["long.py has 351 lines"]


def test_no_file_is_too_long() -> None:
    assert too_long(sources("l1ad", "tests", "scripts")) == []


@pytest.mark.parametrize("folder", ["l1ad", "tests", "scripts"])
def test_functions_are_short(folder: str) -> None:
    found = [length for path in sources(folder) for length in lengths(path.read_text(encoding="utf-8"))]
    assert len(found) > 100
    assert statistics.median(found) <= MEDIAN
    assert statistics.quantiles(found, n=10)[-1] <= NINE_OF_TEN
