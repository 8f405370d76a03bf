#!/usr/bin/env python
"""Write vectors in every format, read them back, and compare: words, events and bytes.

    .venv/bin/python scripts/vectors_round_trip.py --events 100000

Prints a table: format, events, files, megabytes, seconds to write and to read back, events of the answers and of the inputs that agree, and how
many files are not the same bytes when what was read is written again. Exit code 1 where anything differs. Needs nothing but the core.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from l1ad.config import Config, parse_config
from l1ad.core.artefact import writing
from l1ad.core.network import Threshold
from l1ad.firmware.golden import adversarial_events
from l1ad.spec import reference
from l1ad.stages.capture import verify_capture
from l1ad.stages.vectors import vectors
from l1ad.vectors import topo, ugt
from l1ad.vectors.formats import FORMATS
from l1ad.vectors.linkmap import absent_columns, load_link_map

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.networks import make_events, make_network

#: Board and layout of each format.
PLACES = {"ugt": ("cms_ugt", "axol1tl57")}
PLACE = ("l1topo", "l1topo44")


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one format."""

    format: str
    events: int
    files: int
    megabytes: float
    write_s: float
    read_s: float
    answers: int
    inputs: int
    not_same: int


def main() -> int:
    """Go through the formats."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--formats", default="empv2,empv1,apx,memh,ugt,topo", help="with commas")
    asked = parser.parse_args()
    print(
        "format |  events | files |     MB | write s | read s | answers agree | inputs agree | files not the same bytes",
        flush=True,
    )
    right = True
    for name in asked.formats.split(","):
        with tempfile.TemporaryDirectory() as folder:
            row = one(name, asked.events, Path(folder))
        print(
            f"{row.format:6} | {row.events:7} | {row.files:5} | {row.megabytes:6.1f} | {row.write_s:7.1f} | {row.read_s:6.1f} | "
            f"{'none' if row.answers < 0 else row.answers:>13} | {row.inputs:12} | {row.not_same}",
            flush=True,
        )
        right &= row.inputs == row.events and row.answers in (row.events, -1) and not row.not_same
    return 0 if right else 1


def one(name: str, n_events: int, folder: Path) -> Row:
    """Write and read one format; -1 where the format has no answers."""
    config = made(name, n_events, folder)
    played, out = folder / "x.npy", folder / "out"
    began = time.perf_counter()
    vectors(config, format=name, output=out, events=played)
    wrote = time.perf_counter()
    files = sorted(path for path in out.iterdir() if path.suffix in (".txt", ".mem"))
    whole = name in ("ugt", "topo")
    inputs = verify_capture(config, files[0] if whole else out, side="input", events=played).events
    answers = inputs if name == "ugt" else -1 if name == "topo" else verify_capture(config, out, events=played).events
    read = time.perf_counter()
    again = rewritten(name, config)
    not_same = sum(again(path) != path.read_text(encoding="ascii") for path in files)
    size = sum(path.stat().st_size for path in files) / 1e6
    return Row(name, n_events, len(files), size, wrote - began, read - wrote, answers, inputs, not_same)


def rewritten(name: str, config: Config) -> Callable[[Path], str]:
    """Return what writes a file again from what was read of it."""
    if name == "ugt":
        links = load_link_map(config.board)
        return lambda path: ugt.write(ugt.read(path.read_text(encoding="ascii"), str(path), links), links)
    if name == "topo":
        layout = make_network(PLACE[1], (6, 3)).layout
        return lambda path: "".join(topo.write(layout, topo.read(path.read_text(encoding="ascii"), str(path))))
    return lambda path: FORMATS[name].write(FORMATS[name].read(path.read_text(encoding="ascii"), str(path)))


def made(name: str, n_events: int, folder: Path) -> Config:
    """Make a run with a small network, and events over the whole hardware range, a tenth of them at its edges."""
    board, layout = PLACES.get(name, PLACE)
    network = make_network(layout, (6, 3))
    edges = adversarial_events(network, n_events // 10, seed=5)
    x_hw = np.concatenate([make_events(network.layout, n_events - len(edges), seed=11).astype(np.int64), edges])
    x_hw[:, list(absent_columns(load_link_map(board), network.layout))] = 0
    scores = reference.scores(network, x_hw[:5000])
    network = network.with_thresholds(
        tuple(Threshold(n, int(np.quantile(scores, q))) for n, q in (("loose", 0.5), ("tight", 0.9)))
    )
    text = (
        f"name: tiny\nlayout: {layout}\ndata: {{background: {{zb: b.h5}}}}\nmodel: {{kind: ae}}\nscore: {{kind: latent_l2}}\nruns: runs\n"
        f"firmware: {{board: {board}}}\n"
    )
    config = parse_config(text, "tiny.yaml", folder)
    with writing(config.run / "model", "model", key="k", inputs={}, config={}) as draft:
        network.save(draft.path / "network.json")
    np.save(folder / "x.npy", x_hw)
    return config


if __name__ == "__main__":
    raise SystemExit(main())
