"""Calibrate the scan's fast estimate on Yosys: synthesise the networks of trials, fit the weights of `l1ad.search.cost`, say how far they are off.

    python scripts/calibrate_cost.py NETWORK.json...

LUTs: least squares of the relative error of scaling, and of layers over alkaid's LUTs and the number of hidden outputs. Delay: a constant and a factor on alkaid's units.
The spread of the residuals is that of these networks; errors of networks left out one at a time are beside it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ad.core.board import load_board
from l1ad.core.network import Network
from l1ad.rtl.delay import ULTRASCALE_PLUS
from l1ad.rtl.project import source_files, write_project
from l1ad.rtl.report import resource_report
from l1ad.rtl.trace import trace_network
from l1ad.rtl.yosys import synthesise
from l1ad.search.cost import delay_features, lut_features


def measured(network: Network, folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], list[float], float]:
    """Return a network's features, its LUTs of scaling and layers, and its path by the open flow."""
    design, board = trace_network(network), load_board("l1topo")
    project = write_project(source_files(design), folder)
    modules = synthesise(project, folder / "yosys", board.yosys_family)
    report = resource_report(project, modules, board, 25.0, ULTRASCALE_PLUS, None)
    luts = [float(module.lut) for module in modules]
    return lut_features(design), delay_features(design), [luts[0], sum(luts[1:-1])], float(report.path_ns or 0)


def fitted(features: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of least relative error."""
    found: NDArray[np.float64] = np.linalg.lstsq(features / wanted[:, None], np.ones(len(wanted)), rcond=None)[0]
    return found


def say(name: str, features: NDArray[np.float64], wanted: NDArray[np.float64]) -> None:
    """Print the weights, the correlation and the errors."""
    weights = fitted(features, wanted)
    others = [np.arange(len(wanted)) != i for i in range(len(wanted))]
    left_out = np.array([features[i] @ fitted(features[keep], wanted[keep]) for i, keep in enumerate(others)]) / wanted - 1
    correlation = np.corrcoef(features @ weights, wanted)[0, 1]
    print(f"{name}: weights {np.round(weights, 3).tolist()}, correlation {correlation:.3f}, error left out: mean {left_out.mean():+.3f}, "
          f"spread {left_out.std():.3f}, largest {np.abs(left_out).max():.3f}")  # fmt: skip


def main() -> None:
    """Print one line a network, then the fits."""
    rows = []
    for file in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(Network.load(file), Path(folder)))
        lut, delay, *found = rows[-1]
        print(file.parent.name, lut.round(1).tolist(), delay.round(2).tolist(), found, flush=True)
    features, delays, luts, path = map(np.array, zip(*rows, strict=True))
    say("LUT of the scaling", features[:, :1], luts[:, 0])
    say("LUT of the layers", features[:, 1:3], luts[:, 1])
    say("delay", delays, path)


if __name__ == "__main__":
    main()
