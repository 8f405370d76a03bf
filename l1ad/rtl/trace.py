"""Trace a network's steps, from hardware integers to trigger bits, into alkaid's combinational logic.

Each step (scaling, every layer, the score) is traced on its own: it becomes a module of its own, and its cost can be told apart.
The semantics are those of ``l1ad.core.network``; ``l1ad.spec.reference`` is what the result is compared with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ConversionError, ModelError
from l1ad.core.fixed import FixedPoint, IntArray, Overflow
from l1ad.core.network import Activation, Dense, Network, Score, Threshold
from l1ad.rtl.arithmetic import divided, folded, not_below, relu, square, table, total, turned, weighted_sums
from l1ad.rtl.design import COLUMNS, Design, Interface, Net, Stage, Step, Values, input_nets
from l1ad.rtl.quantise import Variable, cast, choose, flag, plus


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
    """Give lowest and highest value of a net's bits, and their step."""
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
    reads = values_read(network)
    ports = np.array(network.layout.ports)
    compared = reads[-1] if network.score.kind.is_reconstruction else np.zeros(len(ports), dtype=bool)
    found = [_scaling_step(network, _scaled(ports[reads[0] | compared]))]
    names = _scaled(ports[reads[0]])
    for layer, outputs in parts_read(network):
        found.append(_dense_step(layer, names, outputs))
        names = outputs
    return [*found, _score_step(network, names, interface)]


def parts_read(network: Network) -> list[tuple[Dense, tuple[str, ...]]]:
    """Give of each layer the rows and columns that decide the score, and the names of its outputs' nets."""
    reads = values_read(network)
    return [
        (
            replace(layer, weight=layer.weight[read][:, later], bias=layer.bias[later]),
            tuple(f"{layer.name}_{j}" for j in np.flatnonzero(later)),
        )
        for layer, (read, later) in zip(network.layers, itertools.pairwise(reads), strict=True)
    ]


def values_read(network: Network) -> list[NDArray[np.bool_]]:
    """Say which inputs of each layer, and which outputs of the last one, decide the score.

    Args:
        network: the network.

    Returns:
        One mask for each layer's inputs, in order, then one for the last layer's outputs; each has at least one entry set.
    """
    spec = network.score
    outputs = np.zeros(network.layers[-1].n_out, dtype=bool)
    outputs[list(spec.columns) if spec.kind.is_reconstruction else slice(None)] = True
    masks = [outputs]
    for layer in reversed(network.layers):
        read = (layer.weight[:, masks[0]] != 0).any(axis=1)
        read[0] |= not read.any()
        masks.insert(0, read)
    return masks


def _scaled(ports: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"scaled_{port}" for port in ports)


def _scaling_step(network: Network, outputs: tuple[str, ...]) -> Step:
    """Scale the columns whose scaled value is read; rotated ones need the hardware values of their object and the reference."""
    return Step("scaling", network.layout.ports, outputs, lambda values: _scale(network, values, outputs))


def _scale(network: Network, values: Values, names: tuple[str, ...]) -> Values:
    """Leave out objects below threshold, rotate, subtract the offset, shift, cast."""
    scaling = network.scaling
    x = _rotate(network, _surviving(network, values))
    columns = zip(_scaled(network.layout.ports), x, scaling.offset, scaling.shift, strict=True)
    return {
        name: cast(plus(value, -float(offset)) * 2.0**-shift, scaling.type)
        for name, value, offset, shift in columns
        if name in names
    }


def _surviving(network: Network, values: Values) -> list[Variable]:
    """Give the columns, 0 where their object is below its pt threshold."""
    ports, least = network.layout.ports, network.scaling.thresholds(network.layout)
    pt = [ports[column] for column in network.layout.presence_column]
    return [
        choose(not_below(values[pt[i]], float(least[i])), values[port], 0.0) if least[i] else values[port]
        for i, port in enumerate(ports)
    ]


def _present(network: Network, column: int, pt: Variable) -> Variable:
    """Give 1 where a column's object is there: its pt is not 0, or not below its threshold."""
    least = network.scaling.thresholds(network.layout)[column]
    return not_below(pt, float(least)) if least else flag(pt)


def _rotate(network: Network, x: list[Variable]) -> list[Variable]:
    layout, kind = network.layout, network.scaling.phi_reference
    if kind is None:
        return x
    column = layout.slot_columns(kind).start + layout.slot(kind).features.index("phi")
    reference_period = layout.phi_period(column) or 1
    out = list(x)
    for i, presence in enumerate(layout.presence_column):
        period = layout.phi_period(i)
        if period is not None:
            difference = x[i] - divided(x[column], period, reference_period)
            out[i] = choose(flag(x[presence]), turned(difference, period), 0.0)
    return out


