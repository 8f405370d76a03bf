"""Evaluate a network with QKeras, and its score from QKeras' outputs: the model's side of the exactness comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FLOAT64_BITS, FixedPoint, FloatArray, IntArray
from l1ad.core.network import SCALED, Activation, Network
from l1ad.graph import lower
from l1ad.graph.run_float import evaluate_float
from l1ad.qkeras.build import build_qkeras, refusal, significand_bits
from l1ad.qkeras.runtime import tensorflow
from l1ad.ranges import float32_exact

#: Events QKeras takes at a time.
CHUNK = 32_768


def qkeras_outputs(network: Network, x_hw: NDArray[Any]) -> tuple[IntArray, str]:
    """Evaluate a network as its QKeras model does.

    QKeras computes in float32, which is exact while every sum provably fits 24 bits. Where that is not proved, the same quantisers and
    weights are evaluated in float64, and the second value says so.

    Args:
        network: the network.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.

    Returns:
        Integer codes of the layers that the score reads, one behind the other (as a rule of the last one), int64 ``(n_events, n_out)``; ``'float32'`` (QKeras itself) or ``'float64'``.

    Raises:
        LayoutError: the events do not fit the layout.
        ConversionError: QKeras cannot compute the network, or not even float64 is exact.
    """
    network.layout.check(x_hw, "Events to evaluate")
    reason = refusal(network)
    if reason is not None:
        raise ConversionError(f"Network {network.name!r} has no exact QKeras model: {reason}; compare the other implementations.")
    if float32_exact(network):
        return _codes(network, _predict(network, x_hw)), "float32"
    _require_float64(network)
    parts = [_evaluate_float64(network, _scaled(network, x_hw[s : s + CHUNK])) for s in range(0, len(x_hw), CHUNK)]
    values = np.concatenate(parts) if parts else np.empty((0, len(_read_types(network))))
    return _codes(network, values), "float64"


def _read_types(network: Network) -> list[FixedPoint]:
    """List the types of all elements that the score reads of layers."""
    return [type_ for name in network.read_layers for type_ in network.types_of(name)]


def _scaled(network: Network, x_hw: NDArray[Any]) -> FloatArray:
    return network.scaling.apply_float(network.layout, np.asarray(x_hw, dtype=np.int64))


def _codes(network: Network, values: FloatArray) -> IntArray:
    grids = np.array([type_.fractional for type_ in _read_types(network)])
    return np.asarray(np.rint(np.ldexp(values, grids)), dtype=np.int64)


def _predict(network: Network, x_hw: NDArray[Any]) -> FloatArray:
    """Call the QKeras model chunk by chunk; every scaled value is a float32 number."""
    tf = tensorflow()
    model = build_qkeras(network)
    call = tf.function(lambda x: model(x, training=False), input_signature=[tf.TensorSpec((None, network.n_inputs), tf.float32)])
    out = np.empty((len(x_hw), len(_read_types(network))))
    for start in range(0, len(x_hw), CHUNK):
        part = slice(start, start + CHUNK)
        out[part] = call(tf.constant(_scaled(network, x_hw[part]).astype(np.float32))).numpy()
    return out


def _require_float64(network: Network) -> None:
    for name, bits in significand_bits(network).items():
        if bits > FLOAT64_BITS:
            raise ConversionError(
                f"The sum of layer {name!r} may need {bits} bits, float64 has {FLOAT64_BITS}; use narrower types for an exact comparison."
            )


def _evaluate_float64(network: Network, x: FloatArray) -> FloatArray:
    """Evaluate the same quantisers and weights in float64."""
    nodes = {SCALED: network.scaling.type.quantise(x)}
    for layer in network.layers:
        arriving = np.concatenate([nodes[name] for name in network.sources_of(layer)], axis=1)
        values = arriving @ layer.weight_type.from_int(layer.weight) + layer.bias_type.from_int(layer.bias)
        if layer.activation is Activation.RELU:
            values = np.maximum(values, 0.0)
        nodes[layer.name] = layer.output.quantise(values)
    return np.concatenate([nodes[name] for name in network.read_layers], axis=1)


def qkeras_scores(network: Network, x_hw: NDArray[Any]) -> IntArray:
    """Compute the integer scores from QKeras' outputs.

    The score's steps are evaluated in float64 with the score's types, by the graph; every step is
    exact, which is checked.

    Args:
        network: the network.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.

    Returns:
        Codes of ``network.score.total``, int64 ``(n_events,)``.

    Raises:
        LayoutError: the events do not fit the layout.
        ConversionError: as for ``qkeras_outputs``, or a step of the score does not fit float64.
    """
    _require_exact_score(network)
    codes, _ = qkeras_outputs(network, x_hw)
    return score_codes(network, np.asarray(x_hw), codes)


def score_codes(network: Network, x_hw: NDArray[Any], codes: IntArray) -> IntArray:
    """Compute the score from the codes that it reads, in float64 with the score's types.

    Args:
        network: the network.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.
        codes: those of the layers that the score reads, one behind the other, shape ``(n_events, n_out)``.

    Returns:
        Codes of ``network.score.total``, int64 ``(n_events,)``.
    """
    graph, total = lower(network.with_thresholds(())), network.score.total
    out = np.empty(len(x_hw), dtype=np.int64)
    for start in range(0, len(x_hw), CHUNK):
        part = slice(start, start + CHUNK)
        read = split_outputs(network, codes[part])
        given = {
            f"{name}.output": np.ldexp(values.astype(np.float64), _minus_grids(network, name)) for name, values in read.items()
        }
        out[part] = total.to_int(evaluate_float(graph, x_hw[part], given)["score"][:, 0])
    return out


def _minus_grids(network: Network, name: str) -> IntArray:
    return np.array([-type_.fractional for type_ in network.types_of(name)], dtype=np.int64)


def split_outputs(network: Network, codes: IntArray) -> dict[str, IntArray]:
    """Split what ``qkeras_outputs`` gives by layer.

    Args:
        network: the network.
        codes: shape ``(n_events, n_out)``.

    Returns:
        By layer name.
    """
    ends = np.cumsum([len(network.types_of(name)) for name in network.read_layers])
    return dict(zip(network.read_layers, np.split(codes, ends[:-1], axis=1), strict=True))


def _require_exact_score(network: Network) -> None:
    """Refuse a score whose squares or sum need more than float64's significand."""
    spec = network.score
    base = spec.difference or max(_read_types(network), key=lambda type_: type_.width)
    term = max(2 * base.width, spec.square.width + (spec.table.width if spec.table else 0))
    bits = term + len(_read_types(network)).bit_length()
    if bits > FLOAT64_BITS:
        raise ConversionError(
            f"The score may need {bits} bits, float64 has {FLOAT64_BITS}; give the output, score.difference or score.square fewer bits."
        )
