"""Mutated files: whatever is in them, a reader gives events or one InputError; nothing crashes, hangs or leaks a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.choices import OutOfRange
from l1ad.core.errors import InputError
from l1ad.core.layout import load_layout
from l1ad.data.chunk import RangeTally, fit
from l1ad.data.formats import recognise
from l1ad.data.readers import reader
from tests.event_files import write_fortymhz, write_gelato
from tests.root_files import write_l1ntuple, write_nanoaod, write_xaod


def write_regions(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["CaloRegions"] = np.arange(30 * 252).reshape(30, 18, 14) % 1024
        file["event"] = np.arange(30)


def write_parquet(path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(1)
    columns = {}
    for folder, stem, n in (("jets", "jet", 12), ("egammas", "eg", 12), ("muons", "muon", 8)):
        counts = rng.integers(0, n, 30)
        for feature in ("Et", "Eta", "Phi"):
            columns[f"{folder}_{stem}I{feature}"] = pa.array(
                [rng.integers(0, 60, k).tolist() for k in counts], pa.list_(pa.int16())
            )
    columns |= {f"MET_{name}": pa.array([[5]] * 30, pa.list_(pa.int16())) for name in ("Et", "phi")}
    parquet.write_table(pa.table(columns | {"event": pa.array(range(30))}), path, row_group_size=12)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "c.h5": (write_regions, "cicada252"),
    "f.h5": (write_fortymhz, "fortymhz57"),
    "p.parquet": (write_parquet, "axol1tl57"),
    "g.h5": (write_gelato, "l1topo44"),
    "n.root": (write_nanoaod, "axol1tl57"),
    "l.root": (write_l1ntuple, "axol1tl57"),
    "x.root": (write_xaod, "l1topo44"),
}


def mutate(whole: bytes, rng: np.random.Generator) -> bytes:
    """Flip bytes, cut off, blank out, or repeat a piece."""
    data = bytearray(whole)
    start = int(rng.integers(0, len(data)))
    length = int(rng.integers(1, 64))
    match int(rng.integers(0, 4)):
        case 0:
            for place in rng.integers(0, len(data), int(rng.integers(1, 20))):
                data[place] ^= int(rng.integers(1, 256))
        case 1:
            del data[start:]
        case 2:
            data[start : start + length] = bytes(len(data[start : start + length]))
        case _:
            data[start:start] = data[start : start + length]
    return bytes(data)


def read(path: Path, layout_name: str) -> None:
    layout = load_layout(layout_name)
    format_ = recognise(path)
    reader(format_.name).describe(path)
    for chunk in reader(format_.name).chunks(path, layout, 20):
        fit(chunk, layout, OutOfRange.CLIP, RangeTally(), str(path))


def fuzz(folder: Path, name: str, numbers: range) -> int:
    write, layout = FILES[name]
    write(folder / name)
    whole = (folder / name).read_bytes()
    refused: list[str] = []
    for number in numbers:
        rng = np.random.default_rng([number, len(name)])
        path = folder / f"mutated_{name}"
        path.write_bytes(mutate(whole, rng))
        try:
            read(path, layout)
        except InputError as error:
            refused.append(str(error))
    assert all("mutated_" in message and "\n" not in message for message in refused)
    return len(refused)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_mutated_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    assert fuzz(tmp_path, name, range(40)) > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_thousands_of_mutated_files(tmp_path: Path, name: str) -> None:
    assert fuzz(tmp_path, name, range(1000)) > 100
