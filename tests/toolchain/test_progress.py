"""How much a command says: bars in a terminal only, a line now and then in a log file with --verbose, paths from here."""

import io
import re
import sys
from pathlib import Path

import pytest

from l1ad.toolchain.progress import VARIABLE, Verbosity, detail, from_here, progress, verbosity


def shown(monkeypatch: pytest.MonkeyPatch, level: str, *, terminal: bool) -> str:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    stream = Stream()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv(VARIABLE, level)
    for _ in progress(range(1000), desc="work", leave=False):
        pass
    detail("a detail")
    return stream.getvalue()


@pytest.mark.parametrize("level", ["quiet", "normal"])
def test_a_log_file_gets_nothing(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    assert shown(monkeypatch, level, terminal=False) == ""


def test_a_log_file_gets_a_line_for_every_tenth_with_verbose(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, "verbose", terminal=False).splitlines()
    assert lines[-1] == "a detail"
    assert 10 <= len(lines) <= 14
    assert all("\r" not in line for line in lines)
    assert "100%" in lines[-2]


def test_a_terminal_gets_a_bar_unless_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "work" in shown(monkeypatch, "normal", terminal=True)
    assert shown(monkeypatch, "quiet", terminal=True) == ""


def test_anything_else_in_the_variable_is_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "loud")
    assert verbosity() is Verbosity.NORMAL


def test_paths_are_those_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here(f"There is no {str(tmp_path / 'runs' / 'demo')!r}.") == "There is no 'runs/demo'."
    assert from_here("/elsewhere/runs") == "/elsewhere/runs"
    monkeypatch.chdir("/")
    assert from_here("/elsewhere/runs") == "/elsewhere/runs"


def test_every_bar_is_made_here() -> None:
    package = Path(progress.__code__.co_filename).parents[1]
    found = [path.name for path in package.rglob("*.py") if re.search(r"^\s*(from|import) tqdm", path.read_text(), re.MULTILINE)]
    assert found == ["progress.py"]
