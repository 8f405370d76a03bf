#!/usr/bin/env python
"""Train the small HGQ2 model of the tests and write what Keras answers; run it in an environment of requirements-hgq.lock.

    python scripts/make_hgq_model.py tests/golden/hgq2/0.2.0

Layers of every kind that is imported: input quantisers for each element, ReLU, an output quantiser that saturates, a quantiser of its own.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from hgq.config import LayerConfigScope, QuantizerConfigScope
from hgq.layers import QDense
from hgq.quantizer import Quantizer, QuantizerConfig
from hgq.utils import trace_minmax

N_INPUTS, N_EVENTS, SHIFT = 8, 3000, 5


def events(seed: int, n: int) -> np.ndarray:
    """Draw counts as of two jets and missing energy: steep pT, flat angles, absent objects."""
    random = np.random.default_rng(seed)
    x = np.stack(
        [
            *(np.minimum(random.exponential(60 / (1 + i), n), 1023) for i in range(2)),
            *(random.integers(-64, 64, n) for _ in range(2)),
            *(random.integers(0, 64, n) for _ in range(2)),
            np.minimum(random.exponential(40, n), 1023),
            random.integers(0, 32, n),
        ],
        axis=1,
    )
    return x.astype(np.int64)[:, [0, 2, 4, 1, 3, 5, 6, 7]]


def train() -> keras.Model:
    """Train on the scaled counts: a bottleneck that is to reproduce its inputs."""
    keras.utils.set_random_seed(1)
    x = (events(1, 20_000) / 2.0**SHIFT).astype(np.float32)
    with (
        QuantizerConfigScope(default_q_type="kif", place="datalane", f0=3, i0=3),
        QuantizerConfigScope(default_q_type="kbi", place="weight", b0=5),
        LayerConfigScope(enable_ebops=True, beta0=3e-6),
    ):
        saturating = QuantizerConfig("kif", "datalane", k0=True, i0=3, f0=3, round_mode="RND_CONV", overflow_mode="SAT")
        inner = [
            keras.Input((N_INPUTS,)),
            QDense(10, activation="relu", name="hidden"),
            QDense(6, name="middle", enable_oq=True, oq_conf=saturating),
            keras.layers.ReLU(name="rectified"),
            QDense(3, name="latent", use_bias=False),
            Quantizer(QuantizerConfig("kbi", "datalane", b0=6, i0=3, round_mode="TRN"), name="out"),
        ]
        encoder = keras.Sequential(inner)
        whole = keras.Sequential([encoder, QDense(N_INPUTS, name="decoder")])
    whole.compile(keras.optimizers.Adam(3e-3), "mse")
    whole.fit(x, x, epochs=15, batch_size=500, verbose=0)
    trace_minmax(encoder, x)
    return encoder


def main(folder: Path) -> None:
    """Write the model without its optimiser, the events and Keras' answers in units of 2**-12."""
    folder.mkdir(parents=True, exist_ok=True)
    keras.Sequential(train().layers).save(folder / "model.keras")
    model = keras.models.load_model(folder / "model.keras", compile=False)
    random = np.random.default_rng(3)
    wild = np.stack(
        [random.integers(low, high, 1000) for low, high in ((0, 1024), (-64, 64), (0, 64)) * 2 + ((0, 1024), (0, 32))], axis=1
    )
    x_hw = np.concatenate([events(2, N_EVENTS - len(wild)), wild])
    answers = np.asarray(model.predict((x_hw / 2.0**SHIFT).astype(np.float32), verbose=0), dtype=np.float64)
    units = np.rint(np.ldexp(answers, 12)).astype(np.int64)
    assert np.array_equal(np.ldexp(units.astype(np.float64), -12), answers)
    np.savez_compressed(folder / "answers.npz", x_hw=x_hw.astype(np.int16), units=units.astype(np.int32))
    bits = {layer.name: repr(layer.iq if hasattr(layer, "_iq") else layer) for layer in model.layers}
    print(json.dumps(bits, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
