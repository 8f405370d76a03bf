"""Build the public GELATO encoder with its firmware's types from its weight files; see the README of the reference data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import load_layout
from l1ad.core.network import Activation, Dense, Network, Score, ScoreSpec
from l1ad.core.scaling import Scaling

REFERENCE = Path(os.environ.get("L1AD_REFERENCE_DIR", Path(__file__).parents[2] / "shared" / "reference"))
JET_SHIFT = (7, 5, 5, 7, 5, 5, 5, 4, 4, 5, 4, 3, 4, 3, 3, 3, 3, 2)
TAU_SHIFT = (6, 5, 5, 5, 4, 5, 4, 3, 4, 3, 2, 3)
MUON_SHIFT = (4, 4, 4, 2, 3, 3, 1, 1, 2, -2, -1, -1)
SHIFT = (*JET_SHIFT, *TAU_SHIFT, *MUON_SHIFT, 6, 5)
MODEL = FixedPoint.parse("ap_fixed<19,11>")
WEIGHT = FixedPoint.parse("ap_fixed<10,6>")
RELU = FixedPoint.parse("ap_ufixed<15,0,AP_RND_CONV,AP_SAT>")
#: Weight file, name, inputs, outputs, activation, result, output. The accumulators that the README leaves open have hls4ml's default.
LAYERS = (
    ("2", "dense1", 44, 32, Activation.RELU, MODEL, RELU),
    ("5", "dense2", 32, 16, Activation.RELU, FixedPoint.parse("ap_fixed<14,6>"), RELU),
    ("8", "z_mean", 16, 3, Activation.LINEAR, FixedPoint.parse("ap_fixed<12,4>"), MODEL),
)


def reference_file(name: str) -> Path:
    """Return a reference file; a test that asks for one that is not here is skipped."""
    path = REFERENCE / name
    if not path.is_file():
        pytest.skip(f"the reference data are not here: {path}")
    return path


def gelato_network() -> Network:
    """Build the encoder with the sum of its squared latent means on the chip."""
    layers = []
    for number, name, n_in, n_out, activation, result, output in LAYERS:
        weight = _codes(f"w{number}").reshape(n_in, n_out)
        layers.append(Dense(name, weight, WEIGHT, _codes(f"b{number}"), WEIGHT, activation, output, MODEL, result))
    square = FixedPoint.parse("ap_ufixed<23,7>")
    score = ScoreSpec(Score.LATENT_L2, square, FixedPoint.parse("ap_ufixed<25,9>"))
    layout = load_layout("l1topo44")
    return Network("gelato", layout, Scaling((0,) * 44, SHIFT, MODEL), tuple(layers), score, may_wrap=True)


def _codes(name: str) -> np.ndarray:
    text = reference_file(f"gelato/firmware_weights/{name}.txt").read_text(encoding="utf-8")
    return WEIGHT.to_int(np.array([float(value) for value in text.replace("\n", " ").split(",")]))
