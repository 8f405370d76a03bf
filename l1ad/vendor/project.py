"""Describe a design for AMD's tools, and the steps that they can do with it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from l1ad.core.board import check_part
from l1ad.core.errors import ConfigError, InputError

_RTL = {".v", ".sv", ".vhd", ".vhdl"}
_CPP = {".cpp", ".cc", ".cxx", ".c"}


@dataclass(frozen=True, slots=True)
class VendorProject:
    """Describe a design: C++ for HLS, or RTL.

    Attributes:
        name: name of the tool's project.
        folder: folder that all paths are relative to.
        top: top function, or top module.
        sources: C++ files, or Verilog and VHDL files in the order of compilation.
        part: full part name.
        clock_ns: target clock period.
        uncertainty: part of the period that HLS keeps off.
        test_bench: C++ files of the test bench, for csim and cosim.
        test_data: files or folders that the test bench reads.
        include_dirs: folders searched for headers.
        cflags: further flags for the C++ compiler; Vivado HLS gets ``c++0x``, the newest it knows, for any ``-std``.
        clock_port: clock of RTL; ``None`` for a combinational design, which is timed against a virtual clock.
    """

    name: str
    folder: Path
    top: str
    sources: tuple[str, ...]
    part: str
    clock_ns: float
    uncertainty: float = 0.27
    test_bench: tuple[str, ...] = ()
    test_data: tuple[str, ...] = ()
    include_dirs: tuple[str, ...] = ()
    cflags: tuple[str, ...] = ("-std=c++14",)
    clock_port: str | None = None

    @property
    def is_rtl(self) -> bool:
        """Whether the sources are Verilog or VHDL."""
        return all(Path(source).suffix in _RTL for source in self.sources)

    def inputs(self) -> tuple[Path, ...]:
        """List every file that a result depends on, headers of the include folders included."""
        named = [self.folder / name for name in (*self.sources, *self.test_bench, *self.test_data)]
        headers = [
            path for folder in self.include_dirs for path in (self.folder / folder).rglob("*") if path.suffix in {".h", ".hpp"}
        ]
        files = [file for path in named for file in (path.rglob("*") if path.is_dir() else [path])]
        return tuple(sorted({path for path in (*files, *headers) if path.is_file()}))

    def check(self) -> None:
        """Refuse what no tool could work with, before one is started.

        Raises:
            ConfigError: a wrong part, clock, uncertainty or name.
            InputError: a file is not there, or its kind is not known.
        """
        check_part(self.part)
        if not (math.isfinite(self.clock_ns) and self.clock_ns > 0):
            raise ConfigError(f"A synthesis needs a clock period above 0 ns, got {self.clock_ns!r}; set clock_ns")
        if not 0 <= self.uncertainty < 1:
            raise ConfigError(
                f"The clock uncertainty must be a fraction of the period from 0 to below 1, got {self.uncertainty!r}"
            )
        for what, name in (("project", self.name), ("top", self.top)):
            if not re.fullmatch(r"[A-Za-z]\w*", name):
                raise ConfigError(f"The name of a synthesis {what} must be letters, digits and _, got {name!r}")
        self._check_files()

    def _check_files(self) -> None:
        suffixes = {Path(source).suffix for source in self.sources}
        if not suffixes or not (suffixes <= _RTL or suffixes <= _CPP):
            raise InputError(f"The sources of a synthesis must be all C++ or all Verilog and VHDL, got {list(self.sources)!r}")
        for name in (*self.sources, *self.test_bench, *self.test_data, *self.include_dirs):
            if not (self.folder / name).exists():
                raise InputError(
                    f"The synthesis of {self.top!r} needs {name!r}, which is not in {self.folder}; run 'l1ad convert' first"
                )
            if re.search(r"[{}\\\s]", str(self.folder / name)):
                raise InputError(
                    f"The path {str(self.folder / name)!r} has a blank, brace or backslash, which AMD's tools refuse; move it"
                )
