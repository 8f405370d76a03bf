#!/usr/bin/env python
"""Kill every stage at random times, let it recover, and compare what it made with what an undisturbed run makes.

    .venv/bin/python scripts/kill_test.py --kills 200 --seed 1

Each stage runs once undisturbed; then it is started and killed (SIGKILL, only the command itself) some times in a row, at moments spread
over that time, and run to its end. After every kill nothing that it started may be left running; after every recovery the artefact must
be the same in every byte but its logs, and no draft, lock or other file may be left that the undisturbed run did not leave.
The last line has the counts; exit code 1 where anything differed.
"""

from __future__ import annotations

import argparse
import json
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
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import every_stage  # noqa: E402
from tests.every_stage import STAGES, Stage, contents, hidden, make_place, run_stage  # noqa: E402
from tests.processes import none_left  # noqa: E402

#: Kills before a stage is let finish.
ROW = 4
#: Stages that most of the others need.
NEEDED = ("prepare", "train", "convert")


def main() -> int:
    """Run every stage undisturbed; then kill, recover, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="in all, more of the stages that take less time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="stages to kill, with commas; those before them are only run")
    parser.add_argument(
        "--folder", type=Path, help="kept, so that the same call goes on where it was ended; default: a temporary one"
    )
    options = parser.parse_args()
    chosen = [name for name in STAGES if not options.only or name in options.only.split(",")]
    with tempfile.TemporaryDirectory(prefix="kill-") as temporary:
        test = Test(options.folder or Path(temporary), options.seed)
        lasts = test.undisturbed(chosen)
        for name, quota in quotas(options.kills, lasts).items():
            test.kill_stage(name, quota, lasts[name])
    counts = test.total(chosen)
    print(last_line(counts, len(chosen)))
    return bool(counts["wrong"])


def quotas(kills: int, lasts: dict[str, float]) -> dict[str, int]:
    """Share kills out: a fifth evenly, the rest in inverse proportion to the time that a stage takes."""
    least = -(-kills // (5 * len(lasts)))
    left, speed = max(0, kills - least * len(lasts)), {name: 1 / seconds for name, seconds in lasts.items()}
    ends, before = {}, 0.0
    for name in lasts:
        before += speed[name]
        ends[name] = round(left * before / sum(speed.values()))
    firsts = dict(zip(lasts, [0, *ends.values()], strict=False))
    return {name: least + ends[name] - firsts[name] for name in lasts}


def last_line(counts: Counter[str], n_stages: int) -> str:
    """Describe what was done and found."""
    return (
        f"{counts['kills']} kills over {n_stages} stages ({counts['too late']} more came after the end), {counts['recoveries']} recoveries: "
        f"{counts['same']} with the same artefact, {counts['left running']} with something left running, "
        f"{counts['files']} with files left behind, {counts['failed']} failed, {counts['seconds']} s"
    )


class Test:
    """A place with every stage's files, what an undisturbed run has made there, and what was found so far."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.place, self.notes, self.seed = folder / "place", folder / "notes.json", seed
        if not self.notes.exists():
            self.place.mkdir(parents=True)
            make_place(self.place)
        self.found: dict[str, Any] = json.loads(self.notes.read_text()) if self.notes.exists() else {"lasts": {}, "counts": {}}

    def note(self) -> None:
        """Keep what was found, for a later call."""
        self.notes.write_text(json.dumps(self.found, indent=1))

    def total(self, chosen: list[str]) -> Counter[str]:
        """Add the counts of all stages."""
        return sum((Counter(self.found["counts"].get(name, {})) for name in chosen), Counter[str]())

    def undisturbed(self, chosen: list[str]) -> dict[str, float]:
        """Run what was not run yet, and give the time that each chosen stage takes."""
        for name, stage in STAGES.items():
            if name not in self.found["lasts"] and (name in chosen or name in NEEDED):
                began = time.monotonic()
                run_to_its_end(self.place, stage, name)
                self.found["lasts"][name] = time.monotonic() - began
                self.note()
        return {name: self.found["lasts"][name] for name in chosen}

    def kill_stage(self, name: str, quota: int, lasts: float) -> None:
        """Kill one stage a number of times, in rows that each end with a recovery."""
        if name in self.found["counts"]:
            return
        stage, counts, random = STAGES[name], Counter[str](), Random(f"{self.seed}/{name}")
        if not (self.place / stage.target).exists():
            run_to_its_end(self.place, stage, name)  # an earlier call was ended here
        shutil.rmtree(
            self.place / stage.target / "build", ignore_errors=True
        )  # what csim compiled into the project is not convert's
        began, wanted, files = time.monotonic(), contents(self.place / stage.target), listing(self.place)
        while counts["kills"] < quota and counts["too late"] < 2 * quota + 4:
            forget(self.place / stage.target)
            for turn in range(min(ROW, quota - counts["kills"])):
                took = kill_once(self.place, stage, random.uniform(0, lasts), counts)
                if took is not None and turn == 0:
                    lasts = min(lasts, took)  # the machine has less to do than before
                if took is not None:
                    break
            counts += recovered(self.place, stage, name, wanted, files)
        print(f"{name}: {dict(counts)}, undisturbed {lasts:.1f} s", flush=True)
        self.found["counts"][name] = counts | Counter(seconds=round(time.monotonic() - began))
        self.note()


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


def kill_once(folder: Path, stage: Stage, seconds: float, counts: Counter[str]) -> float | None:
    """Start a stage and kill it; whatever it has started must end by itself. Gives the time of a stage that ended before."""
    tag, null = f"kill{os.getpid()}", subprocess.DEVNULL
    command, began, took = every_stage.command(stage), time.monotonic(), None
    with subprocess.Popen(command, cwd=folder, env=every_stage.environment(tag), stdin=null, stdout=null, stderr=null) as process:
        try:
            process.wait(seconds)
            took = time.monotonic() - began
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    counts["kills" if process.returncode == -signal.SIGKILL else "too late"] += 1
    if left := none_left(tag, 20):
        counts["left running"] += 1
        counts["wrong"] += 1
        print(f"  left running after {seconds:.1f} s: {left}", flush=True)
    return took


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
    """List all files, hidden ones too, but not what the C simulation compiles into a project: a cache that any stage may be without."""
    found = (path.relative_to(folder) for path in folder.rglob("*"))
    return sorted({str(path) for path in found if "build" not in path.parts} | set(hidden(folder)))


if __name__ == "__main__":
    raise SystemExit(main())
