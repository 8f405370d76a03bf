"""The list of mutations fits the sources, and the runner counts what the tests catch."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def load() -> Any:
    spec = importlib.util.spec_from_file_location("mutate", ROOT / "scripts" / "mutate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutate"] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


mutate = load()
SOURCE = "def double(x):\n    return 2 * x\n"
TEST = "from l1ad.small import double\n\n\ndef test_double():\n    assert double(1) == 2\n    assert double(0) == 0\n"


def test_every_listed_mutation_fits_the_sources() -> None:
    listed = mutate.load_mutations(mutate.LIST)
    assert len(listed) >= 50
    for mutation in listed:
        assert mutate.mutated(mutation, ROOT) != (ROOT / mutation.file).read_text(encoding="utf-8")
        assert all((ROOT / test.partition("::")[0]).is_file() for test in mutation.tests), mutation.name


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a tree of one source and one test, and let the runner mutate that."""
    for name, text in {"l1ad/small.py": SOURCE, "l1ad/__init__.py": "", "tests/test_small.py": TEST}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(mutate, "ROOT", tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *faults: tuple[str, str], **changes: Any) -> int:
    entry = {"file": "l1ad/small.py", "tests": ["tests/test_small.py"]}
    entries = [{"name": f"fault {i}", "old": old, "new": new} | entry | changes for i, (old, new) in enumerate(faults)]
    (folder / "list.yaml").write_text(mutate.yaml.safe_dump(entries))
    monkeypatch.setattr(sys, "argv", ["mutate.py", "--list", str(folder / "list.yaml"), "--jobs", "2"])
    return int(mutate.main())


def test_a_caught_fault_and_one_that_survives(small: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert run(monkeypatch, small, ("2 * x", "3 * x"), ("2 * x", "2.0 * x")) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["caught", "SURVIVED", "1/2"]
    assert run(monkeypatch, small, ("2 * x", "3 * x")) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1/1"
    assert (small / "l1ad/small.py").read_text() == SOURCE


@pytest.mark.parametrize(
    ("fault", "changes", "message"),
    [
        (("4 * x", "3 * x"), {}, r"^'fault 0': '4 \* x' must be in l1ad/small.py once, found 0 times\.$"),
        (("x", "y"), {}, r"^'fault 0': 'x' must be in l1ad/small.py once, found 2 times\.$"),
        (("2 * x", "2 * x"), {}, r"^'fault 0' changes nothing\.$"),
        (("2 * x", "3 * x"), {"tests": ["tests/none.py"]}, r"^The tests fail without a fault; run pytest on tests/none.py "),
        (("2 * x", "3 * x"), {"test": []}, r"^A mutation needs the keys \['file', 'name', 'new', 'old', 'tests'\], got "),
    ],
)
def test_a_list_that_does_not_fit_is_refused(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, fault: tuple[str, str], changes: dict[str, Any], message: str
) -> None:
    import re

    assert run(monkeypatch, small, fault, **changes) == 2
    assert re.search(message, capsys.readouterr().err.strip())
