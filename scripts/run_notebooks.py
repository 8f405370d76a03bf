#!/usr/bin/env python
"""Run notebooks cell by cell, in their own folder, and with --write put what they show into them.

    python scripts/run_notebooks.py [--write] docs/notebooks/file_to_threshold.ipynb …

Needs nothing but the standard library: the last expression of a cell is shown as Jupyter shows it, as HTML where the object can.
"""

import argparse
import ast
import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any


def run_cell(source: str, names: dict[str, Any], label: str) -> tuple[str, Any]:
    """Execute a cell; give what it printed and the value of its last expression."""
    tree = ast.parse(source, label)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, label, "exec"), names)
        value = eval(compile(ast.Expression(last.value), label, "eval"), names) if last is not None else None
    return printed.getvalue(), value


def outputs(printed: str, value: Any, count: int) -> list[dict[str, Any]]:
    """Write a cell's outputs in the form of a notebook."""
    found: list[dict[str, Any]] = []
    if printed:
        found.append({"output_type": "stream", "name": "stdout", "text": printed.splitlines(keepends=True)})
    if value is not None:
        html = getattr(value, "_repr_html_", None)
        data = {"text/plain": [repr(value)]} | ({"text/html": [html()]} if html else {})
        found.append({"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data})
    return found


def run(path: Path) -> dict[str, Any]:
    """Run a notebook from the folder it lies in."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    with contextlib.chdir(path.parent):
        for number, cell in enumerate(notebook["cells"], 1):
            if cell["cell_type"] == "code":
                count += 1
                shown = json.dumps(outputs(*run_cell("".join(cell["source"]), names, f"{path.name}, cell {number}"), count))
                cell["outputs"] = json.loads(shown.replace(f"{Path.cwd().parent}/", ""))
                cell["execution_count"] = count
    return notebook


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the outputs in the notebooks")
    parser.add_argument("notebooks", nargs="+", type=Path)
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for path in given.notebooks:
        notebook = run(path)
        if given.write:
            path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path}: {sum(cell['cell_type'] == 'code' for cell in notebook['cells'])} cells ran")


if __name__ == "__main__":
    main()
