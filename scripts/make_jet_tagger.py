#!/usr/bin/env python
"""Train a jet tagger of the shape 16-64-32-32-5 in QKeras on made jets, and save it for configs/jet_tagger.yaml.

    python scripts/make_jet_tagger.py [OUT]

The jets are five clusters in sixteen features, in counts of layout ``jets16``: what is checked is the flow, not the physics.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from l1ad.qkeras.runtime import tensorflow

OUT = Path(__file__).parents[1] / "configs/imported/jet_tagger.h5"
WIDTHS, N_CLASSES, N_FEATURES = (64, 32, 32), 5, 16
OFFSET, SHIFT = 512, 7


def jets(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw jets: counts ``(n, 16)`` around their class' centre, and classes ``(n,)``."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(1).normal(512.0, 90.0, (N_CLASSES, N_FEATURES))
    classes = random.integers(0, N_CLASSES, n)
    return np.clip(np.rint(random.normal(centres[classes], 120.0)), 0, 1023).astype(np.int64), classes


def build() -> object:
    """Build the model with every type stated, as an import needs them."""
    from qkeras import QActivation, QDense, quantized_bits, quantized_relu

    keras = tensorflow().keras
    keras.utils.set_random_seed(1)
    values = entry = keras.Input((N_FEATURES,), name="features")
    values = QActivation(quantized_bits(8, 2, alpha=1), name="inputs")(values)
    for i, width in enumerate((*WIDTHS, N_CLASSES)):
        types = {"kernel_quantizer": quantized_bits(6, 0, alpha=1), "bias_quantizer": quantized_bits(8, 1, alpha=1)}
        values = QDense(width, name=f"fc{i + 1}", **types)(values)
        last = i == len(WIDTHS)
        values = QActivation(quantized_bits(10, 4, alpha=1) if last else quantized_relu(6, 2), name=f"out{i + 1}")(values)
    return keras.Model(entry, values, name="jet_tagger")


def main() -> None:
    """Train, say how often the largest output is the right class, and save."""
    keras = tensorflow().keras
    model = build()
    model.compile(keras.optimizers.Adam(2e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    x, classes = jets(20_000, 2)
    model.fit((x - OFFSET) / 2.0**SHIFT, classes, batch_size=256, epochs=8, verbose=0)
    x, classes = jets(5_000, 3)
    print(f"right: {model.evaluate((x - OFFSET) / 2.0**SHIFT, classes, verbose=0)[1]:.3f} of 5 000")
    model.save(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT, save_format="h5", include_optimizer=False)


if __name__ == "__main__":
    main()
