"""Place and route a whole design on an ECP5 with Yosys and nextpnr: routed and timed without a licence, on another family than the boards'.

What comes out says whether the design can be routed and in which order designs stand; its LUT4s and nanoseconds are the ECP5's, an older
and slower family with smaller tables, and never an estimate of UltraScale+ or 7 series.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from l1ad.core.errors import ReportError, ToolFailedError
from l1ad.core.json_text import parse_json
from l1ad.core.resources import Level, PartTotals, ResourceReport
from l1ad.rtl.design import outputs
from l1ad.rtl.project import RtlProject
from l1ad.rtl.yosys import run_yosys
from l1ad.toolchain import NEXTPNR_ECP5, YOSYS, require, run

#: The largest chip of the family at its fastest grade, the same for every design, so that they can be compared.
PART = "LFE5U-85F-8"
_CHIP = ("--85k", "--package", "CABGA756", "--speed", "8")
_TOP, _REPORT = "l1ad_routed", "nextpnr.json"
_YOSYS = """\
read_verilog {sources}
synth_ecp5 -top {top} -nobram -nolutram -nodsp -json {top}.json
"""
_FAMILY_NOTE = (
    f"Placed and routed by nextpnr on a Lattice {PART}, another family: LUT4s and times are the ECP5's and no estimate of the board's part. "
    "They say that the design can be routed, and in which order designs stand."
)
_AROUND_NOTE = (
    "{inputs} input bits come over a shift register and {outputs} output bits end in registers, because the chip has too few pins; flip-flops "
    "count these, the path is from register to register."
)


def route(project: RtlProject, folder: Path, clock_ns: float, *, timeout_s: float | None = None) -> ResourceReport:
    """Synthesise, place and route a project on the ECP5.

    Args:
        project: what is routed, modules flattened into one.
        folder: where scripts, logs and nextpnr's report go; it is made.
        clock_ns: clock period asked for; a path that is longer is reported, not refused.
        timeout_s: seconds each tool may take.

    Returns:
        What the routed design takes, at the level ``Level.ECP5``.

    Raises:
        ToolMissingError: there is no Yosys or no nextpnr.
        ToolFailedError: one of them failed, as when the design does not fit or cannot be routed, or took too long.
        ReportError: what nextpnr wrote cannot be read.
    """
    yosys, nextpnr = require(YOSYS), require(NEXTPNR_ECP5)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{_TOP}.v").write_text(wrapper(project), encoding="utf-8")
    sources = [f"{_TOP}.v", *(os.path.relpath(file, folder) for file in project.verilog)]
    (folder / f"{_TOP}.ys").write_text(_YOSYS.format(sources=" ".join(sources), top=_TOP), encoding="utf-8")
    run_yosys(yosys, _TOP, "Synthesising the whole design for the ECP5 with Yosys", folder, timeout_s)
    args = [*_CHIP, "--json", f"{_TOP}.json", "--lpf-allow-unconstrained", "--timing-allow-fail"]
    args += ["--freq", f"{1000.0 / clock_ns:g}", "--seed", "1", "--report", _REPORT]
    step = f"Routing the design on an {PART} with nextpnr"
    run(nextpnr, args, cwd=folder, log=folder / "nextpnr.log", timeout_s=timeout_s, step=step)
    (folder / f"{_TOP}.json").unlink()  # the script makes it again
    return read_report(folder / _REPORT, project, clock_ns, nextpnr.version)


def wrapper(project: RtlProject) -> str:
    """Write the top that is routed: one pin for all inputs, through a shift register, and a register at each output bit.

    A combinational top of a few hundred bits has more ports than any package has pins; without registers at its ends nothing would be
    timed either.
    """
    inputs = [(port.name, port.width) for port in project.interface.inputs(project.network)]
    inputs += [("start", 1)] * (project.interval > 1)
    results = [(port.name, port.width) for port in outputs(project.network)]
    clock = [".clk(clk)"] * (project.latency_cycles > 0)
    ports = ", ".join([*clock, *_connected(inputs, "shift"), *_connected(results, "result")])
    return f"""\
module {_TOP} (input clk, input serial);
    reg [{_bits(inputs) - 1}:0] shift;
    wire [{_bits(results) - 1}:0] result;
    (* keep *) reg [{_bits(results) - 1}:0] kept;
    always @(posedge clk) begin
        shift <= {{shift, serial}};
        kept <= result;
    end
    {project.top} design ({ports});
endmodule
"""


def _bits(ports: list[tuple[str, int]]) -> int:
    return sum(width for _, width in ports)


def _connected(ports: list[tuple[str, int]], bus: str) -> list[str]:
    found, low = [], 0
    for name, width in ports:
        found.append(f".{name}({bus}[{low + width - 1}:{low}])")
        low += width
    return found


def read_report(file: Path, project: RtlProject, clock_ns: float, version: str | None) -> ResourceReport:
    """Read what nextpnr wrote of a routed design.

    Args:
        file: its JSON report.
        project: what was routed.
        clock_ns: clock period asked for.
        version: nextpnr's version.

    Raises:
        ToolFailedError: there is no such file.
        ReportError: it is cut off or something else.
    """
    try:
        path_ns, used, available = _numbers(parse_json(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ToolFailedError(f"nextpnr ended without error and left no {str(file)!r}; see the log beside it.") from None
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReportError(
            f"{str(file)!r} holds no report of a routed ECP5 design ({type(error).__name__} {error}); synthesise again."
        ) from None
    cycles = project.latency_cycles
    widths = [
        sum(port.width for port in ports) for ports in (project.interface.inputs(project.network), outputs(project.network))
    ]
    return ResourceReport(
        tool="nextpnr",
        level=Level.ECP5,
        tool_version=version,
        top=project.top,
        part=PART,
        clock_target_ns=clock_ns,
        clock_estimate_ns=path_ns,
        path_ns=path_ns,
        **used,
        latency_min_cycles=cycles,
        latency_max_cycles=cycles,
        latency_ns=round(cycles * max(clock_ns, path_ns or 0.0), 3),
        ii_min=project.interval if cycles else None,
        ii_max=project.interval if cycles else None,
        available=PartTotals(PART, **available),
        others=(("fmax_mhz", round(1000.0 / path_ns, 1)),) if path_ns else (),
        sources=(f"ecp5/{file.name}",),
        notes=(_FAMILY_NOTE, _AROUND_NOTE.format(inputs=widths[0], outputs=widths[1])),
    )


#: Places of the chip by the names of our counts.
_PLACES = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "dsp": "MULT18X18D", "bram18": "DP16KD"}


def _numbers(data: Any) -> tuple[float | None, dict[str, Any], dict[str, Any]]:
    """Return the longest path from register to register in ns (None of constants, which have none), and the places that are used and there, by the names of our counts."""
    periods = [1000.0 / float(clock["achieved"]) for clock in data["fmax"].values()]
    path_ns = round(max(periods), 3) if periods else None
    cells = {name: data["utilization"][place] for name, place in _PLACES.items()}
    used, available = ({name: int(cell[key]) for name, cell in cells.items()} | {"uram": 0} for key in ("used", "available"))
    return path_ns, used, available
