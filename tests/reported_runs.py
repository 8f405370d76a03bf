"""Make the folder of a whole run out of made artefacts, for tests of reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.core.agreement import compare
from l1ad.core.artefact import writing
from l1ad.core.board import part_totals
from l1ad.core.network import Network
from l1ad.core.resources import LayerResources, Level, ResourceReport
from l1ad.core.scoreset import Source
from tests.datasets_made import make_dataset, make_scores, pt_sum, write_artefact
from tests.networks import make_network

PART = "xcvu9p-flga2104-2-e"


def open_report(lut: int = 6000, **values: Any) -> ResourceReport:
    """Make a report of the open flow."""
    layers = (LayerResources("dense1", lut=lut * 2 // 3, ff=0), LayerResources("dense2", lut=lut // 3, ff=None))
    fields = {"part": PART, "top": "demo", "clock_target_ns": 25.0, "path_ns": 18.5, "ff": 0, "dsp": 0, "bram18": 0, "uram": 0}
    latency = {"latency_min_cycles": 0, "latency_max_cycles": 0, "ii_min": 1, "ii_max": 1}
    notes = ("LUTs of the open flow are not Vivado's.",)
    made = fields | latency | {"available": part_totals(PART), "breakdown": layers, "notes": notes} | values
    return ResourceReport("Yosys", Level.OPEN, "0.70", lut=lut, **made)


def make_run(
    folder: Path, name: str = "demo", lut: int = 6000, seed: int = 1, reports: tuple[ResourceReport, ...] | None = None
) -> Path:
    """Write dataset, model, csim and synth_open of a run."""
    run = folder / name
    dataset = make_dataset(run / "dataset", seed=seed)
    network: Network = make_network("l1topo44", (8, 3), seed=seed)
    curves = {"loss": [[3.0, 3.2], [2.0, 2.1], [1.5, 1.7]], "validation": [[3.1, 3.3], [2.2, 2.2], [1.6, 1.8]]}
    history = {"seeds": [1, 2], "float": curves, "qat": curves}
    write_artefact(run / "model", "model", {"network.json": json.dumps(network.to_dict()), "history.json": json.dumps(history)})
    with writing(run / "csim", "csim", key="k", inputs={}, config={"firmware": {"board": "l1topo"}}) as draft:
        codes = pt_sum(dataset)
        make_scores(dataset, codes.astype(np.float64) * 0.25 + 0.01, Source.FLOAT).save(draft.path)
        make_scores(dataset, codes, Source.QKERAS).save(draft.path)
        make_scores(dataset, codes, Source.CSIM).save(draft.path)
        agreement = compare("QKERAS", "CSIM", codes, codes)
        (draft.path / "agreement.json").write_text(json.dumps(agreement.to_dict()), encoding="utf-8")
    chosen = (open_report(lut),) if reports is None else reports
    rtl = compare("CSIM", "RTL", codes[:50], codes[:50])
    files = {"reports.json": json.dumps([r.to_dict() for r in chosen]), "agreement.json": json.dumps([rtl.to_dict()])}
    write_artefact(run / "synth_open", "synth", files)
    return run
