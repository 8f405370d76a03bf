"""Make the material of studies: a made dataset and a small model, without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from l1ad.config import Config, parse_config
from l1ad.core.network import Activation, Network, Score
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore, TrainedModel
from l1ad.studies.result import Material
from tests.datasets_made import make_dataset
from tests.networks import make_network

TEXT = """
name: demo
layout: l1topo44
data: {background: {zero_bias: b.h5}, signals: {ttbar: t.h5, a_4l: a.h5}}
model: {kind: KIND, hidden: [8], latent: 2}
score: {kind: SCORE}
scaling: {empty_columns: ignore}
training: {float_epochs: 1, epochs: 1, batch_size: 256}
runs: RUNS
studies:
  {seeds: 2, epochs: 1, events: 800, rate_khz: 2000.0, fpr: 0.05, trials: 4, displays: 2, control_sample: ttbar,
   shapes: [{hidden: [8], latent: 2}, {hidden: [12], latent: 3}]}
"""


def make_config(runs: Path, score: str = "latent_l2") -> Config:
    """Make a configuration of tiny studies."""
    kind = "ae" if score in ("mse", "masked_mse") else "vae"
    return parse_config(TEXT.replace("RUNS", str(runs)).replace("SCORE", score).replace("KIND", kind), "demo.yaml", runs)


def as_float(network: Network) -> FloatNetwork:
    """Make the float network that an integer network stands for."""
    layers = tuple(
        FloatDense(layer.name, layer.weight_type.from_int(layer.weight), layer.bias_type.from_int(layer.bias), layer.activation)
        for layer in network.layers
    )
    score = FloatScore(network.score.kind, network.score.columns, network.score.cyclic)
    return FloatNetwork(network.layout, network.scaling, layers, score)


def identity_autoencoder(network: Network) -> FloatNetwork:
    """Make an autoencoder that reconstructs its (saturated) input perfectly."""
    n = network.layout.n_columns
    layers = tuple(FloatDense(f"dense{i}", np.eye(n), np.zeros(n), Activation.LINEAR) for i in (1, 2))
    return FloatNetwork(network.layout, network.scaling, layers, FloatScore(Score.MSE, tuple(range(n)), True))


def make_material(folder: Path, score: str = "latent_l2", perfect: bool = False, **dataset: object) -> Material:
    """Make dataset, model and configuration.

    Args:
        folder: where to.
        score: the configured score.
        perfect: whether the float reference reconstructs perfectly.
        **dataset: options of ``make_dataset``.
    """
    config = make_config(folder, score)
    data = make_dataset(config.run / "dataset", **({"n_background": 2000, "n_signal": 300} | dataset))
    network = make_network("l1topo44", (8, 2), seed=3)
    reference = identity_autoencoder(network) if perfect else as_float(network)
    (folder / "work").mkdir()
    return Material(config, data, TrainedModel(folder / "model", network, reference, "0" * 64), folder / "work")
