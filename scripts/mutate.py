"""Put one declared fault at a time into a copy of the sources, run the tests that must notice it, and print how many are caught.

    python scripts/mutate.py [--list scripts/mutations.yaml] [--only WORD] [--jobs N]

The sources here are never touched. The named tests must pass without a fault first. The last line is ``caught/total``; the exit code is
1 where fewer than nine of ten are caught, 2 where the list does not fit the sources or the tests fail without a fault.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
LIST = ROOT / "scripts" / "mutations.yaml"
#: What the tests of a copy may look at.
COPIED = ("l1ad", "tests", "configs", "scripts", "docs", "pyproject.toml", "README.md")
#: Part of the mutations that must be caught.
WANTED = 0.9
#: Seconds for the tests of one mutation, and for each file of them without a fault; a fault that makes them hang is caught as well.
TIMEOUT_S = 900
#: What pytest returns where all tests passed, and where some failed.
PASSED, FAILED = 0, 1
KEYS = {"name", "file", "old", "new", "tests"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault.

    Attributes:
        name: what is wrong with it, in a few words.
        file: the source, from the repository's root.
        old: text that occurs once in it.
        new: what it is replaced by.
        tests: what must fail, as pytest takes it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


class ListError(Exception):
    """Refuse a list of mutations that does not fit."""


def load_mutations(path: Path) -> list[Mutation]:
    """Read the list.

    Raises:
        ListError: an entry lacks a key or has an unknown one, or a name is there twice.
    """
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    for entry in entries:
        if set(entry) != KEYS:
            raise ListError(f"A mutation needs the keys {sorted(KEYS)}, got {sorted(entry)}.")
    names = [entry["name"] for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ListError(f"The mutation {twice[0]!r} is listed twice; give each a name of its own.")
    return [Mutation(**entry | {"tests": tuple(entry["tests"])}) for entry in entries]


def mutated(mutation: Mutation, root: Path) -> str:
    """Return the source's text with the fault in it.

    Raises:
        ListError: the old text is not there exactly once, or the fault is none.
    """
    text = (root / mutation.file).read_text(encoding="utf-8")
    if (found := text.count(mutation.old)) != 1:
        raise ListError(f"{mutation.name!r}: {mutation.old!r} must be in {mutation.file} once, found {found} times.")
    if mutation.old == mutation.new:
        raise ListError(f"{mutation.name!r} changes nothing.")
    return text.replace(mutation.old, mutation.new)


def caught(mutation: Mutation, snapshot: Path, folder: Path) -> bool:
    """Return whether a test fails in a copy of the snapshot with the fault."""
    root = copied(snapshot, folder)
    (root / mutation.file).write_text(mutated(mutation, root), encoding="utf-8")
    try:
        code = run_tests(mutation.tests, root)
    finally:
        shutil.rmtree(root)
    if code not in (PASSED, FAILED):
        raise ListError(f"{mutation.name!r}: pytest could not run {' '.join(mutation.tests)} (code {code}).")
    return code == FAILED


def copied(source: Path, folder: Path) -> Path:
    """Copy what the tests may look at into a new folder; the data are linked."""
    root = Path(tempfile.mkdtemp(dir=folder))
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif (source / name).is_file():
            shutil.copy2(source / name, root / name)
    (root / "data").symlink_to(ROOT / "data")
    return root


def run_tests(tests: Sequence[str], root: Path, timeout_s: float = TIMEOUT_S) -> int:
    """Run tests in a copy until the first fails; a run that takes too long has failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        return FAILED
    return done.returncode


def require_passing(mutations: Sequence[Mutation], root: Path) -> None:
    """Run all tests once without a fault.

    Raises:
        ListError: they fail already.
    """
    tests = sorted({test for mutation in mutations for test in mutation.tests})
    if run_tests(tests, root, TIMEOUT_S * len(tests)) != PASSED:
        raise ListError(f"The tests fail without a fault; run pytest on {' '.join(tests)} and mend them first.")


def check(mutations: Sequence[Mutation], jobs: int) -> int:
    """Try every mutation of the sources as they are now, and give the number that is caught."""
    with tempfile.TemporaryDirectory(prefix="mutate-") as name, ThreadPoolExecutor(jobs) as pool:
        folder = Path(name)
        snapshot = copied(ROOT, folder)  # what is edited meanwhile does not matter
        require_passing(mutations, copied(snapshot, folder))
        results = pool.map(lambda mutation: caught(mutation, snapshot, folder), mutations)
        total = 0
        for mutation, found in zip(mutations, results, strict=True):
            total += found
            print(f"{'caught  ' if found else 'SURVIVED'}  {mutation.file}: {mutation.name}", flush=True)
    return total


def main() -> int:
    """Try the listed mutations and print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", type=Path, default=LIST, help="the list of mutations")
    parser.add_argument("--only", default="", help="only those with this text in file or name")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    options = parser.parse_args()
    try:
        listed = load_mutations(options.list)
        chosen = [m for m in listed if options.only in f"{m.file}: {m.name}"]
        if not chosen:
            raise ListError(f"No mutation has {options.only!r} in its file or name; leave --only out.")
        for mutation in chosen:
            mutated(mutation, ROOT)
        total = check(chosen, options.jobs)
    except ListError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{total}/{len(chosen)}")
    return 0 if total >= WANTED * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
