"""The emulator is compiled once, for instructions that this machine has, and kept where nobody else can change it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from l1ad.core.errors import ConfigError, InputError, ToolFailedError
from l1ad.emulator import build
from l1ad.emulator import march as march_choice
from tests.emulator.cases import CASES, check
from tests.networks import make_network
from tests.planted import plant

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


def test_instructions_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library with instructions that the machine lacks would end the process."""
    monkeypatch.setattr(march_choice, "processor", lambda: "flags : sse2 ssse3 sse4_1 sse4_2 avx")
    with pytest.raises(
        ConfigError, match=r"^This machine cannot run 'haswell': it lacks avx2, bmi.*; use 'native' or one with less\.$"
    ):
        march_choice.flags("haswell")
    with pytest.raises(
        ConfigError, match=r"^The compiler does not know the instruction set 'pentium9'; use one of native, .*\.$"
    ):
        march_choice.flags("pentium9")
    with pytest.raises(ConfigError, match=r"^'native -Wl,x' is not an instruction set; use one of native, .*\.$"):
        march_choice.flags("native -Wl,x")


def test_the_library_is_compiled_once() -> None:
    path = build.library(CASES["latent"])
    before = path.stat().st_mtime_ns
    assert build.library(CASES["latent"]) == path
    assert path.stat().st_mtime_ns == before
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "compile.log",
        "driver.h",
        "emulator.so",
        "kernel.cpp",
        "lanes.h",
    ]


def test_an_emulator_that_somebody_put_there_is_not_loaded(tmp_path: Path) -> None:
    network = make_network(widths=(3, 2))
    path = build.library(network)
    plant(path, tmp_path / "sign")
    check(network)
    assert not (tmp_path / "sign").exists()
    assert build.library(network) == path


def test_a_cache_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path))
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled").chmod(0o777)
    with pytest.raises(InputError, match=r"^Compiled code is not kept in '.*compiled', where somebody else could change it"):
        build.library(make_network(widths=(3, 2)))
    assert list((tmp_path / "emulator").iterdir()) == []


def test_a_failing_compiler_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(build, "kernel_source", lambda network, traced: "this is no C++\n")
    with pytest.raises(
        ToolFailedError, match=r"^Compiling the emulator failed: .* ended with exit code 1; (?s:.*)kernel\.cpp:1:1: error:"
    ):
        build.library(CASES["latent"])


def test_a_cache_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(
        InputError, match=r"^Compiled emulators cannot be kept in '.*emulator': .*; set L1AD_CACHE_DIR to a folder "
    ):
        build.library(CASES["latent"])
