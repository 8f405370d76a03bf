#!/usr/bin/env python
"""Run a scan of ten hours' worth of trials, each shortened to a network without training, kill it now and then, and watch its memory.

    .venv/bin/python scripts/soak_scan.py --trials 2000 --kills 5

Two thousand trials of 18 s are ten hours. What proposes, stores and judges trials is the scan's own; only the training is left out. The same
scan is run once more without a kill. The last line says how many trials, how long the last tenth of them took against the second, how much
memory in the first tenth and at most after it, and whether both scans have the same trials; exit code 1 where memory grew by more than
`MOST_GROWTH_MB` or they differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from l1ad.search import search  # noqa: E402
from l1ad.stages.scan import scan  # noqa: E402
from tests.scans_made import made, stand_in  # noqa: E402

#: Megabytes by which memory may grow after the first tenth: what the trials themselves take.
MOST_GROWTH_MB = 100
SETTINGS = "trials: {}, batch: 8, startup: 32, points: 0"


def main() -> int:
    """Run with kills and without, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        search.run_trial = stand_in
        scan(made(options.child, SETTINGS.format(options.trials)), scheduler="none")
        return 0
    with tempfile.TemporaryDirectory(prefix="soak-") as text:
        folders = [Path(text) / name for name in ("whole", "killed")]
        for folder in folders:
            folder.mkdir()
        command = [sys.executable, __file__, "--trials", str(options.trials), "--child"]
        curve = watch([*command, str(folders[0])], folders[0])
        for kill in Random(options.seed).sample(range(1, options.trials), options.kills):
            watch([*command, str(folders[1])], folders[1], until=kill)
        watch([*command, str(folders[1])], folders[1])
        return judge(curve, *map(trials_of, folders), options)


def done(folder: Path) -> int:
    """Say how many trials have ended, give or take those that failed."""
    place = folder / "runs" / "t" / "scan_trials" / "trials"
    return max((int(path.name) + 1 for path in place.glob("[0-9]*") if path.name.isdigit()), default=0)


def watch(command: list[str], folder: Path, until: int | None = None) -> list[tuple[int, float, float]]:
    """Run a scan, or kill it once that many trials have ended: trials, seconds and megabytes, twice a second.

    Raises:
        SystemExit: it failed.
    """
    began, curve = time.monotonic(), []
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                curve.append((done(folder), time.monotonic() - began, watched.memory_info().rss / 1e6))
            except psutil.NoSuchProcess:
                break
            if until is not None and curve[-1][0] >= until:
                process.kill()
            time.sleep(0.5)
    if process.returncode and until is None:
        raise SystemExit(f"The scan ended with exit code {process.returncode}; run it by hand.")
    return curve


def trials_of(folder: Path) -> list[dict[str, Any]]:
    """Read all trials of a finished scan."""
    found: list[dict[str, Any]] = json.loads((folder / "runs" / "t" / "scan" / "scan.json").read_text(encoding="utf-8"))["trials"]
    return found


def judge(
    curve: list[tuple[int, float, float]], whole: list[dict[str, Any]], killed: list[dict[str, Any]], options: argparse.Namespace
) -> int:
    """Print what was seen and return the exit code."""
    n = options.trials
    first = max(mb for trials, _, mb in curve if 0 < trials <= n // 10)
    most, page = max(mb for trials, _, mb in curve if trials < n), max(mb for *_, mb in curve)
    same = whole == killed and len(whole) == n
    early, late = (seconds_of(curve, n // 10 * k, n // 10 * (k + 1)) for k in (1, 9))
    print(
        f"{n} trials in {curve[-1][1]:.0f} s, {early:.1f} s for the second tenth and {late:.1f} s for the last; {first:.0f} MB in the first "
        f"tenth, at most {most:.0f} MB, {page:.0f} MB while the page is made; killed {options.kills} times: {'the same' if same else 'other'} trials"
    )
    return not same or most - first > MOST_GROWTH_MB


def seconds_of(curve: list[tuple[int, float, float]], begin: int, end: int) -> float:
    """Say how long the trials between two numbers took."""
    times = [seconds for trials, seconds, _ in curve if begin <= trials <= end]
    return times[-1] - times[0] if times else float("nan")


if __name__ == "__main__":
    raise SystemExit(main())
