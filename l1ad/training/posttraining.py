"""Quantise a float network after training, without training it for that: the comparison that quantisation-aware training has to beat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network
from l1ad.core.trained import FloatNetwork
from l1ad.training.lesson import student_plan
from l1ad.training.plan import Plan, plan_model
from l1ad.training.rounding import chip_network, fitted_to_events
from l1ad.training.state import Parameters


def post_training_network(config: Config, reference: FloatNetwork, x_hw: NDArray[Any], bits: int) -> Network:
    """Round a float network to a number of bits.

    Weights and hidden activations get that many bits, with the integer bits that hold them on the given events; input and output keep
    the configuration's types.

    Args:
        config: the configuration.
        reference: the float network.
        x_hw: events to measure ranges on, hardware integers ``(n_events, n_columns)``.
        bits: at least 2.

    Returns:
        The exact network.

    Raises:
        ModelError: too few bits, or a score that needs more than 62.
    """
    layout, scaling = reference.layout, reference.scaling
    changes = {"weight_bits": (bits,), "activation_bits": (bits,), "weight_integer": None, "activation_integer": None}
    chosen = config.model_copy(update={"model": config.model.model_copy(update=changes)})
    parameters = Parameters(
        tuple(layer.weight[np.newaxis].astype(np.float32) for layer in reference.layers),
        tuple(layer.bias[np.newaxis, np.newaxis].astype(np.float32) for layer in reference.layers),
    )
    (plan,), start = fitted_to_events(_dense(student_plan(plan_model(chosen, layout)), bits), parameters, layout, scaling, x_hw)
    return chip_network(config, layout, scaling, reference.score.columns, plan, start)


def _dense(plan: Plan, bits: int) -> Plan:
    """Return the plan with every layer's matrix for its kernel, as a float network has it."""
    layers = list(plan.layers)
    for i, layer in enumerate(layers[: plan.n_chip]):
        assert layer.types is not None  # the plan gives every chip layer its types
        types = layer.types
        if layer.fixed:
            types = replace(types, weight=FixedPoint.from_quantized_bits(bits, 0), open=types.open | {"weight"})
        layers[i] = replace(layer, kernel=None, types=types)
    return replace(plan, layers=tuple(layers))
