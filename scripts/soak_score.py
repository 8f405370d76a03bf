#!/usr/bin/env python
"""Score a hundred million events with one command and watch its memory.

    .venv/bin/python scripts/soak_score.py --events 100000000

A dataset of a million events is made once; the others are folders whose files are hard links to it, so that disk and time go into scoring.
The memory of the command and its workers is read every second. The last line says how many events, how long, how much memory in the first
tenth and at most after it, and whether first and last part of the output are equal; exit code 1 where it took more than 400 MB or they differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.datasets_made import make_dataset  # noqa: E402
from tests.networks import make_events, make_network  # noqa: E402
from tests.runs_made import TEXT, make_run  # noqa: E402

#: Memory that any number of events may take, in MB: scoring has a piece of events at a time, writing a batch of records.
MOST_MB = 400


def main() -> int:
    """Make, score, watch, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--block", type=int, default=1_000_000, help="events of a dataset")
    parser.add_argument("--curve", type=Path, help="file for seconds and MB, a line a second")
    parser.add_argument(
        "--place", type=Path, help="folder with room for 60 bytes an event; default: the system's for temporary files"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-", dir=options.place) as temporary:
        folder = Path(temporary)
        parts = make_parts(folder, options.block, options.events // options.block)
        command = [sys.executable, "-m", "l1ad.cli", "score", *parts, "-c", "tiny.yaml", "-o", "s.h5", "--scheduler", "none"]
        with subprocess.Popen(
            command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL
        ) as process:
            curve = watch(process)
        if options.curve:
            options.curve.write_text("".join(f"{seconds:.0f} {mb:.0f}\n" for seconds, mb in curve), encoding="utf-8")
        return judge(folder / "s.h5", options.block, curve, process.returncode)


def make_parts(folder: Path, block: int, n_parts: int) -> list[str]:
    """Make a run, a dataset, and further ones that are the same bytes on disk."""
    network = make_network("l1topo44", (16, 3), zero_fraction=0.5)
    make_run(folder, network, 0)
    (folder / "tiny.yaml").write_text(TEXT.replace("POLICY", "refuse"), encoding="utf-8")
    x_hw = make_events(network.layout, block, seed=3)
    first = make_dataset(folder / "part0", n_background=block, n_signal=0, signals=(), x_hw=x_hw).path
    for number in range(1, n_parts):
        (folder / f"part{number}").mkdir()
        for file in first.iterdir():
            (folder / f"part{number}" / file.name).hardlink_to(file)
    return [f"part{number}" for number in range(n_parts)]


def watch(process: subprocess.Popen[bytes]) -> list[tuple[float, float]]:
    """Read the memory of a process and its children every second until it ends: seconds and MB."""
    began, curve = time.monotonic(), []
    while process.poll() is None:
        try:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            # Pages of files that are only mapped belong to the system's cache.
            curve.append((time.monotonic() - began, sum(m.rss - m.shared for p in family for m in [p.memory_info()]) / 2**20))
        except psutil.NoSuchProcess:
            continue
        time.sleep(1)
    return curve


def judge(output: Path, block: int, curve: list[tuple[float, float]], code: int) -> int:
    """Compare the output's ends and the memory of the beginning with that of the rest."""
    if code:
        print(f"l1ad score ended with exit code {code}")
        return 1
    with h5py.File(output, "r") as file:
        n = len(file["score_hw"])
        same = bool(np.array_equal(file["score_hw"][:block], file["score_hw"][n - block :])) and bool(
            file["score_hw"][:block].any()
        )
    seconds = curve[-1][0]
    early = max(mb for at, mb in curve if at <= seconds / 10 + 2)
    late = max(mb for _, mb in curve)
    print(
        f"{n} events in {seconds:.0f} s ({n / seconds / 1e6:.2f} million/s), memory {early:.0f} MB in the first tenth, at most {late:.0f} MB, "
        f"first and last part {'equal' if same else 'DIFFERENT'}"
    )
    return int(not same or late > MOST_MB)


if __name__ == "__main__":
    raise SystemExit(main())
