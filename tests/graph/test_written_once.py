"""What a network computes is written down once, in few lines; who interprets operations knows no score, scaling or layout."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.test_imports import PACKAGE, imported

SCRIPT = Path(__file__).parents[2] / "scripts" / "arithmetic.py"
_spec = importlib.util.spec_from_file_location("arithmetic", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
arithmetic = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(arithmetic)


def test_lines_are_those_that_hold_code(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text('"""Doc."""\n\nimport os\n\n# comment\ndef f(\n    a,\n):\n    """Doc."""\n    return """x\ny"""\n')
    assert arithmetic.code_lines(path) == 5


def test_all_backends_share_400_lines() -> None:
    assert sum(arithmetic.code_lines(PACKAGE / name) for name in arithmetic.GROUPS["what a network computes"]) <= 400


@pytest.mark.parametrize("name", arithmetic.GROUPS["what an operation is"])
def test_an_interpreter_knows_operations_only(name: str) -> None:
    known = {module for module in imported(PACKAGE / name) if module.startswith("l1ad.core.")}
    assert not {module.split(".")[2] for module in known} & {"formulas", "layout", "network", "scaling", "score", "trained"}


@pytest.mark.parametrize("name", arithmetic.GROUPS["the witness"])
def test_the_witness_does_not_know_the_graph(name: str) -> None:
    known = imported(PACKAGE / name)
    assert not {module for module in known if module.startswith(("l1ad.graph", "l1ad.core.formulas"))}
