"""Find the external tools and run them: the one place of the project that starts a process.

A tool is looked for in the environment variable that overrides it, on the PATH, beside the running interpreter (a virtual
environment that is not activated still has its executables), under the vendor's own root variable and in the Python wheel
that carries it, in this order. Every run has its own session, so that a timeout, a signal or any error ends the whole
process group, and a watcher that ends it if we are killed; its output goes line by line into a log file and to a progress callback.
"""

from l1ad.toolchain.doctor import Diagnosis, StageStatus, ToolStatus, doctor
from l1ad.toolchain.process import Completed, describe_exit, run, tail
from l1ad.toolchain.signals import EndedBySignal, handled, require_going_on, tool_threads
from l1ad.toolchain.tools import (
    GHDL,
    GXX,
    MAKE,
    NEXTPNR_ECP5,
    TOOLS,
    VERILATOR,
    VITIS_HLS,
    VIVADO,
    YOSYS,
    FoundTool,
    Tool,
    find,
    known,
    require,
)
from l1ad.toolchain.workers import worker_processes

__all__ = [
    "GHDL",
    "GXX",
    "MAKE",
    "NEXTPNR_ECP5",
    "TOOLS",
    "VERILATOR",
    "VITIS_HLS",
    "VIVADO",
    "YOSYS",
    "Completed",
    "Diagnosis",
    "EndedBySignal",
    "FoundTool",
    "StageStatus",
    "Tool",
    "ToolStatus",
    "describe_exit",
    "doctor",
    "find",
    "handled",
    "known",
    "require",
    "require_going_on",
    "run",
    "tail",
    "tool_threads",
    "worker_processes",
]
