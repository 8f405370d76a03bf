"""Stand-in tools of AMD: they take the real arguments, read the real scripts and leave the files the real ones do."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
STAND_IN = """#!@PYTHON@
import json, re, shutil, sys, time
from pathlib import Path

name = Path(sys.argv[0]).name
home = Path(sys.argv[0]).parent.parent
plan = json.loads((home / "plan.json").read_text())
if sys.argv[1:] == ["-version"]:
    print(f"{name} v{plan['version']} (64-bit)")
    sys.exit(0)
with (home / "calls.txt").open("a") as calls:
    calls.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
script = Path(sys.argv[-1])
text, step = script.read_text(), script.stem
trouble = plan.get(step, {})
print("INFO: [HLS 200-10] -- " + step, flush=True)
for line in trouble.get("prints", []):
    print(line, flush=True)
if "sleeps" in trouble:
    Path("started").write_text("yes\\n")
    time.sleep(trouble["sleeps"])
if "exits" in trouble:
    sys.exit(trouble["exits"])
def leave(golden, target):
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    data = (Path(plan["golden"]) / golden).read_bytes() if golden else b"x"
    target.write_bytes(data[: trouble.get("cut", len(data))])
if not trouble.get("silent"):
    if name == "vivado":
        for state, util, timing in (
            ("synth", "vivado/2018.3/tiny_utilization_synth.rpt", "vivado/2021.2/tiny_timing_synth.rpt"),
            ("placed", "vivado/2020.2/tiny_utilization_placed.rpt", "vivado/2020.2/tiny_timing_placed.rpt"),
            ("routed", "vivado/2024.2/tiny_utilization_routed.rpt", "vivado/2024.2/tiny_timing_routed.rpt"),
        ):
            for path in re.findall(r"-file \\\\{(.*_" + state + r"\\\\.rpt)\\\\}", text):
                hierarchical = "vivado/2024.2/tiny_utilization_hierarchical_routed.rpt"
                if "hierarchical" in path and state != "routed":
                    changed = (Path(plan["golden"]) / hierarchical).read_text()
                    Path(path).write_text(changed.replace(": Routed", {"synth": ": Synthesized", "placed": ": Fully Placed"}[state]))
                else:
                    leave(hierarchical if "hierarchical" in path else timing if "timing" in path else util, path)
        leave(None, re.search(r"write_checkpoint -force \\\\{(.*)\\\\}", text).group(1))
    else:
        project = re.search(r"open_project (?:-reset )?\\\\{(.*)\\\\}", text).group(1)
        root = Path("hls_component/tiny/hls") if plan.get("new_tree") else Path(project) / "solution1"
        if "csim_design" in text:
            leave(None, root / "csim/report/tiny_csim.log")
        if "csynth_design" in text:
            leave("vitis_hls/2022.2/tiny_csynth.rpt", root / "syn/report/tiny_csynth.rpt")
            leave("vitis_hls/2022.2/tiny_csynth.xml", root / "syn/report/tiny_csynth.xml")
            leave(None, root / "syn/verilog/tiny.v")
        if "cosim_design" in text:
            leave(plan.get("cosim_report", "vitis_hls/2024.1/tiny_cosim.rpt"), root / "sim/report/tiny_cosim.rpt")
        if "export_design" in text:
            leave(None, root / "impl/export.zip")
if "exits_after" in trouble:
    sys.exit(trouble["exits_after"])
"""


class Machine:
    """A machine with stand-in tools, a design and a work folder."""

    golden = GOLDEN

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.monkeypatch, self.work = root, monkeypatch, root / "work"
        (root / "tools").mkdir()
        self.plan(version="2024.1")
        for variable in ("XILINX_VITIS", "XILINX_HLS", "XILINX_VIVADO"):
            monkeypatch.delenv(variable, raising=False)

    def plan(self, **values: object) -> None:
        """Describe what the tools shall do."""
        known = {"golden": str(GOLDEN), "version": "2024.1", **values}
        (self.root / "plan.json").write_text(json.dumps(known))

    def install(self, hls: str = "vitis_hls") -> None:
        for name, variable in ((hls, "L1AD_VITIS_HLS"), ("vivado", "L1AD_VIVADO")):
            path = self.root / "tools" / name
            path.write_text(STAND_IN.replace("@PYTHON@", sys.executable).replace("\\\\", "\\"))
            path.chmod(0o755)
            self.monkeypatch.setenv(variable, str(path))

    @property
    def calls(self) -> list[list[str]]:
        path = self.root / "calls.txt"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def steps(self) -> list[str]:
        """Names of the scripts that were run, in order."""
        return [Path(call[-1]).stem for call in self.calls]
