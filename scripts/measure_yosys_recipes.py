"""Measure Yosys recipes on one network: LUTs, longest path and seconds of each, module by module, one process at a time.

.venv/bin/python scripts/measure_yosys_recipes.py runs/demo/model/network.json
.venv/bin/python scripts/measure_yosys_recipes.py runs/demo/model/network.json --only shipped 'synth_xilinx (ABC9)'
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from l1ad.core.errors import L1adError
from l1ad.core.network import Network
from l1ad.firmware.golden import Golden
from l1ad.rtl import yosys
from l1ad.rtl.delay import ULTRASCALE_PLUS
from l1ad.rtl.project import RtlProject, project_files, write_project
from l1ad.rtl.report import stage_times
from l1ad.rtl.trace import trace_network
from l1ad.rtl.vivado import Part

SHIPPED = yosys.recipe
ABC9 = "abc9 -luts 1,1,1,1,1,1 -script +&if,{W},{D},{R};"
ABC = "abc -luts 1,1,1,1,1,1 -script +strash;dch;if,-C,24,-F,0,-A,0;mfs2"

LATE = "opt -full\nflatten\nopt_expr\nopt_clean\nopt -full\n"


def changed(*passages: tuple[str, str]) -> Callable[..., str]:
    """Return the shipped recipe with passages replaced."""

    def recipe(sources: list[str], module: str, dsp_family: str | None = None) -> str:
        text = SHIPPED(sources, module)
        for old, new in passages:
            text = text.replace(old, new)
        return text

    return recipe


def stock(options: str) -> Callable[..., str]:
    """Return Yosys' own flow for the family."""

    def recipe(sources: list[str], module: str, dsp_family: str | None = None) -> str:
        shipped = SHIPPED(sources, module)
        end = shipped[shipped.index("tee -q") :]
        return (
            f"read_verilog {' '.join(sources)}\nsynth_xilinx -family xcup -flatten -nodsp -noiopad {options} -top {module}\n{end}"
        )

    return recipe


RECIPES = {
    "shipped": SHIPPED,
    "ABC at Yosys' own costs": changed((ABC, "abc -luts 2:2,3,6:5")),
    "ABC, its default script": changed((ABC, "abc -luts 1,1,1,1,1,1")),
    "ABC with area recovery": changed((",-F,0,-A,0", "")),
    "ABC9, mapping only": changed((ABC, ABC9), ("-lib +/xilinx/cells_sim", "-lib -specify +/xilinx/cells_sim")),
    "no wreduce": changed(("wreduce\n", "")),
    "flatten before alumacc": changed(("proc -norom\n", "proc -norom\nflatten\n"), (LATE, "opt -full\n")),
    "share": changed(("alumacc\n", "share -aggressive\nalumacc\n")),
    "synth_xilinx (ABC9)": stock(""),
    "synth_xilinx -nowidelut": stock("-nowidelut"),
}


def make_project(network: Network, folder: Path) -> RtlProject:
    """Write the network's RTL; the vectors of its test bench are not used here."""
    x_hw = np.zeros((1, network.n_inputs), dtype=np.int64)
    golden = Golden(x_hw, np.zeros(1, dtype=np.int64), np.zeros((1, len(network.thresholds)), dtype=bool))
    return write_project(project_files(trace_network(network), Part("xcvu9p-flga2104-2-e", 25.0), golden), folder)


def main() -> None:
    """Measure the chosen recipes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Network.load(options.network), Path(folder) / "rtl")
        print(f"{'recipe':28} {'LUT':>7} {'cells':>7} {'ns':>6} {'s':>6}")
        for number, name in enumerate(options.only):
            yosys.recipe = RECIPES[name]
            began = time.monotonic()
            try:
                modules = yosys.synthesise(project, Path(folder) / str(number), "xcup", processes=1)
            except L1adError as error:
                print(f"{name:28} failed: {str(error).splitlines()[-1]}")
                continue
            longest = stage_times(project, modules, ULTRASCALE_PLUS)[-1]
            luts, cells = sum(m.lut for m in modules), sum(m.logic_cells for m in modules)
            print(f"{name:28} {luts:7d} {cells:7d} {longest:6.1f} {time.monotonic() - began:6.1f}", flush=True)


if __name__ == "__main__":
    main()
