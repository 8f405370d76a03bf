#!/usr/bin/env python
"""Thin the Level-1 part of the shipped sample to what the package itself carries, for `l1ad init --sample`.

    .venv/bin/python scripts/make_small_sample.py

Of the background one block of 64 event numbers in eight is kept (a block shares a hard collision), of each signal the first thousand events.
"""

from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SOURCE, TARGET = ROOT / "data" / "sample", ROOT / "l1ad" / "sample"
ONE_IN, BLOCK, SIGNAL_EVENTS = 8, 64, 1000


def kept(file: h5py.File, name: str) -> np.ndarray:
    """Choose rows: of the background by a hash of run and block."""
    if name != "background":
        return np.arange(min(SIGNAL_EVENTS, file["event_number"].shape[0]))
    block = file["event_number"][:].astype(np.uint64) // np.uint64(BLOCK) + (
        file["run_number"][:].astype(np.uint64) << np.uint64(32)
    )
    mixed = (block * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
    return np.flatnonzero(mixed % np.uint64(ONE_IN) == 0)


def thin(path: Path) -> None:
    """Write the kept rows of every column but those of the software trigger."""
    name = path.stem.removeprefix("gelato_")
    with h5py.File(path) as source, h5py.File(TARGET / f"{name}.h5", "w") as target:
        rows = kept(source, name)
        target.attrs.update(source.attrs)
        for key, data in source.items():
            if not key.startswith("HLT_"):
                chunks = (len(rows), 1, *data.shape[2:]) if data.ndim == 3 else (len(rows), *data.shape[1:])
                target.create_dataset(
                    key, data=data[:][rows], chunks=chunks, compression="gzip", compression_opts=9, shuffle=True
                )
        weight = target["EB_weights"][:]
        print(f"{name}: {len(rows)} events, mean weight {weight.mean():.3f}")


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    for path in sorted(SOURCE.glob("gelato_*.h5")):
        thin(path)
