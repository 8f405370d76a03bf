"""Simulate a project's VHDL with GHDL: analyse, elaborate, run the test bench over the golden vectors."""

from __future__ import annotations

import os
import re
from pathlib import Path

from l1ad.core.errors import ArtefactError, MismatchError, ToolFailedError
from l1ad.rtl.bench import VHDL_BENCH
from l1ad.rtl.project import RtlProject
from l1ad.toolchain import GHDL, require, run, tail

_STANDARD = "--std=08"
_TOP = Path(VHDL_BENCH).stem
_AGREE = re.compile(r"(?P<n>\d+) events agree")
_DIFFERS = re.compile(r"event \d+ differs: expected \w+, got \w+")


def run_vhdl_bench(project: RtlProject, folder: Path, *, timeout_s: float | None = None) -> int:
    """Run a project's VHDL test bench.

    Args:
        project: a project with VHDL.
        folder: where the analysed library and the logs go; it is made.
        timeout_s: seconds each step may take.

    Returns:
        The number of golden events, all of which agree.

    Raises:
        ArtefactError: the project was written without VHDL.
        ToolMissingError: there is no GHDL.
        ToolFailedError: GHDL refuses the VHDL, or the test bench did not come to its end; its log is in the folder.
        MismatchError: the VHDL gives another score or bit than the golden vectors; says for which event.
    """
    ghdl = require(GHDL)
    bench = project.path / "testbench"
    sources = [*in_order(project), bench / VHDL_BENCH]
    folder.mkdir(parents=True, exist_ok=True)
    library = f"--workdir={os.path.relpath(folder, bench)}"
    analysed = [os.path.relpath(file, bench) for file in sources]
    steps = {"Analysing": ["-a", _STANDARD, library, *analysed], "Elaborating": ["-e", _STANDARD, library, _TOP]}
    for what, args in steps.items():
        log = folder / f"{what.lower()}.log"
        run(ghdl, args, cwd=bench, log=log, timeout_s=timeout_s, step=f"{what} the VHDL with GHDL")
    log = folder / "running.log"
    step = "Simulating the VHDL with GHDL"
    done = run(ghdl, ["-r", _STANDARD, library, _TOP], cwd=bench, log=log, timeout_s=timeout_s, step=step, check=False)
    return _judge(done.text(), log)


def _judge(text: str, log: Path) -> int:
    """Return the number of events that agree."""
    differs, agree = _DIFFERS.search(text), _AGREE.search(text)
    if differs:
        raise MismatchError(f"The VHDL is not the network: {differs[0]}; the log is {str(log)!r}.")
    if agree is None:
        raise ToolFailedError(f"The VHDL test bench did not come to its end; the last lines of {log} are:\n{tail(log)}")
    return int(agree["n"])


def in_order(project: RtlProject) -> list[Path]:
    """List the VHDL sources so that each comes after what it instantiates: primitives, tables, modules, the top.

    Raises:
        ArtefactError: there are none.
    """
    top = project.top
    ranks = {f"{top}_tables": 1, top: 3}
    files = sorted((project.path / "vhdl").glob("*.vhd"))
    if not files:
        raise ArtefactError(f"The RTL in {str(project.path)!r} has no VHDL; set synthesis.vhdl and run 'l1ad synth' again.")
    return sorted(files, key=lambda file: (ranks.get(file.stem, 2 if file.stem.startswith(top) else 0), file.name))
