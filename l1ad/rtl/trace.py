"""Trace a network's steps, from hardware integers to trigger bits, into alkaid's combinational logic.

Each step (scaling, every layer, the score) is traced on its own: it becomes a module of its own, and its cost can be told apart.
The operations are those of ``l1ad.graph``; ``l1ad.spec.reference`` is what the result is compared with.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Dense, Network
from l1ad.firmware.inputs import Inputs
from l1ad.graph import Graph, lower
from l1ad.graph.demand import Masks, demanded
from l1ad.graph.graph import THRESHOLDS
from l1ad.graph.triggers import TRIGGER
from l1ad.rtl.design import COLUMNS, Design, Interface, Net, Stage, Step, Values, input_nets
from l1ad.rtl.interpret import Interpreter
from l1ad.rtl.quantise import Variable


def trace_network(network: Network, interface: Interface = COLUMNS) -> Design:
    """Trace a network into combinational modules, one a step.

    Args:
        network: the network.
        interface: the ports of the top.

    Returns:
        The design; its last stage gives ``score`` and one net for each threshold's name.

    Raises:
        ConversionError: a table that alkaid cannot hold, or logic it cannot settle.
    """
    nets = {net.name: net for net in input_nets(network, interface)}
    stages = []
    for step in steps(network, interface):
        stage = trace_step(step, [nets[name] for name in step.inputs])
        nets |= {net.name: net for net in stage.outputs}
        stages.append(stage)
    return Design(network, tuple(stages), interface)


def trace_step(step: Step, inputs: Sequence[Net]) -> Stage:
    """Trace one step.

    Args:
        step: what is computed.
        inputs: the nets it reads, in the step's order.

    Raises:
        ConversionError: a table that alkaid cannot hold, or logic it cannot settle.
    """
    variables = variables_of(inputs)
    values = step.compute(dict(zip(step.inputs, variables, strict=True)))
    logic = trace_logic(variables, [values[name] for name in step.outputs], step.name)
    outputs = tuple(net_of(name, logic, i) for i, name in enumerate(step.outputs))
    return Stage(step.name, tuple(inputs), outputs, logic)


def variables_of(nets: Sequence[Net]) -> list[Variable]:
    """Make symbolic variables for nets: constants stay constants, others take all values of their bits.

    alkaid's optimisation widens inputs to their bits; a table that was made for a narrower range would then not fit.
    """
    from alkaid.trace import FVArray

    bounds = np.array([(net.low, net.high, net.step) if net.low == net.high else _all_values(net) for net in nets])
    return list(np.asarray(FVArray.from_lhs(bounds[:, 0], bounds[:, 1], bounds[:, 2])))


def _all_values(net: Net) -> tuple[float, float, float]:
    """Return lowest and highest value of a net's bits, and their step."""
    codes = FixedPoint(net.signed, net.width, net.width - net.fractional)
    return codes.min, codes.max, codes.step


def trace_logic(inputs: Sequence[Variable], outputs: Sequence[Variable], name: str) -> Any:
    """Let alkaid turn variables into logic.

    Raises:
        ConversionError: alkaid's optimisation does not settle.
    """
    from alkaid.trace import trace

    try:
        return trace(list(inputs), list(outputs))
    except (RuntimeError, AssertionError) as error:
        raise ConversionError(f"alkaid could not settle the logic of {name!r}: {error}; change the types in it.") from error


def net_of(name: str, logic: Any, output: int) -> Net:
    """Describe one of the logic's outputs."""
    interval = logic.out_qint[output]
    signed, integer, fractional = interval.kif
    if interval.min == interval.max == 0:
        return Net(name, 0.0, 0.0, 1.0, False, 0, 0)
    return Net(name, interval.min, interval.max, interval.step, bool(signed), int(signed) + integer + fractional, fractional)


