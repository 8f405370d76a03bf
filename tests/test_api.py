"""The Python interface: lazy, typed, of text or paths, with integers in and out; a missing extra is one sentence."""

import ast
import doctest
import importlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import l1ad
from l1ad import api, cli
from l1ad.core.errors import ArtefactError, ConfigError, ExtraMissingError, L1adError
from l1ad.core.extras import EXTRA_OF, explaining_extras, missing_extra
from l1ad.core.imports import closure
from l1ad.core.shown import Shown
from l1ad.spec import reference
from tests.networks import make_events, make_network
from tests.runs_made import make_run

PROJECT = Path(__file__).parents[1]


def test_importing_takes_under_300_ms_and_nothing_heavy() -> None:
    code = """
import sys, time
began = time.perf_counter()
import l1ad
print(time.perf_counter() - began, *sorted(m.split(".")[0] for m in sys.modules))
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() for _ in "123"
    ]
    assert min(float(run[0]) for run in runs) < 0.3
    assert not set(runs[0]) & {"numpy", "pydantic", "yaml", "typer", "tensorflow"}


def test_every_public_name_is_there_and_is_what_the_type_checker_sees() -> None:
    tree = ast.parse((PROJECT / "l1ad" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {a.asname or a.name: (n.module, a.name) for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert set(typed) == set(l1ad.__all__) <= set(dir(l1ad))
    for name, (module, original) in typed.items():
        assert getattr(l1ad, name) is getattr(__import__(str(module), fromlist=[original]), original)


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"^module 'l1ad' has no attribute 'trian'$"):
        _ = l1ad.trian


def with_examples() -> list[str]:
    """List the modules whose docstrings hold examples."""
    files = [path for path in sorted((PROJECT / "l1ad").rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__") for path in files]


@pytest.mark.parametrize("module", with_examples())
def test_examples_in_the_docstrings_hold(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0
    assert found.failed == 0


def test_what_every_function_returns_can_be_shown() -> None:
    names = {name: getattr(api, name).__annotations__.get("return", "") for name in l1ad.__all__ if hasattr(api, name)}
    results = {name: text for name, text in names.items() if text.endswith("Result")}
    assert len(results) >= 10
    for name, text in results.items():
        modules = [importlib.import_module(f"l1ad.stages.{m}") for m in (name, "study", "scan") if find_spec(f"l1ad.stages.{m}")]
        assert issubclass(next(getattr(module, text) for module in modules if hasattr(module, text)), Shown), name


def test_paths_are_text_or_paths(tmp_path: Path) -> None:
    network = make_network()
    config = make_run(tmp_path, network)
    file = config.run / "model" / "network.json"
    for kind in (str, Path):
        assert l1ad.load_config(kind(PROJECT / "configs" / "demo.yaml")).name == "demo"
        assert l1ad.Network.load(kind(file)).digest == network.digest
        assert l1ad.Dataset.load(kind(config.run)).digest == l1ad.Dataset.load(kind(config.run / "dataset")).digest
        network.save(kind(tmp_path / f"{kind.__name__}.json"))
        assert json.loads((tmp_path / f"{kind.__name__}.json").read_text()) == network.to_dict()


def test_a_stage_takes_a_configuration_or_the_path_of_one(tmp_path: Path) -> None:
    for place in (str(tmp_path / "no.yaml"), tmp_path / "no.yaml"):
        with pytest.raises(ConfigError, match=r"^Cannot read configuration '.*no\.yaml'"):
            l1ad.rates(place)
    with pytest.raises(ArtefactError, match=r"run 'l1ad prepare' first\.$"):
        l1ad.rates(make_run(tmp_path, make_network(), 0))


def test_a_report_takes_folders_by_text(tmp_path: Path) -> None:
    config = make_run(tmp_path, make_network())
    result = l1ad.report(str(config.run), output=str(tmp_path / "out"))
    assert isinstance(result, l1ad.Report)
    assert (tmp_path / "out" / "report.html").is_file()


def test_the_emulator_may_be_called_from_many_threads_at_once() -> None:
    network = make_network()
    emulator = l1ad.Emulator(network, threads=2)
    batches = [make_events(network.layout, 2_000 + i, seed=i) for i in range(12)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(emulator.scores, batches))
    for x_hw, scores in zip(batches, found, strict=True):
        np.testing.assert_array_equal(scores, reference.scores(network, x_hw))
        assert scores.dtype == np.int64


@pytest.mark.parametrize(
    ("module", "python", "sentence"),
    [
        ("alkaid.trace", (3, 13), r"^This needs the package 'alkaid', which is not installed; run: pip install \"l1ad\[rtl\]\"$"),
        ("qkeras", (3, 11), r"^This needs the package 'qkeras', which is not installed; run: pip install \"l1ad\[train\]\"$"),
        (
            "qkeras",
            (3, 13),
            r"exists for CPython 3\.11 only, and this is 3\.13; make an environment with CPython 3\.11 and run: ",
        ),
    ],
)
def test_a_missing_extra_is_one_sentence_with_the_command_that_helps(module: str, python: tuple[int, int], sentence: str) -> None:
    @explaining_extras
    def stage() -> None:
        raise missing_extra(module, python) or AssertionError

    with pytest.raises(ExtraMissingError, match=sentence) as raised:
        stage()
    assert raised.value.name == module.partition(".")[0]


def test_a_package_of_no_extra_keeps_its_own_error() -> None:
    @explaining_extras
    def stage() -> None:
        import no_such_package  # type: ignore[import-not-found] # noqa: F401

    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'no_such_package'$"):
        stage()


@pytest.mark.parametrize("package", sorted(EXTRA_OF))
def test_the_command_line_names_the_missing_extra(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(**_: object) -> None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(cli, "app", absent)
    assert cli.main() == L1adError.exit_code
    assert capsys.readouterr().err == f"l1ad: {missing_extra(package)}\n"


def test_what_only_a_type_checker_imports_is_not_part_of_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import l1ad.core.board\nelse:\n    import l1ad.core.fixed\n"
    (tmp_path / "probe.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert "l1ad.core.board" not in closure("probe")
    assert "l1ad.core.fixed" in closure("probe")
    assert "l1ad.api" not in closure("l1ad.stages.csim")
