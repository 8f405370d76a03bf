"""Run the flow for networks in the shapes that the field uses, and print one table: LUT, latency, exactness and efficiency at the working point.

    python scripts/network_table.py [--done] [CONFIG…]

Without configurations it takes those of docs/networks.md that can be trained here. Stages that are there already are not made again; with ``--done`` none is
made, and runs that are not complete have dashes. CICADA's regions are simulated first where they are not there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from l1ad.config import Config, load_config
from l1ad.reporting.comparison import entries_of
from l1ad.reporting.headline import key_figures
from l1ad.reporting.runs import load_run

ROOT = Path(__file__).parents[1]
SIMULATED = ROOT / "configs/simulated_regions.yaml"
NETWORKS = (
    "axol1tl57_v3",
    "axol1tl57",
    "axol1tl57_v5",
    "cicada252_dense",
    "cicada252",
    "dnn_ae57",
    "dnn_vae57",
    "cnn_ae57",
    "cnn_vae57",
    "jet_tagger",
)
HEADER = """| configuration | network | LUT | ns | differing scores | 1 kHz total | n_eff | 1 kHz pure | n_eff |
|---|---|---|---|---|---|---|---|---|"""
ABSENT = "–"


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="*", type=Path, help="configurations instead of the list")
    parser.add_argument("--done", action="store_true", help="make nothing, print what is there")
    options = parser.parse_args()
    paths = options.configs or [ROOT / f"configs/{name}.yaml" for name in NETWORKS]
    if not options.done:
        made = [make(path) for path in paths]
        if not all(made):
            print("Some runs have failed; what they said is above.", file=sys.stderr)
    print(HEADER)
    for path in paths:
        print(row(load_config(path)))
    return 0


def make(path: Path) -> bool:
    """Run the whole flow of a configuration; simulate regions before where it reads them."""
    commands = [["run", str(path)], ["verify", str(path)]]
    if "simulated_regions" in path.read_text(encoding="utf-8"):
        commands.insert(0, ["simulate", str(SIMULATED)])
    return all(subprocess.run([sys.executable, "-m", "l1ad.cli", *command], check=False).returncode == 0 for command in commands)


def row(config: Config) -> str:
    """Return a configuration's line."""
    run = load_run(config) if config.run.is_dir() else None
    if run is None:
        return f"| `{config.name}` |{f' {ABSENT} |' * 8}"
    entries = entries_of(run, None)
    entry = next((one for one in entries if one.lut is not None), None)
    exact = "stale" if run.stale else key_figures(run, entries)[0].text
    shape = run.manifests["model"].summary["shape"] if "model" in run.manifests else ABSENT
    lut = ABSENT if entry is None or entry.lut is None else f"{entry.lut:,}".replace(",", " ")
    latency = ABSENT if entry is None or entry.latency_ns is None else f"{entry.latency_ns:.1f}"
    cells = [f"`{config.name}`", shape, lut, latency, exact.removesuffix(" compared scores differ"), *working_point(config.run)]
    return f"| {' | '.join(cells)} |"


def working_point(run: Path) -> list[str]:
    """Return efficiency with its interval and effective number, total and pure, as the study ``met`` found them."""
    file = run / "studies/met/study.json"
    numbers: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    cells = []
    for kind in ("total", "pure"):
        found = numbers.get(kind, [])
        cells += efficiency(found[0]["selections"][0]) if found else [ABSENT, ABSENT]
    return cells


def efficiency(selection: dict[str, Any]) -> list[str]:
    """Return a selection's mean efficiency and what its rate rests on."""
    mean, low, high = (100.0 * value for value in selection["mean"])
    return [f"{mean:.2f} ({low:.2f} to {high:.2f}) %", f"{selection['n_effective']:.0f}"]


if __name__ == "__main__":
    sys.exit(main())
