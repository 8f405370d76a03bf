#!/usr/bin/env python
"""List the error sentences of the package, and which of them no test expects.

    .venv/bin/python scripts/messages.py [--missing]

A sentence is what an error of the ``L1adError`` family is raised with, or what a report's ``error``, ``cut_off`` or ``foreign`` makes. It
counts as expected where a run of its own words stands in a text of a test. The last line has the counts.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Functions that make an error of the sentence they are given.
MAKERS = {"error", "cut_off", "foreign"}
#: Characters of a sentence that must stand in a test one after the other.
RUN = 18


@dataclass(frozen=True, slots=True)
class Sentence:
    """An error sentence: where it is raised, and its words between what is put in."""

    file: str
    line: int
    pieces: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {'…'.join(self.pieces)}"


def sentences(package: Path) -> list[Sentence]:
    """List the sentences of a package."""
    found = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and _is_maker(node.func):
                pieces = tuple(piece for piece in _pieces(node.args[0]) if piece.strip())
                if sum(map(len, pieces)) >= RUN:
                    found.append(Sentence(path.relative_to(package.parent).as_posix(), node.lineno, pieces))
    return found


def _is_maker(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    return name in MAKERS or (name.endswith("Error") and name[0].isupper())


def _pieces(node: ast.expr) -> Iterator[str]:
    """Return the texts of an expression, and break where a value is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (part.value for part in node.values if isinstance(part, ast.Constant) and isinstance(part.value, str))
    elif isinstance(node, ast.BinOp):
        yield from _pieces(node.left)
        yield from _pieces(node.right)
    elif isinstance(node, ast.IfExp):
        yield from _pieces(node.body)
        yield from _pieces(node.orelse)


@cache
def expected(folder: Path) -> str:
    """Return all texts of the tests, patterns without their backslashes."""
    nodes = (node for path in sorted(folder.rglob("*.py")) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return "\0".join(re.sub(r"\\(.)", r"\1", text) for text in texts if len(text) >= 8)


def is_expected(sentence: Sentence, tests: str) -> bool:
    """Whether a run of a sentence's words stands in a test; of short ones the longest piece."""
    longest = max(map(len, sentence.pieces))
    run = min(RUN, longest)
    return any(piece[at : at + run] in tests for piece in sentence.pieces for at in range(len(piece) - run + 1))


def main() -> int:
    """List and count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--missing", action="store_true", help="list the sentences that no test expects")
    options = parser.parse_args()
    found, tests = sentences(ROOT / "l1ad"), expected(ROOT / "tests")
    missing = [sentence for sentence in found if not is_expected(sentence, tests)]
    for sentence in missing if options.missing else ():
        print(sentence)
    share = 100 * (len(found) - len(missing)) / len(found)
    print(f"{len(found)} error sentences, {len(found) - len(missing)} expected by a test ({share:.1f} %), {len(missing)} by none")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