def _dense_step(layer: Dense, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Step:
    def compute(values: Values) -> Values:
        return dict(zip(outputs, _dense([values[name] for name in inputs], layer), strict=True))

    return Step(layer.name, inputs, outputs, compute)


def _dense(inputs: list[Variable], layer: Dense) -> list[Variable]:
    return activated(weighted_sums(inputs, layer), layer)


def activated(sums: Sequence[Variable], layer: Dense) -> list[Variable]:
    """Turn a layer's sums into its outputs: the cast to the result, the activation, the cast to the output."""
    if layer.result is not None:
        sums = [cast(value, layer.result) for value in sums]
    # An unsigned type that does not wrap takes negative values to 0 by itself.
    clips = not layer.output.signed and layer.output.overflow is not Overflow.WRAP
    if layer.activation is Activation.RELU and not clips:
        sums = [relu(value) for value in sums]
    return [cast(value, layer.output) for value in sums]


def _score_step(network: Network, outputs: tuple[str, ...], interface: Interface) -> Step:
    spec, ports = network.score, network.layout.ports
    inputs = outputs
    if spec.kind.is_reconstruction:
        inputs = (*_scaled(ports[column] for column in spec.columns), *outputs)
    if spec.kind is Score.MASKED_MSE:
        present = network.layout.presence_column[list(spec.columns)]
        inputs = (*inputs, *dict.fromkeys(ports[c] for c in present))
    inputs = (*inputs, *(net.name for net in interface.threshold_nets(network)))
    names = tuple(threshold.name for threshold in network.thresholds)

    def compute(values: Values) -> Values:
        terms = _reconstruction_terms(network, values) if spec.kind.is_reconstruction else _latent_terms(network, values, outputs)
        score = cast(total(terms), spec.total)
        return {"score": score} | {t.name: _reached(score, t, network, values) for t in network.thresholds}

    return Step("score", inputs, ("score", *names), compute)


def _reached(score: Variable, threshold: Threshold, network: Network, values: Values) -> Variable:
    """Compare the score with a threshold: what its port brings, where it has one, else the network's constant."""
    if threshold.value_port in values:
        return score >= values[threshold.value_port]
    return not_below(score, float(network.score.total.from_int(threshold.value)))


def _reconstruction_terms(network: Network, values: Values) -> list[Variable]:
    """Give the squared differences of the columns that take part, 0 for objects that are absent."""
    spec, ports, last = network.score, network.layout.ports, network.layers[-1].name
    if spec.difference is None:
        raise ModelError(f"Score {spec.kind.value!r} wants a difference type.")
    places = network.layout.presence_column
    present = {place: _present(network, place, values[ports[place]]) for place in dict.fromkeys(places) if ports[place] in values}
    terms = []
    for column in spec.columns:
        difference = values[f"scaled_{ports[column]}"] - values[f"{last}_{column}"]
        turn = network.phi_turn(column, _grid(network)) if spec.cyclic else None
        if turn is not None:
            difference = folded(difference, turn * 2.0 ** -_grid(network))
        difference = cast(difference, spec.difference)
        if spec.kind is Score.MASKED_MSE:
            difference = choose(present[places[column]], difference, 0.0)
        terms.append(cast(square(difference), spec.square))
    return terms


def _grid(network: Network) -> int:
    return max(network.scaling.type.fractional, network.layers[-1].output.fractional)


def _latent_terms(network: Network, values: Values, outputs: tuple[str, ...]) -> list[Variable]:
    """Give the squares of the means; add or multiply what the table gives for the log-variances."""
    spec = network.score
    if not spec.kind.needs_log_variance:
        return [cast(square(values[name]), spec.square) for name in outputs]
    n = len(outputs) // 2
    squares = [cast(square(values[name]), spec.square) for name in outputs[:n]]
    factors = [_table(network, values[name]) for name in outputs[n:]]
    pairs = zip(squares, factors, strict=True)
    return [a * b if spec.kind is Score.R_Z else a + b for a, b in pairs]


def _table(network: Network, log_variance: Variable) -> Variable:
    """Look the log-variance up, for the values it can have."""
    spec, address = network.score, network.layers[-1].output
    if spec.table is None:
        raise ModelError(f"Score {spec.kind.value!r} wants a table type.")
    entries: IntArray = spec.table_codes(address)
    first, last = (round(bound / address.step) - address.min_int for bound in (log_variance.low, log_variance.high))
    stride = round(log_variance.step / address.step) or 1
    return table(log_variance, spec.table.from_int(entries[first : last + 1 : stride]), f"score {spec.kind.value!r}")
