#!/usr/bin/env python
"""Return every door thousands of hostile files: layouts, networks, thresholds, configurations, models, artefacts, reports, data.

    .venv/bin/python scripts/fuzz.py --cases 10000 --seed 1

Case ``i`` of a seed is always the same. Each is read in a process with a bound on its memory, with an audit hook that notes every
process, import by pickle, connection and file written elsewhere. A case is right when it is refused in one sentence of this project,
or accepted without anything of it reaching generated text. The last line has the counts; exit code 1 where anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
#: Beyond what the interpreter and the libraries take, the most address space a case may have, and the most it may really use.
ADDRESSES, MOST_MB = 8 * 2**30, 1500
#: Seconds of the processor that a case may take.
MOST_SECONDS = 20
#: Times that long without a word after which a worker hangs, however little it has had of the processor.
MOST_ROUNDS = 200
MOST_CHARACTERS = 1500
EVENTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "pty.spawn",
    "pickle.find_class",
    "code.__new__",
)
EVENTS += ("socket.connect", "urllib.Request", "webbrowser.open", "ctypes.dlopen", "os.putenv")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.chmod", "shutil.rmtree")
ANSWERS = ("refused", "accepted")


def main() -> int:
    """Run the cases in a worker that is started again where one ended it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=10_000, help="how many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--only", default="", help="families, with commas")
    parser.add_argument("--keep", type=Path, help="folder for the files of cases that went wrong")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        return work(options)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        return supervise(options, Path(folder))


def supervise(options: argparse.Namespace, folder: Path) -> int:
    """Collect what the workers say; a worker that dies or hangs has failed its case."""
    results: list[dict[str, Any]] = []
    began = time.monotonic()
    while len(results) < options.cases:
        results += one_worker(options, folder, options.first + len(results), options.cases - len(results))
    wrong = [one for one in results if one["answer"] not in ANSWERS]
    for kind, count in Counter((one["family"], one["answer"], one["said"][:200]) for one in wrong).most_common(60):
        first = next(one for one in wrong if (one["family"], one["answer"], one["said"][:200]) == kind)
        print(f"{count} x {kind[0]}: {kind[1]}: {kind[2]!r} (first: case {first['case']}) {first.get('where', '')}")
    print(last_line(results, options.seed, time.monotonic() - began))
    return bool(wrong)


def last_line(results: list[dict[str, Any]], seed: int, seconds: float) -> str:
    """Count the answers."""
    by = Counter(one["answer"] for one in results)
    highest = max((one["peak_mb"] for one in results), default=0)
    return (
        f"{len(results)} cases of seed {seed}: {by['refused']} refused in one sentence, {by['accepted']} accepted, "
        f"{by['traceback']} tracebacks, {by['sentence']} other sentences, {by['code']} with code run, {by['text']} with text let through, "
        f"{by['died']} processes died, {by['slow']} over {MOST_SECONDS} s, {by['memory']} over {MOST_MB} MB, "
        f"peak memory {highest:.0f} MB, {seconds:.0f} s"
    )


def one_worker(options: argparse.Namespace, folder: Path, first: int, count: int) -> list[dict[str, Any]]:
    """Run cases in a process until they are done or it ends."""
    command = [sys.executable, __file__, "--worker", str(folder), "--cases", str(count), "--first", str(first)]
    command += ["--seed", str(options.seed), "--only", options.only]
    command += ["--keep", str(options.keep.resolve())] if options.keep else []
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"HOME": str(folder)}
    results: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=folder, bufsize=0) as worker:
        while line := next_line(worker):
            results.append(json.loads(line))
            if results[-1]["case"] % 250 == 249:
                print(f"… {results[-1]['case'] + 1}", file=sys.stderr, flush=True)
        worker.kill()
    if len(results) < count:
        case = first + len(results)
        results.append(
            {
                "case": case,
                "family": family_of(options, case)[0],
                "answer": "died",
                "said": f"exit code {worker.returncode}",
                "peak_mb": 0,
            }
        )
        keep(options, folder, results[-1])  # the worker is no more, and its files are still there
    return results


def next_line(worker: subprocess.Popen[bytes]) -> bytes:
    """Wait for what a worker says next; nothing where it has ended, or takes the processor for long and does not come back."""
    assert worker.stdout is not None
    began = processor_seconds(worker.pid)
    for _ in range(MOST_ROUNDS):
        if select.select([worker.stdout], [], [], MOST_SECONDS)[0]:
            return worker.stdout.readline()
        if processor_seconds(worker.pid) - began > 3 * MOST_SECONDS:  # of the processor: others may have it for long
            break
    return b""


