"""A file format that is one new module: configured, recognised, described, prepared, and named where formats are listed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

import l1ad

READER = '''
"""Read the fifth format."""

import numpy as np

from l1ad.data.chunk import EventChunk
from l1ad.data.formats import PLAIN, Container, FileDescription, Format, ObjectColumns, Signature
from l1ad.data.hdf5 import array, opened


class FifthReader:
    """Read ``Fifth`` ``(n_events, 2)``: the pt of two jets in counts."""

    format = Format("fifth", "the fifth", (Signature(Container.HDF5, ("Fifth",)),), ("l1topo44",))

    def describe(self, path):
        """Describe what a file is."""
        with opened(path) as file:
            rows = array(file, "Fifth", path, (None, 2))
            return FileDescription(path, self.format, len(rows), (ObjectColumns("jet", "Fifth", 2, ("pt",)),), ())

    def chunks(self, path, layout, size, reading=PLAIN, events=None):
        """Read a file's events."""
        with opened(path) as file:
            rows = array(file, "Fifth", path, (None, 2))[:]
            events = events or range(len(rows))
            counts = {slot.kind: np.zeros((len(events), slot.multiplicity, 3), dtype=np.int64) for slot in layout.slots}
            counts["jet"][:, :2, 0] = rows[events.start : events.stop]
            yield EventChunk(counts, {}, events.start)
'''
PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from l1ad.config import describe, parse_config
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from l1ad.core.provenance import code_digest
from l1ad.data.formats import recognise
from l1ad.stages.prepare import prepare

file, other = Path("a.h5"), Path("b.h5")
found = {"digest": code_digest("l1ad.stages.prepare"), "listed": "fifth" in json.dumps(describe.schema())}
try:
    found["recognised"] = recognise(file).name
    recognise(other)
except InputError as error:
    found["sentence"] = str(error)
text = "name: t\\nlayout: l1topo44\\ndata: {background: {zb: a.h5}, format: fifth}\\nmodel: {kind: ae}\\nscore: {kind: latent_l2}\\n"
if found["listed"]:
    made = prepare(parse_config(text, "t.yaml", Path.cwd()), scheduler="none")
    data = load_dataset(made.path)
    column = data.layout.slot_columns("jet").start
    found["pt"] = np.sort(np.asarray(data.x_hw)[:, column]).tolist()
print(json.dumps(found))
"""


def run(folder: Path, package: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, env={"PYTHONPATH": str(package)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_a_fifth_format_is_one_new_file(tmp_path: Path) -> None:
    for name, data_set in (("a.h5", "Fifth"), ("b.h5", "Sixth")):
        with h5py.File(tmp_path / name, "w") as file:
            file[data_set] = np.arange(40, dtype=np.int64).reshape(20, 2)
    package = tmp_path / "package" / "l1ad"
    shutil.copytree(Path(l1ad.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = run(tmp_path, package.parent)
    assert (before["listed"], "recognised" in before) == (False, False)
    (package / "data" / "readers" / "fifth.py").write_text(READER)
    after = run(tmp_path, package.parent)
    assert after["digest"] != before["digest"]
    assert (after["listed"], after["recognised"]) == (True, "fifth")
    assert "'Fifth' (the fifth)" in str(after["sentence"])
    assert after["pt"] == list(range(0, 40, 2))
