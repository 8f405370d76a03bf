"""Let activations and quantisers follow a layer: in its own activation and output type, where that is the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Activation
from l1ad.qkeras.importing.draft import ImportedDense
from l1ad.qkeras.importing.fields import number
from l1ad.qkeras.importing.keras_file import LayerRecord
from l1ad.qkeras.importing.quantisers import Quantiser, parse_quantiser

ACTIVATION = ("Activation", "QActivation", "ReLU", "LeakyReLU")
#: Keras' slope of a LeakyReLU.
_LEAKY_SLOPE = 0.3


def read_activation(record: LayerRecord, where: str) -> Quantiser | None:
    """Read an activation layer; None for one that changes nothing.

    Raises:
        ModelError: it is not understood, or not exactly convertible.
    """
    if record.kind == "LeakyReLU":
        slope = number(record.config, "negative_slope", number(record.config, "alpha", _LEAKY_SLOPE, where), where)
        return Quantiser(Activation.RELU, None, float(np.float32(slope)))
    if record.kind != "ReLU":
        return parse_quantiser(record.config.get("activation"), where)
    slope, bound = number(record.config, "negative_slope", 0.0, where), record.config.get("max_value")
    if bound is not None or record.config.get("threshold"):
        raise ModelError(
            f"{where} is a ReLU with max_value {bound!r} or a threshold; only a plain ReLU can be converted exactly."
        )
    return Quantiser(Activation.RELU, None, float(np.float32(slope)))


def activated(layer: ImportedDense, quantiser: Quantiser) -> ImportedDense | None:
    """Return a layer with what follows it; None where that needs a layer of its own."""
    relu = quantiser.activation is Activation.RELU
    if layer.output is not None:
        plain = layer.activation is Activation.LINEAR and relu and quantiser.type is None and not quantiser.negative_slope
        return _rectified(layer, layer.output) if plain else None
    if layer.activation is Activation.RELU and relu:
        # A ReLU of a ReLU is the latter, whatever slope the former has; two slopes are not one.
        if quantiser.negative_slope:
            return None
        layer = replace(layer, negative_slope=0.0)
    return replace(
        layer,
        activation=Activation.RELU if relu else layer.activation,
        output=quantiser.type,
        negative_slope=quantiser.negative_slope or layer.negative_slope,
        bound=quantiser.bound,
        bound_is_sure=quantiser.bound_is_sure,
    )


def _rectified(layer: ImportedDense, output: FixedPoint) -> ImportedDense:
    """Put a ReLU behind a quantiser: the same as one before it that gives the quantiser's half from 0 on."""
    if output.signed:
        output = FixedPoint(False, output.width - 1, output.integer - 1, output.rounding, output.overflow)
    return replace(layer, activation=Activation.RELU, output=output)