def processor_seconds(pid: int) -> float:
    """Give the time that a process has had of the processor, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def keep(options: argparse.Namespace, folder: Path, result: dict[str, Any]) -> None:
    """Copy the files of a case that went wrong."""
    if options.keep is not None and result["answer"] not in ANSWERS:
        shutil.copytree(folder / "case", options.keep.resolve() / str(result["case"]), dirs_exist_ok=True)


def family_of(options: argparse.Namespace, case: int) -> tuple[str, Any]:
    """Return a case's family: one after the other."""
    for place in (ROOT, ROOT / "scripts"):
        sys.path.insert(0, str(place)) if str(place) not in sys.path else None
    from fuzz_cases.families import FAMILIES

    names = [name for name in FAMILIES if not options.only or name in options.only.split(",")]
    return names[case % len(names)], FAMILIES[names[case % len(names)]]


def work(options: argparse.Namespace) -> int:
    """Run cases one by one and say a line of JSON for each."""
    family_of(options, 0)
    watch = Watch(options.worker)
    limit = address_space() + ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGPROF, too_slow)
    for case in range(options.first, options.first + options.cases):
        result = run(options, case, watch)
        keep(options, options.worker, result)
        print(json.dumps(result), flush=True)
    return 0


def address_space() -> int:
    """Return the size of this process' address space, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")


class TooSlow(BaseException):
    """A case took too long."""


def too_slow(*_: object) -> None:
    """Be the handler of the alarm."""
    raise TooSlow


class Watch:
    """Note what happens while a case is read that reading has no need of."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.on = str(folder), False
        self.seen: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Be called by the interpreter."""
        if not self.on:
            return
        if (
            (event in EVENTS and not importing())
            or (event in CHANGES and self.outside(arguments[0]))
            or (event == "open" and writes(arguments) and self.outside(arguments[0]))
        ):
            self.seen.append(f"{event} {arguments!r:.100}")

    def outside(self, place: object) -> bool:
        """Whether a file is not one of the worker's folder."""
        return isinstance(place, str) and not str(Path(place).absolute()).startswith((self.folder, "/dev/"))


def importing() -> bool:
    """Whether a module is being imported: that makes code objects and may load libraries, all of them installed."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def writes(arguments: tuple[Any, ...]) -> bool:
    """Whether a file is opened to be written."""
    mode, flags = arguments[1], arguments[2]
    return bool(set(mode or "") & set("wax+")) or bool(int(flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def run(options: argparse.Namespace, case: int, watch: Watch) -> dict[str, Any]:
    """Make a case's files, read them and judge."""
    name, family = family_of(options, case)
    folder = options.worker / "case"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file, data in family.make(Random(f"{options.seed}/{case}")).items():
        (folder / file).write_bytes(data)
    forget_peak()
    watch.seen.clear()
    answer, said, where = judged(family.door, folder, watch)
    peak = peak_mb()
    if watch.seen or any(options.worker.rglob("PWNED*")):
        answer, said = "code", "; ".join(watch.seen) or "a file PWNED"
    elif answer in ANSWERS and peak > MOST_MB:
        answer, said = "memory", f"{peak:.0f} MB"
    return {"case": case, "family": name, "answer": answer, "said": said, "where": where, "peak_mb": round(peak, 1)}


def forget_peak() -> None:
    """Set the highest memory that the system notes of this process to what it has now."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """Return the highest memory since it was forgotten."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024  # type: ignore[union-attr]


def judged(door: Any, folder: Path, watch: Watch) -> tuple[str, str, str]:
    """Open a door, and say how it answered."""
    from l1ad.core.errors import L1adError

    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    watch.on = True
    try:
        generated = door(folder)
        found = ("text", "a payload is in the generated text", "") if "PWNED" in generated else ("accepted", "", "")
    except L1adError as error:
        found = ("refused" if is_sentence(str(error)) else "sentence", str(error).replace(str(folder), ""), last_place(error))
    except TooSlow:
        found = ("slow", "", "")
    except BaseException as error:
        found = ("traceback", f"{type(error).__name__}: {error}".replace(str(folder), "")[:300], last_place(error))
    finally:
        watch.on = False
        signal.setitimer(signal.ITIMER_PROF, 0)
    return found


def last_place(error: BaseException) -> str:
    """Return where in the package an error was raised."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/l1ad/" in frame.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def is_sentence(text: str) -> bool:
    """Whether a message is one line of bounded length, with nothing in it that a terminal obeys or cannot show."""
    return 20 <= len(text) <= MOST_CHARACTERS and text.isprintable()


if __name__ == "__main__":
    raise SystemExit(main())
