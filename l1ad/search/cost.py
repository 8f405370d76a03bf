"""Estimate a network's LUTs and latency while searching: alkaid's adder graph of each module, in units calibrated on Yosys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l1ad.config import Config
from l1ad.core.board import load_board
from l1ad.core.choices import Style
from l1ad.core.fixed import FloatArray
from l1ad.core.network import Activation, Network
from l1ad.firmware.target import resolve_target
from l1ad.rtl.design import Design
from l1ad.rtl.pipeline import trace_pipeline
from l1ad.rtl.trace import trace_network

#: LUTs by Yosys: for one of alkaid's in the scaling's module, for one in layers', for each hidden output (its saturation), for one in the score's.
#: From the modules of ten networks of 430 to 1 150 LUT (`scripts/calibrate_cost.py`), for whose sums it is off by 7 %, one standard deviation.
LUT_WEIGHTS = (0.88, 1.08, 6.8, 1.0)
#: ns of the mapped path, by the delay model: a constant, and for one of alkaid's units along the modules; off by 7 %, likewise.
DELAY_WEIGHTS = (-0.33, 0.61)
#: A pipeline's modules are cut across layers: LUTs for one of alkaid's.
PIPELINE_WEIGHT = 1.15


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate without synthesis.

    Attributes:
        lut: look-up tables of the whole design, coders and score included.
        latency_ns: longest path of combinational logic, or all cycles of a pipeline.
    """

    lut: float
    latency_ns: float


def estimate_cost(network: Network, config: Config) -> Cost:
    """Estimate what a network costs in the style that the configuration asks for.

    Args:
        network: the network.
        config: the style and the clock.

    Raises:
        ConversionError: the network cannot be exact in RTL.
    """
    target = resolve_target(config.firmware, load_board(config.board))
    if target.style is Style.PIPELINED:
        piped = trace_pipeline(network, target.clock_ns)
        return Cost(PIPELINE_WEIGHT * piped.cost, piped.latency_cycles * target.clock_ns)
    design = trace_network(network)
    return Cost(float(lut_features(design) @ LUT_WEIGHTS), float(delay_features(design) @ DELAY_WEIGHTS))


def lut_features(design: Design) -> FloatArray:
    """Return alkaid's LUTs of the scaling and of all layers, the number of hidden outputs, and alkaid's LUTs of the score, ``(4,)``."""
    costs = [stage.cost for stage in design.stages]
    hidden = sum(len(layer.bias) for layer in design.network.layers if layer.activation is Activation.RELU)
    return np.array([costs[0], sum(costs[1:-1]), hidden, costs[-1]])


def delay_features(design: Design) -> FloatArray:
    """Return 1 and the sum of the modules' delays in alkaid's units, ``(2,)``."""
    return np.array([1.0, sum(float(stage.logic.latency[1]) for stage in design.stages)])
