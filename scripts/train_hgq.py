#!/usr/bin/env python
"""Train the HGQ2 network of a configuration on that configuration's own data; run it in an environment of requirements-hgq.lock.

    python scripts/train_hgq.py configs/hgq_l1topo44.yaml

A 44-16-3 network whose Σ latent² learns the rarity of an event's momenta (`l1ad/training/rarity_teacher.py`), with a number of bits learnt for
each weight and each input of a layer. It is written to the configuration's `model.file`. No signal is looked at.
"""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from hgq.config import LayerConfigScope, QuantizerConfigScope
from hgq.layers import QDense
from hgq.quantizer import Quantizer, QuantizerConfig
from hgq.utils import trace_minmax

import l1ad
from l1ad.core.dataset import Role, Split
from l1ad.core.fixed import FixedPoint
from l1ad.core.scaling import Scaling
from l1ad.training.rarity_teacher import make_rarity_teacher

HIDDEN, LATENT, EPOCHS, BATCH = 16, 3, 60, 1024


def training_events(config: l1ad.Config) -> tuple[np.ndarray, np.ndarray]:
    """Prepare the data and return training background and its weights."""
    l1ad.prepare(config)
    dataset = l1ad.Dataset.load(config.run / "dataset")
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TRAIN)
    return np.asarray(dataset.x_hw[rows]), np.asarray(dataset.column("weight")[rows], dtype=np.float64)


def targets(config: l1ad.Config, x_hw: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the root of the rarity of every event."""
    layout = l1ad.load_layout(config.layout)
    shift = tuple(config.scaling.shift)
    scaling = Scaling((0,) * layout.n_columns, shift, FixedPoint.parse("ap_fixed<16,8>"))
    problem = SimpleNamespace(
        layout=layout, scaling=SimpleNamespace(scaling=scaling), train=SimpleNamespace(x_hw=x_hw, weight=weight), seeds=(1,)
    )
    return np.sqrt(make_rarity_teacher(problem).scores(x_hw)[0])


def network(n_inputs: int) -> keras.Model:
    """Build the network; every quantiser saturates, so that nothing wraps."""
    bits = QuantizerConfigScope(default_q_type="kif", place="datalane", f0=3, i0=4, round_mode="RND_CONV", overflow_mode="SAT")
    weights = QuantizerConfigScope(default_q_type="kbi", place="weight", b0=6, round_mode="RND_CONV", overflow_mode="SAT")
    with bits, weights, LayerConfigScope(enable_ebops=True, beta0=1e-6):
        out = QuantizerConfig("kif", "datalane", k0=True, i0=4, f0=4, round_mode="RND_CONV", overflow_mode="SAT")
        layers = [
            keras.Input((n_inputs,)),
            QDense(HIDDEN, activation="relu", name="hidden"),
            QDense(LATENT, name="latent"),
            Quantizer(out, name="out"),
        ]
        return keras.Sequential(layers)


def train(x: np.ndarray, wanted: np.ndarray) -> keras.Model:
    """Train so that the length of the latent vector is the root of the rarity; every half decade of it weighs the same."""
    step = np.minimum((2 * wanted).astype(int), 20)
    weight = (1.0 / np.maximum(np.bincount(step, minlength=21), 50.0))[step]
    model = network(x.shape[1])
    inputs = keras.Input(x.shape[1:])
    length = keras.layers.Lambda(lambda z: keras.ops.sqrt(keras.ops.sum(z * z, axis=1, keepdims=True) + 1e-3))(model(inputs))
    whole = keras.Model(inputs, length)
    whole.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * (len(x) // BATCH))), "mse")
    whole.fit(x, wanted, sample_weight=weight / weight.mean(), epochs=EPOCHS, batch_size=BATCH, verbose=2)
    trace_minmax(model, x)
    return model


def main(path: Path) -> None:
    """Train and save the network alone, without its optimiser."""
    keras.utils.set_random_seed(1)
    config = l1ad.load_config(path)
    x_hw, weight = training_events(config)
    x = (x_hw / 2.0 ** np.array(config.scaling.shift)).astype(np.float32)
    model = train(x, targets(config, x_hw, weight).astype(np.float32))
    keras.Sequential([keras.Input(x.shape[1:]), *model.layers]).save(config.path(config.model.file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
