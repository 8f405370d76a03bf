"""Trace one network in the forms that hls4ml's strategies stand for, so that the open flow can compare them."""

from __future__ import annotations

from l1ad.core.choices import Strategy
from l1ad.core.errors import ConversionError
from l1ad.core.network import Dense, Network
from l1ad.rtl.design import Design, Net, Stage, input_nets
from l1ad.rtl.products import products_of
from l1ad.rtl.trace import activation_step, parts_read, steps, trace_network, trace_step


def trace_strategy(network: Network, strategy: Strategy, reuse_factor: int = 1) -> Design:
    """Trace a network in a strategy's form; scaling, activations, casts and score are the same in all.

    ``distributed_arithmetic`` is the flow's own: one adder graph a layer, terms shared between neurons. ``latency`` gives every
    product its own multiplier by a constant and every neuron its own adder tree, and leaves both to the synthesis. ``resource``
    lets ``reuse_factor`` products take turns at a multiplier: an event every so many clock cycles.

    Args:
        network: the network.
        strategy: the form.
        reuse_factor: products that share a multiplier, for ``resource`` only.

    Returns:
        The design: combinational, or for ``resource`` clocked with ``start``.

    Raises:
        ConversionError: the reuse factor does not fit the strategy, or a layer's sums are not exact.
    """
    shared = strategy is Strategy.RESOURCE
    if shared != (reuse_factor > 1):
        raise ConversionError(
            f"Strategy {strategy.value!r} cannot have reuse factor {reuse_factor!r}: resource needs at least 2, the others have 1."
        )
    if strategy is Strategy.DISTRIBUTED_ARITHMETIC:
        return trace_network(network)
    if not network.is_chain:
        raise ConversionError(
            f"Strategy {strategy.value!r} is for chains of layers, network {network.name!r} is none; use 'distributed_arithmetic'."
        )
    nets = {net.name: net for net in input_nets(network)}
    stages: list[Stage] = []
    scaling, *layers, score = steps(network)

    def add(stage: Stage) -> None:
        stages.append(stage)
        nets.update({net.name: net for net in stage.outputs})

    add(trace_step(scaling, [nets[name] for name in scaling.inputs]))
    for step, (layer, outputs) in zip(layers, parts_read(network), strict=True):
        add(_sums(layer, [nets[name] for name in step.inputs], reuse_factor))
        sums = stages[-1].outputs
        add(trace_step(activation_step(network, layer.name, tuple(net.name for net in sums), outputs), sums))
    add(trace_step(score, [nets[name] for name in score.inputs]))
    return Design(network, tuple(stages), interval=reuse_factor)


def _sums(layer: Dense, inputs: list[Net], reuse_factor: int) -> Stage:
    products = products_of(layer, inputs, reuse_factor)
    return Stage(f"{layer.name}_sums", products.inputs, products.outputs, products)
