#!/usr/bin/env python
"""Kill every stage at random times, let it recover, and compare what it made with what an undisturbed run makes.

    .venv/bin/python scripts/kill_test.py --kills 200 --seed 1

Each stage runs once undisturbed; then it is started and killed (SIGKILL, only the command itself) some times in a row, at moments spread
over that time, and run to its end. After every kill nothing that it started may be left running; after every recovery the artefact must
be the same, and no draft, lock or other file may be left that the undisturbed run did not leave. The last line has the counts; exit code
1 where anything differed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import every_stage  # noqa: E402
from tests.every_stage import STAGES, Stage, contents, hidden, make_place, run_stage  # noqa: E402
from tests.processes import none_left  # noqa: E402

#: Kills before a stage is let finish.
ROW = 4


def main() -> int:
    """Kill, recover, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="in all, spread over the stages")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="stages to kill, with commas; those before them are only run")
    parser.add_argument("--folder", type=Path, help="where the runs are, kept for another call; default: a temporary folder")
    options = parser.parse_args()
    chosen = [name for name in STAGES if not options.only or name in options.only.split(",")]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-") as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "tiny.yaml").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make_place(folder)
        counts = Counter[str]()
        for name in [name for name in STAGES if name in chosen or not (folder / STAGES[name].target).exists()]:
            quota = options.kills // len(chosen) + (name in chosen[: options.kills % len(chosen)]) if name in chosen else 0
            counts += kill_stage(folder, name, quota, Random(f"{options.seed}/{name}"))
    print(last_line(counts, len(chosen), time.monotonic() - began))
    return bool(counts["wrong"])


def last_line(counts: Counter[str], n_stages: int, seconds: float) -> str:
    """Describe what was done and found."""
    return (
        f"{counts['kills']} kills over {n_stages} stages ({counts['too late']} more came after the end), {counts['recoveries']} recoveries: "
        f"{counts['same']} with the same artefact, {counts['left running']} with something left running, "
        f"{counts['files']} with files left behind, {counts['failed']} failed, {seconds:.0f} s"
    )


def kill_stage(folder: Path, name: str, quota: int, random: Random) -> Counter[str]:
    """Kill one stage a number of times, in rows that each end with a recovery."""
    stage, counts = STAGES[name], Counter[str]()
    began = time.monotonic()
    run_to_its_end(folder, stage, name)
    lasts = time.monotonic() - began
    wanted, files = contents(folder / stage.target), listing(folder)
    while counts["kills"] < quota and counts["too late"] < 2 * quota + 4:
        forget(folder / stage.target)
        for _ in range(min(ROW, quota - counts["kills"])):
            kill_once(folder, stage, random.uniform(0, lasts), counts)
        counts += recovered(folder, stage, name, wanted, files)
    print(f"{name}: {dict(counts)}, undisturbed {lasts:.1f} s", flush=True)
    return counts


def run_to_its_end(folder: Path, stage: Stage, name: str) -> None:
    """Run a stage undisturbed; it must succeed here."""
    done = run_stage(folder, stage)
    if done.returncode:
        raise SystemExit(f"{name} does not even run undisturbed: {done.stderr[-500:]}")


def forget(target: Path) -> None:
    """Remove a stage's result, so that it has to be made again."""
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
        target.with_name(f"{target.name}.json").unlink(missing_ok=True)


def kill_once(folder: Path, stage: Stage, seconds: float, counts: Counter[str]) -> None:
    """Start a stage and kill it; whatever it has started must end by itself."""
    tag, null = f"kill{os.getpid()}", subprocess.DEVNULL
    command = every_stage.command(stage)
    with subprocess.Popen(command, cwd=folder, env=every_stage.environment(tag), stdin=null, stdout=null, stderr=null) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    counts["kills" if process.returncode == -signal.SIGKILL else "too late"] += 1
    if left := none_left(tag, 20):
        counts["left running"] += 1
        counts["wrong"] += 1
        print(f"  left running after {seconds:.1f} s: {left}", flush=True)


def recovered(folder: Path, stage: Stage, name: str, wanted: str, files: list[str]) -> Counter[str]:
    """Run a stage that was killed to its end and compare."""
    done = run_stage(folder, stage)
    found = Counter(recoveries=1)
    if done.returncode:
        print(f"  {name} did not recover: exit code {done.returncode}: {done.stderr[-300:]}", flush=True)
        return found + Counter(failed=1, wrong=1)
    same, new = contents(folder / stage.target) == wanted, listing(folder) != files
    if new:
        print(f"  {name} left {sorted(set(listing(folder)) ^ set(files))[:10]}", flush=True)
    if not same:
        print(f"  {name} made something else", flush=True)
    return found + Counter(same=int(same), files=int(new), wrong=int(new or not same))


def listing(folder: Path) -> list[str]:
    """List all files, hidden ones too."""
    return sorted({str(path.relative_to(folder)) for path in folder.rglob("*")} | set(hidden(folder)))


if __name__ == "__main__":
    raise SystemExit(main())
