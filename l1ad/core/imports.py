"""Find the modules of this package that a module imports, however indirectly."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path


def closure(module: str) -> dict[str, Path]:
    """List a module and every ``l1ad`` module it imports, with their files; of a package that imports its modules by their names, all of them.

    Args:
        module: dotted name, as ``l1ad.stages.train``.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        found[name] = Path(spec.origin)
        imported = [*_imports(found[name]), *_found_by_name(name, found[name])]
        waiting += [one for one in imported if one not in found]
    return found


def _imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in _executed(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == "l1ad" and _is_module(name)]


def _found_by_name(package: str, path: Path) -> list[str]:
    """List a package's modules, where it imports them as ``import_module(f"{__name__}.…")``."""
    if path.name != "__init__.py" or 'import_module(f"{__name__}.' not in path.read_text(encoding="utf-8"):
        return []
    return [f"{package}.{file.stem}" for file in sorted(path.parent.glob("*.py")) if file != path]


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without what only a type checker reads."""
    for child in ast.iter_child_nodes(tree):
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        node = ast.Module(child.orelse, []) if for_types else child  # type: ignore[attr-defined]
        yield node
        yield from _executed(node)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
