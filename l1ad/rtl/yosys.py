"""Synthesise a project's modules with Yosys and count their cells.

The recipe is that part of ``synth_xilinx`` which pure logic needs, measured in docs/open_flow.md: no memories and no DSP blocks are
looked for (reading their maps takes longer than the synthesis), tables become logic, and the classic ABC maps to LUTs at equal cost,
which takes a fraction of ABC9's time and gives no more LUTs. Adders are made of operators (``alumacc``) while each stands in
its own module, and only then is everything flattened: the other way round takes 1 to 7 % more LUTs. With DSP blocks, whose multipliers it
has to see whole, it is flattened first. Area recovery is off (``-F 0 -A 0``): ABC does
not know the carry chains, takes every path as short and would lengthen those that are not. Each module is synthesised on its own, two at a time: that is what the
breakdown shows, and the design's count is their sum.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.core.errors import ReportError, ToolFailedError
from l1ad.rtl.delay import Netlist
from l1ad.rtl.project import RtlProject, StageSummary
from l1ad.toolchain import YOSYS, FoundTool, describe_exit, require, run, tail, tool_threads

#: Families of ``Board.yosys_family`` that the recipe knows; Yosys maps logic for both alike.
FAMILIES = ("xc7", "xcup")
NETLIST_SUFFIX = ".netlist.json"
#: What the WebAssembly runtime says where it may not take the addresses of a module's whole memory.
_NO_ADDRESSES = "mmap failed to reserve"
#: Called with a module's name when its synthesis has ended.
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Synthesised:
    """What Yosys made of one module.

    Attributes:
        stage: the module.
        lut: LUT1 to LUT6 cells and inverters (which are LUT1), before any two share a place.
        carry: CARRY4 (7 series) or CARRY8 (UltraScale+) cells.
        dsp: DSP cells.
        bram18: block RAM cells.
        cells: number of cells of each type.
        logic_cells: Yosys' estimate of the places the LUTs take when small ones share one.
        netlist: the mapped cells.
    """

    stage: StageSummary
    lut: int
    carry: int
    dsp: int
    bram18: int
    cells: Mapping[str, int]
    logic_cells: int
    netlist: Netlist


def synthesise(
    project: RtlProject,
    folder: Path,
    family: str,
    *,
    timeout_s: float | None = None,
    processes: int = 2,
    progress: Progress = lambda name: None,
    dsp: bool = False,
) -> tuple[Synthesised, ...]:
    """Synthesise every module of a project.

    Args:
        project: what is synthesised.
        folder: where scripts, logs and netlists go; it is made.
        family: one of ``FAMILIES``.
        timeout_s: seconds each module may take.
        processes: modules at a time.
        progress: called with a module's name when it is done.
        dsp: whether products may become DSP blocks; adder graphs have none.

    Returns:
        One result for each module, in order.

    Raises:
        ToolMissingError: there is no Yosys.
        ToolFailedError: it failed, took too long or left no result; its log is in the folder.
        ReportError: what it wrote cannot be read.
    """
    yosys = require(YOSYS)
    folder.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()

    def one(stage: StageSummary) -> Synthesised:
        result = _synthesise(yosys, project, stage, folder, family, timeout_s, stop, dsp)
        progress(stage.name)
        return result

    largest_first = sorted(project.stages, key=lambda stage: -stage.lut_estimate)
    with tool_threads(processes) as pool:
        futures = {stage.name: pool.submit(one, stage) for stage in largest_first}
        try:
            return tuple(futures[stage.name].result() for stage in project.stages)
        except BaseException:
            stop.set()  # the other runs end at their next line of output
            raise


def _synthesise(
    yosys: FoundTool,
    project: RtlProject,
    stage: StageSummary,
    folder: Path,
    family: str,
    timeout_s: float | None,
    stop: threading.Event,
    dsp: bool,
) -> Synthesised:
    if not stage.outputs:
        return Synthesised(stage, 0, 0, 0, 0, {}, 0, Netlist((), (), ()))

    def watch(line: str) -> None:
        if stop.is_set():
            raise ToolFailedError("Synthesising with Yosys was stopped.")

    sources = [os.path.relpath(file, folder) for file in project.verilog if file.stem != project.top]
    script = folder / f"{stage.module}.ys"
    script.write_text(recipe(sources, stage.module, family if dsp else None), encoding="utf-8")
    run_yosys(yosys, stage.module, f"Synthesising {stage.name!r} with Yosys", folder, timeout_s, watch)
    return _read(folder, stage, family)


def run_yosys(
    yosys: FoundTool, name: str, step: str, folder: Path, timeout_s: float | None, watch: Callable[[str], None] | None = None
) -> None:
    """Run a script; what follows ABC is only in Yosys' own log where Yosys is WebAssembly (its standard output ends there).

    Args:
        yosys: the tool.
        name: the script's name, without ``.ys``, and that of its logs.
        step: what the run is for, named in an error.
        folder: where the script is.
        timeout_s: seconds it may take.
        watch: called with each line of output.

    Raises:
        ToolFailedError: it failed or took too long.
    """
    own_log = folder / f"{name}.yosys.log"
    args = ["-l", own_log.name, "-s", f"{name}.ys"]
    done = run(yosys, args, cwd=folder, log=folder / f"{name}.log", timeout_s=timeout_s, on_line=watch, step=step, check=False)
    if done.returncode != 0:
        log = own_log if own_log.is_file() else done.log
        last = tail(log)
        if _NO_ADDRESSES in last:
            raise ToolFailedError(
                f"{step} failed: Yosys as WebAssembly reserves 4 GB of address space, of which this process may take less (ulimit -v); raise "
                "that limit or install a native yosys."
            )
        raise ToolFailedError(f"{step} failed: {describe_exit(done.returncode)}; the last lines of {log} are:\n{last}")


def recipe(sources: list[str], module: str, dsp_family: str | None = None) -> str:
    """Write the synthesis script of one module.

    Args:
        sources: Verilog files, relative to the folder Yosys runs in (its WebAssembly build sees no other ``/tmp``).
        module: the module.
        dsp_family: family whose DSP blocks products become; None for none.

    Returns:
        The script; it leaves ``<module>.stat.json`` and ``<module>.netlist.json``.
    """
    dsp = "" if dsp_family is None else _DSP.format(family=dsp_family, **_DSP_BLOCKS[dsp_family])
    first, late = (_FLATTEN, "") if dsp else ("", f"{_FLATTEN}opt_expr\nopt_clean\nopt -full\n")
    files = {"sources": " ".join(sources), "module": module, "netlist": f"{module}{NETLIST_SUFFIX}"}
    return _RECIPE.format(**files, dsp=dsp, first=first, late=late)


_FLATTEN = "flatten\n"


#: Multiplier of each family's DSP block, as ``synth_xilinx`` gives it.
_DSP_BLOCKS = {"xc7": {"map": "xc7", "a": 25}, "xcup": {"map": "xcu", "a": 27}}
_DSP = """\
techmap -map +/mul2dsp.v -map +/xilinx/{map}_dsp_map.v -D DSP_A_MAXWIDTH={a} -D DSP_A_MAXWIDTH_PARTIAL=18 -D DSP_B_MAXWIDTH=18 -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_Y_MINWIDTH=9 -D DSP_SIGNEDONLY=1 -D DSP_NAME=$__MUL{a}X18
select a:mul2dsp
setattr -unset mul2dsp
opt_expr -fine
wreduce
select -clear
xilinx_dsp -family {family}
chtype -set $mul t:$__soft_mul
"""


_RECIPE = """\
read_verilog -lib +/xilinx/cells_sim.v
read_verilog {sources}
hierarchy -check -top {module}
proc -norom
{first}opt_expr
opt_clean
opt -nodffe -nosdff
peepopt
opt_clean
techmap -map +/cmp2lut.v -map +/cmp2lcu.v -D LUT_WIDTH=6
wreduce
{dsp}alumacc
opt
opt -full
{late}techmap -map +/techmap.v -D LUT_SIZE=6 -map +/xilinx/arith_map.v
opt -fast
abc -luts 1,1,1,1,1,1 -script +strash;dch;if,-C,24,-F,0,-A,0;mfs2
clean
techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6
opt_lut_ins -tech xilinx
clean
tee -q -o {module}.stat.json stat -tech xilinx -json
blackbox =A:whitebox
delete =A:blackbox
write_json {netlist}
"""


def _read(folder: Path, stage: StageSummary, family: str) -> Synthesised:
    """Read statistics and netlist of a finished synthesis."""
    cells, logic_cells = read_statistics(folder / f"{stage.module}.stat.json")
    netlist_file = folder / f"{stage.module}{NETLIST_SUFFIX}"
    netlist = Netlist.from_json(_json(netlist_file), stage.module)
    return Synthesised(
        stage,
        lut=sum(number for cell, number in cells.items() if cell in _LUTS),
        carry=cells.get("CARRY4", 0) if family == "xc7" else count_carry8(netlist),
        dsp=sum(number for cell, number in cells.items() if cell.startswith("DSP")),
        bram18=sum(number * (2 if cell.startswith("RAMB36") else 1) for cell, number in cells.items() if cell.startswith("RAMB")),
        cells=cells,
        logic_cells=logic_cells,
        netlist=netlist,
    )


_LUTS = frozenset({*(f"LUT{i}" for i in range(1, 7)), "INV"})


def read_statistics(file: Path) -> tuple[dict[str, int], int]:
    """Read what ``stat -tech xilinx -json`` wrote.

    Args:
        file: the JSON file.

    Returns:
        Cells by type, and Yosys' estimate of logic cells.

    Raises:
        ToolFailedError: Yosys left no such file.
        ReportError: it is cut off or something else.
    """
    data = _json(file)
    try:
        design = data["design"]
        cells = {str(name): int(number) for name, number in design["num_cells_by_type"].items() if not name.startswith("$")}
        return cells, int(design["estimated_num_lc"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(
            f"{str(file)!r} holds no Yosys statistics of a Xilinx design ({type(error).__name__} {error}); synthesise again."
        ) from None


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ToolFailedError(f"Yosys ended without error and left no {str(file)!r}; see the log beside it.") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ReportError(f"{str(file)!r} is cut off or not JSON; synthesise again.") from None


def count_carry8(netlist: Netlist) -> int:
    """Count the CARRY8 that Yosys' chains of CARRY4 become: two CARRY4 in a row make one."""
    carries = [cell for cell in netlist.cells if cell.type == "CARRY4"]
    by_carry_out = {cell.outputs["CO"][-1]: i for i, cell in enumerate(carries)}
    before = [by_carry_out.get(cell.inputs["CI"][0]) for cell in carries]
    follows = {earlier: i for i, earlier in enumerate(before) if earlier is not None}
    lengths = Counter(_chain_length(i, follows) for i, earlier in enumerate(before) if earlier is None)
    return sum((length + 1) // 2 * number for length, number in lengths.items())


def _chain_length(first: int, follows: Mapping[int, int]) -> int:
    length = 1
    while first in follows:
        first, length = follows[first], length + 1
    return length
