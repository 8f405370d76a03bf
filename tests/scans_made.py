"""Scans of a made dataset whose trials make a network without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from l1ad.config import Config, load_config
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import TrainingError
from l1ad.search.judge import search_jury
from l1ad.search.storage import write_json
from l1ad.search.trial import Job
from l1ad.spec import reference
from tests.datasets_made import make_dataset
from tests.networks import make_network

TEXT = """
name: t
layout: l1topo44
data: {background: {zb: b.h5}, signals: {ttbar: t.h5}}
model: {kind: vae, hidden: [4], latent: 1, output_type: "ap_fixed<10,4,AP_RND_CONV,AP_SAT>"}
scaling: {empty_columns: ignore, leave_out: [eta, phi]}
training: {teacher: rarity, float_epochs: 2, epochs: 3, batch_size: 256}
score: {kind: linear}
runs: runs
scan: {fraction: 0.02, SCAN, space: {hidden: [[2], [3], [4]], weight_bits: [4, 6], sparsity: [0.0, 0.6]}}
"""
FAST = "trials: 12, batch: 4, startup: 4, points: 0"


def made(folder: Path, settings: str = FAST, signals: tuple[str, ...] = ("ttbar",)) -> Config:
    file = folder / "t.yaml"
    file.write_text(TEXT.replace("SCAN", settings), encoding="utf-8")
    if not (folder / "runs" / "t" / "dataset").exists():
        make_dataset(folder / "runs" / "t" / "dataset", 3000, 100, signals=signals)
    return load_config(file)


def stand_in(job: Job, place: Path) -> dict[str, Any]:
    """Make a network without training; of three neurons with wide weights none."""
    model = job.config.model
    if (model.hidden, model.weight_bits) == ((3,), (6,)):
        raise TrainingError("The loss of seed 1 became nan in epoch 1.")
    place.mkdir(parents=True, exist_ok=True)
    network = make_network("l1topo44", (*model.hidden, 1), seed=sum(model.hidden), zero_fraction=job.config.training.sparsity)
    jury = search_jury(load_dataset(job.dataset), job.config.scan)
    efficiency = jury.efficiency(lambda x: reference.scores(network, np.asarray(x, dtype=np.int64)), job.fraction)
    network.save(place / "network.json")
    found = {"efficiency": efficiency, "lut": 100.0 * model.hidden[0] * model.weight_bits[0], "latency_ns": 10.0}
    found |= {"efficiencies": [efficiency], "kept": 0, "weights": 7, "zero_weights": 0.5, "digest": network.digest}
    write_json(place / "trial.json", found)
    return found
