"""The notebooks of the docs run from the first cell to the last, and hold what they show."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
NOTEBOOKS = sorted((PROJECT / "docs" / "notebooks").glob("*.ipynb"))
#: These take seconds; the others train, which takes a minute or two.
QUICK = {"own_qkeras_model"}


@pytest.mark.parametrize(
    "notebook", [pytest.param(p, id=p.stem, marks=() if p.stem in QUICK else pytest.mark.slow) for p in NOTEBOOKS]
)
def test_a_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("qkeras") is None:
        pytest.skip("needs qkeras of l1ad[train]")
    folder = tmp_path / "docs" / "notebooks"
    folder.mkdir(parents=True)
    for file in (notebook, notebook.with_name("quick.yaml")):
        shutil.copy(file, folder)
    for name in ("data", "tests"):
        (tmp_path / name).symlink_to(PROJECT / name)
    script = PROJECT / "scripts" / "run_notebooks.py"
    done = subprocess.run(
        [sys.executable, script, folder / notebook.name],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"\.ipynb: [3-9] cells ran", done.stdout)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_holds_what_its_cells_show_and_no_path_of_a_machine(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells), "run scripts/run_notebooks.py --write"
    assert cells[-1]["outputs"]
    assert not re.search(r"[\"' >](/tmp/|/home/|/work/|/root/)", text)


def test_the_docs_name_every_notebook() -> None:
    page = (PROJECT / "docs" / "python.md").read_text(encoding="utf-8")
    assert all(f"notebooks/{path.name}" in page for path in NOTEBOOKS)
