"""Build the QKeras model that computes a network's integers, or say why there is none.

QKeras rounds half to even and saturates, nothing else; it keeps every sum in full. A network that asks for more is not for QKeras.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, IntArray, Overflow, Rounding
from l1ad.core.network import SCALED, Activation, Dense, Network

#: Bits of significand of a float32: integers up to 2**24 and every sum of such that stays there are exact.
FLOAT32_BITS = 24
#: Exponents up to which a power of two, and a code times it, are far from float32's own limits.
_MAX_EXPONENT = 64


def refusal(network: Network) -> str | None:
    """Explain why QKeras cannot compute a network exactly.

    Args:
        network: the network.

    Returns:
        The first reason, naming the layer; None when it can.
    """
    reason = _quantiser_reason("the input", network.scaling.type)
    own = next((layer.name for layer in network.layers if layer.own_outputs), None)
    reason = reason or (
        None if own is None else f"layer {own!r} has neurons with types of their own, QKeras has one type a layer"
    )
    for layer in network.layers:
        reason = reason or _layer_reason(layer)
    return reason


def _layer_reason(layer: Dense) -> str | None:
    name = f"layer {layer.name!r}"
    if layer.accumulator is not None or layer.result is not None:
        return f"{name} has an accumulator or result type of its own, QKeras keeps every sum in full"
    if layer.activation is Activation.RELU and layer.output.signed:
        return f"{name} gives its ReLU in the signed type {layer.output}, quantized_relu is unsigned"
    return (
        _grid_reason(f"the weights of {name}", layer.weight_type)
        or _grid_reason(f"the biases of {name}", layer.bias_type)
        or _quantiser_reason(f"the output of {name}", layer.output)
    )


def _quantiser_reason(what: str, type_: FixedPoint) -> str | None:
    if type_.rounding is not Rounding.RND_CONV or type_.overflow is not Overflow.SAT:
        return f"{what} is {type_}, QKeras only rounds half to even and saturates (AP_RND_CONV, AP_SAT)"
    return _grid_reason(what, type_)


def _grid_reason(what: str, type_: FixedPoint) -> str | None:
    if type_.width - int(type_.signed) < 1:
        return f"{what} is {type_}, which QKeras takes for a binary quantiser"
    if type_.integer - int(type_.signed) < 0:
        return f"{what} is {type_}, QKeras has no quantiser with fewer than 0 integer bits"
    if type_.width > FLOAT32_BITS or type_.integer > _MAX_EXPONENT:
        return f"{what} is {type_}, whose values are not all float32 numbers"
    return None


def significand_bits(network: Network) -> dict[str, int]:
    """Bound the bits that each layer's sum needs, whatever the order of the additions.

    Every partial sum is a multiple of the products' step and is at most ``sum(|w|) * max(|x|) + |b|``. While that fits
    ``FLOAT32_BITS`` the float32 sum is exact.

    Args:
        network: the network.

    Returns:
        Bits by layer name.
    """
    bits = {}
    for layer in network.layers:
        types = [type_ for name in network.sources_of(layer) for type_ in network.types_of(name)]
        finest = max(type_.fractional for type_ in types)
        step = max(finest + layer.weight_type.fractional, layer.bias_type.fractional)
        largest = [max(abs(type_.min_int), type_.max_int) << (finest - type_.fractional) for type_ in types]
        products = max(sum(int(w) * x for w, x in zip(column, largest, strict=True)) for column in np.abs(layer.weight).T)
        bias = int(np.abs(layer.bias).max(initial=0))
        shifted = products << (step - finest - layer.weight_type.fractional)
        bits[layer.name] = (shifted + (bias << (step - layer.bias_type.fractional))).bit_length()
    return bits


def build_qkeras(network: Network) -> Any:
    """Build the QKeras model of a network, with its integers as weights.

    The model takes scaled values ``(n_events, n_columns)`` (quantised or not: its first layer quantises them) and gives the values
    that the score reads, ``(n_events, n_out)``: as a rule the last layer's output. Layers are called ``scaled``, ``<layer>`` and ``<layer>_output``.

    Args:
        network: the network.

    Returns:
        A ``tf.keras.Model``.

    Raises:
        ConversionError: QKeras cannot compute the network exactly, with the layer and the reason.
    """
    reason = refusal(network)
    if reason is not None:
        raise ConversionError(
            f"Network {network.name!r} has no exact QKeras model: {reason}; change that type or import it as firmware."
        )
    import tensorflow as tf
    from qkeras import QActivation, QDense

    entry = tf.keras.Input((network.n_inputs,), name="entry")
    nodes = {SCALED: QActivation(_quantiser(network.scaling.type), name=SCALED)(entry)}
    for layer in network.layers:
        read = [nodes[name] for name in network.sources_of(layer)]
        joined = read[0] if len(read) == 1 else tf.keras.layers.Concatenate(name=f"{layer.name}_input")(read)
        values = QDense(
            layer.n_out,
            kernel_quantizer=_quantiser(layer.weight_type),
            bias_quantizer=_quantiser(layer.bias_type),
            kernel_initializer="zeros",
            name=layer.name,
        )(joined)
        nodes[layer.name] = QActivation(_quantiser(layer.output, layer.activation), name=f"{layer.name}_output")(values)
    outputs = [nodes[name] for name in network.read_layers]
    model = tf.keras.Model(entry, outputs[0] if len(outputs) == 1 else tf.keras.layers.Concatenate()(outputs), name=network.name)
    for layer in network.layers:
        _set_weights(model.get_layer(layer.name), layer)
    return model


def _quantiser(type_: FixedPoint, activation: Activation = Activation.LINEAR) -> Any:
    from qkeras import quantized_bits, quantized_relu

    if activation is Activation.RELU:
        return quantized_relu(type_.width, type_.integer)
    return quantized_bits(type_.width, type_.integer - int(type_.signed), keep_negative=type_.signed, alpha=1)


def _set_weights(built: Any, layer: Dense) -> None:
    kernel, bias = layer.weight_type.from_int(layer.weight), layer.bias_type.from_int(layer.bias)
    built.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    for what, quantiser, values, codes, type_ in (
        ("weights", built.kernel_quantizer_internal, kernel, layer.weight, layer.weight_type),
        ("biases", built.bias_quantizer_internal, bias, layer.bias, layer.bias_type),
    ):
        _check_quantiser(f"the {what} of layer {layer.name!r}", quantiser(values.astype(np.float32)).numpy(), codes, type_)


def _check_quantiser(what: str, quantised: Any, codes: IntArray, type_: FixedPoint) -> None:
    back = np.ldexp(quantised.astype(np.float64), type_.fractional)
    wrong = int(np.count_nonzero(back != codes))
    if wrong:
        raise ConversionError(f"QKeras gives {wrong} of {what} another value than their type {type_}; use another type for them.")
