"""Count the lines that write the chip's arithmetic down: code without blank lines, comments, docstrings and imports, file by file.

    python scripts/arithmetic.py

What a network computes (scaling, layers, scores) is lowered to operations once; each backend says what one operation is. The witness in
``l1ad/spec`` says the same by hand and is counted apart.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "l1ad"

GROUPS = {
    "what a network computes": (
        "core/formulas.py",
        "graph/lower.py",
        "graph/lower_float.py",
        "graph/scores.py",
        "training/lowered.py",
    ),
    "what an operation is": (
        "graph/run.py",
        "graph/run_float.py",
        "graph/bounds.py",
        "training/interpret.py",
        "emulator/interpret.py",
        "hls/interpret.py",
        "rtl/interpret.py",
    ),
    "the witness": ("spec/reference.py", "spec/scores.py"),
}


def code_lines(path: Path) -> int:
    """Count the lines that hold code."""
    text = path.read_text(encoding="utf-8")
    skipped = _skipped(ast.parse(text))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    quiet = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    held = {line for token in tokens if token.type not in quiet for line in range(token.start[0], token.end[0] + 1)}
    return len(held - skipped)


def _skipped(tree: ast.Module) -> set[int]:
    """List the lines of docstrings and imports."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if docstring or isinstance(node, ast.Import | ast.ImportFrom):
            lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


if __name__ == "__main__":
    for title, names in GROUPS.items():
        counts = {name: code_lines(PACKAGE / name) for name in names}
        print(f"{title}: {sum(counts.values())}")
        print("\n".join(f"    {count:4d}  l1ad/{name}" for name, count in counts.items()))
