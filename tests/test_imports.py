"""Imports go down only, heavy packages are not imported at start, QKeras and hls4ml stay behind one package each."""

import ast
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "l1ad"
LEAVES = {"core", "graph", "ranges", "config", "toolchain"}
LIBRARIES = {
    "firmware",
    "spec",
    "data",
    "training",
    "importing",
    "hgq",
    "qkeras",
    "scores",
    "emulator",
    "hls",
    "rtl",
    "vendor",
    "physics",
    "simulation",
    "studies",
    "vectors",
    "reporting",
    "search",
}
INTERFACES = {"api", "cli", "cli_config", "cli_ending"}
RANKS = dict.fromkeys(LEAVES, 0) | dict.fromkeys(LIBRARIES, 1) | {"stages": 2, "benchmarks": 2} | dict.fromkeys(INTERFACES, 3)
HEAVY = {
    "tensorflow",
    "qkeras",
    "hgq",
    "hls4ml",
    "alkaid",
    "sklearn",
    "matplotlib",
    "uproot",
    "awkward",
    "numba",
    "pythia8mc",
    "optuna",
    "dask",
}
ONLY_IN = {"qkeras": "qkeras", "hgq": "hgq", "hls4ml": "hls", "alkaid": "rtl", "pythia8mc": "simulation"}
# Peers are measured in the same run by the benchmarks, which may therefore call them.
PEERS_IN = "benchmarks"


def sources() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py" or path.parent != PACKAGE]


def area(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path, *, top_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def areas_imported(path: Path) -> set[str]:
    parts = [name.split(".") for name in imported(path) if name.startswith("l1ad.")]
    return {part[1] for part in parts if part[1] in RANKS}


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_has_a_rank_and_imports_go_down(path: Path) -> None:
    assert area(path) in RANKS, f"{path} has no rank: put it where it belongs"
    own = RANKS[area(path)]
    up = sorted(name for name in areas_imported(path) if RANKS[name] > own)
    assert not up, f"{path} imports up: {up}"


def test_leaves_and_libraries_have_no_import_cycle() -> None:
    graph = {name: set[str]() for name in LEAVES | LIBRARIES}
    for path in sources():
        if area(path) in graph:
            graph[area(path)] |= (areas_imported(path) & graph.keys()) - {area(path)}
    done: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"import cycle: {' -> '.join((*trail, name))}"
        if name not in done:
            for below in sorted(graph[name]):
                visit(below, (*trail, name))
            done.append(name)

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize("path", sorted((PACKAGE / "stages").glob("[a-z]*.py")), ids=lambda p: p.name)
def test_no_stage_imports_another(path: Path) -> None:
    others = {name for name in imported(path) if name.startswith("l1ad.stages.")} - {f"l1ad.stages.{path.stem}"}
    assert not others


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_packages_are_not_imported_at_module_level(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(path, top_level=True)}
    assert not tops & HEAVY


@pytest.mark.parametrize(("package", "home"), sorted(ONLY_IN.items()))
def test_an_outside_world_is_known_by_one_package(package: str, home: str) -> None:
    users = {area(path) for path in sources() if any(name.split(".")[0] == package for name in imported(path))}
    assert users <= {home, PEERS_IN}


def test_the_command_line_starts_without_heavy_imports() -> None:
    code = "import sys, l1ad.cli; print(' '.join(sorted(m.split('.')[0] for m in sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & (HEAVY | {"numpy", "pydantic"})


def test_ranks_are_those_of_the_design() -> None:
    order = ["core", "training", "stages", "cli"]
    assert all(RANKS[low] < RANKS[high] for low, high in pairwise(order))
