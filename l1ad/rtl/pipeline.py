"""Trace a network into a pipeline: one piece of logic, cut by alkaid where each part takes about the same time."""

from __future__ import annotations

import math
from typing import Any

from l1ad.core.errors import ConfigError
from l1ad.core.network import Network
from l1ad.rtl.design import COLUMNS, Design, Interface, Net, Stage, Values, input_nets
from l1ad.rtl.trace import net_of, steps, trace_logic, variables_of

#: ns on UltraScale+ for one of alkaid's units of delay, as the delay model times mapped networks: 0.6 to 0.8; see docs/open_flow.md.
ALKAID_UNIT_NS = 0.8


def trace_whole(network: Network, interface: Interface = COLUMNS) -> Any:
    """Trace a network into one piece of alkaid's logic; its outputs are the score and the thresholds' bits.

    Args:
        network: the network.
        interface: the ports of the top; thresholds that come in by ports are the logic's last inputs.

    Raises:
        ConversionError: a constant or table that alkaid cannot hold, or logic it cannot settle.
    """
    nets = input_nets(network, interface)
    inputs = variables_of(nets)
    values: Values = {net.name: variable for net, variable in zip(nets, inputs, strict=True)}
    last: tuple[str, ...] = ()
    for step in steps(network, interface):
        values |= step.compute({name: values[name] for name in step.inputs})
        last = step.outputs
    return trace_logic(inputs, [values[name] for name in last], network.name)


def estimate(network: Network) -> tuple[float, float]:
    """Estimate LUTs and delay within seconds, without synthesis.

    Args:
        network: the network.

    Returns:
        LUTs as alkaid counts them, and the delay in ns: alkaid's units times ``ALKAID_UNIT_NS``.

    Raises:
        ConversionError: a constant or table that alkaid cannot hold, or logic it cannot settle.
    """
    logic = trace_whole(network)
    return float(logic.cost), float(logic.latency[1]) * ALKAID_UNIT_NS


def trace_pipeline(network: Network, clock_ns: float, interface: Interface = COLUMNS) -> Design:
    """Trace a network into a pipeline for a clock.

    Args:
        network: the network.
        clock_ns: clock period that each stage should fit, by alkaid's estimate.
        interface: the ports of the top.

    Returns:
        The design, with registers before, between and after its stages.

    Raises:
        ConfigError: the clock period is not positive.
        ConversionError: a constant or table that alkaid cannot hold, or logic it cannot settle.
    """
    if not clock_ns > 0:
        raise ConfigError(f"A clock period must be positive, got {clock_ns!r} ns; set firmware.clock_ns.")
    from alkaid.trace.pipeline import to_pipeline

    logic = trace_whole(network, interface)
    n_stages = max(1, math.ceil(float(logic.latency[1]) * ALKAID_UNIT_NS / clock_ns))
    parts = list(to_pipeline(logic, n_stages=n_stages, verbose=False).logic.values())
    names = ("score", *(threshold.name for threshold in network.thresholds))
    nets: tuple[Net, ...] = tuple(input_nets(network, interface))
    stages = []
    for number, part in enumerate(parts, start=1):
        outputs = names if number == len(parts) else tuple(f"s{number}_{i}" for i in range(part.shape[1]))
        stages.append(Stage(f"stage_{number}", nets, tuple(net_of(name, part, i) for i, name in enumerate(outputs)), part))
        nets = stages[-1].outputs
    return Design(network, tuple(stages), interface, registered=True)