def steps(network: Network, interface: Interface = COLUMNS) -> list[Step]:
    """List a network's steps, in order; what nothing later reads is left out."""
    inputs = interface.events(network)
    graph = lower(network, threshold_ports=interface.threshold_ports, words=inputs.lowered)
    names = _boundary_names(network, inputs)
    wanted = ["scaled", *(f"{layer.name}.output" for layer in network.layers)]
    read = demanded(graph, {name: np.ones(len(graph.grids[name]), dtype=bool) for name in graph.outputs})
    found = []
    for step, node in zip(("scaling", *(layer.name for layer in network.layers)), wanted, strict=True):
        found.append(_step(graph, step, {node: read[node]}, names))
    last = {name: read[name] for name in graph.outputs}
    scaling = replace(found[0], inputs=tuple(field.name for field in inputs.fields))
    return [scaling, *found[1:], _step(graph, "score", last, names)]


def _boundary_names(network: Network, inputs: Inputs) -> dict[str, tuple[str, ...]]:
    """Name the nets of the nodes between which modules are cut, in the order in which a module reads them."""
    ports = network.layout.ports
    names = {"scaled": tuple(f"scaled_{port}" for port in ports)}
    names |= {f"{layer.name}.output": tuple(f"{layer.name}_{j}" for j in range(layer.n_out)) for layer in network.layers}
    names |= {
        inputs.node: tuple(field.name for field in inputs.fields),
        THRESHOLDS: tuple(threshold.value_port for threshold in network.thresholds),
    }
    return names | {"score": ("score",), TRIGGER: tuple(threshold.name for threshold in network.thresholds)}


def _step(graph: Graph, name: str, wanted: Masks, names: dict[str, tuple[str, ...]]) -> Step:
    """Describe the step that computes requested elements from those of the nodes before it."""
    read = demanded(graph, wanted, [node for node in names if node not in wanted])
    outputs = {names[node][i]: (node, int(i)) for node, mask in wanted.items() for i in np.flatnonzero(mask)}
    sources = [node for node in names if node in read and node not in wanted]
    inputs = {names[node][i]: (node, int(i)) for node in sources for i in np.flatnonzero(read[node])}

    def compute(values: Values) -> Values:
        interpreter = Interpreter(graph, {element: values[net] for net, element in inputs.items()}, read)
        return {net: interpreter.element(*element) for net, element in outputs.items()}

    return Step(name, tuple(inputs), tuple(outputs), compute)


def activation_step(network: Network, layer: str, sums: tuple[str, ...], outputs: tuple[str, ...]) -> Step:
    """Describe what follows a layer's sums: the cast to the result, the activation, the cast to the output.

    Args:
        network: the network.
        layer: the layer's name.
        sums: the nets of the sums, one for each output.
        outputs: the nets of the outputs, named as ``steps`` names them.
    """
    graph = lower(network)
    elements = [int(net.rpartition("_")[2]) for net in outputs]

    def compute(values: Values) -> Values:
        given = {(f"{layer}.accumulator", j): values[net] for j, net in zip(elements, sums, strict=True)}
        interpreter = Interpreter(graph, given, {})
        return {net: interpreter.element(f"{layer}.output", j) for j, net in zip(elements, outputs, strict=True)}

    return Step(layer, sums, outputs, compute)


def parts_read(network: Network) -> list[tuple[Dense, tuple[str, ...]]]:
    """Return for each layer the rows and columns that decide the score, and the names of its outputs' nets."""
    reads = values_read(network)
    return [
        (
            replace(layer, weight=layer.weight[read][:, later], bias=layer.bias[later]),
            tuple(f"{layer.name}_{j}" for j in np.flatnonzero(later)),
        )
        for layer, (read, later) in zip(network.layers, itertools.pairwise(reads), strict=True)
    ]


def values_read(network: Network) -> list[NDArray[np.bool_]]:
    """Return which inputs of each layer, and which outputs of the last one, decide the score.

    Args:
        network: the network.

    Returns:
        One mask for each layer's inputs, in order, then one for the last layer's outputs; each has at least one entry set.
    """
    graph = lower(network)
    first = f"{network.layers[0].name}.accumulator"
    read = demanded(graph, {"score": np.ones(1, dtype=bool)})
    # What the first layer reads: the scaled values may be read by a reconstruction score as well.
    inputs = demanded(graph, {first: read[first]})["scaled"]
    return [inputs, *(read[f"{layer.name}.output"] for layer in network.layers)]
