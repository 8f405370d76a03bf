"""Make a run folder with a tiny model and data, for the tests of stages that start from a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from l1ad.config import Config, parse_config
from l1ad.core.artefact import writing
from l1ad.core.network import Network
from tests.datasets_made import make_dataset
from tests.networks import make_events

TEXT = """
name: tiny
layout: l1topo44
data: {background: {zero_bias: b.h5}, out_of_range: POLICY}
model: {kind: ae}
score: {kind: latent_l2}
runs: runs
hls_projects: projects
"""


def make_config(folder: Path, out_of_range: str = "refuse") -> Config:
    """Return the configuration of such a run."""
    return parse_config(TEXT.replace("POLICY", out_of_range), "tiny.yaml", folder)


def make_run(folder: Path, network: Network, n_events: int = 300, *, out_of_range: str = "refuse") -> Config:
    """Write a model artefact and, unless ``n_events`` is 0, a dataset of events over the whole hardware range.

    Args:
        folder: where ``runs`` and ``projects`` go.
        network: the model.
        n_events: events of the dataset.
        out_of_range: the configuration's policy.
    """
    config = make_config(folder, out_of_range)
    with writing(config.run / "model", "model", key="k", inputs={}, config={}) as draft:
        network.save(draft.path / "network.json")
    if n_events:
        x_hw = make_events(network.layout, n_events, seed=11)
        split = np.arange(n_events) % 3
        sizes = {"n_background": n_events, "n_signal": 0, "signals": ()}
        make_dataset(config.run / "dataset", layout=network.layout, x_hw=x_hw, split=split, **sizes)
    return config
