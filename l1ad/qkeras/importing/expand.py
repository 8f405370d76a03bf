"""Write what a layer's own activation and output type cannot say as further layers: a slope below 0, and a bound of its own.

``leaky(x) = s x + (1 - s) relu(x)`` and ``min(y, u) = u - relu(u - y)``, with every sum kept in full.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, FloatArray, Overflow, Rounding
from l1ad.core.network import Activation
from l1ad.qkeras.importing.draft import ImportedDense, identity

#: What is put behind a layer's name for its sum before a slope.
KEPT = "_kept"
#: And for what is quantised before a bound.
UNBOUNDED = "_unbounded"


def expanded(layer: ImportedDense, *, drop_slope: bool, bounds: str) -> tuple[ImportedDense, ...]:
    """Return the layers that stand for one; the last has its name.

    Args:
        layer: the layer.
        drop_slope: whether the firmware makes leaky ReLUs plain ones.
        bounds: what to do with a bound of which the file does not say whether QKeras applies it: ``refuse``, ``ignore`` or ``apply``.

    Raises:
        ModelError: such a bound and ``refuse``, or a slope or bound that needs too many bits.
    """
    if layer.bound is not None and not layer.bound_is_sure and bounds == "refuse":
        raise ModelError(
            f"Layer {layer.name!r} is followed by a quantized_relu with relu_upper_bound {layer.bound:g}, which QKeras applies only with "
            "is_quantized_clip=False, and the file does not say that; set relu_upper_bound: apply or ignore in the types file."
        )
    bound = None if layer.bound_is_sure is False and bounds == "ignore" else layer.bound
    plain = replace(layer, bound=None)
    if drop_slope:
        plain = replace(plain, negative_slope=0.0)
    if bound is None:
        return _leaky(plain)
    quantised = replace(plain, name=f"{layer.name}{UNBOUNDED}")
    return *_leaky(quantised), *_bounded(quantised, layer.name, bound)


def _leaky(layer: ImportedDense) -> tuple[ImportedDense, ...]:
    slope = layer.negative_slope
    if not slope:
        return (layer,)
    n, output = len(layer.bias), layer.output
    kept = replace(layer, name=f"{layer.name}{KEPT}", activation=Activation.LINEAR, output=None, negative_slope=0.0, exact=True)
    if output is not None and not output.signed:
        # quantized_relu of QKeras: one bit is the sign, and nothing below slope * -2**integer is left.
        kept = replace(kept, lowest=-float(2.0**output.integer))
        output = FixedPoint(True, output.width, output.integer + 1, output.rounding, output.overflow)
    positive = replace(_of(identity(f"{layer.name}_positive", n), kept, layer), activation=Activation.RELU)
    eye = np.eye(n)
    weight, weight_type = _dyadic(np.concatenate([slope * eye, (1 - slope) * eye]), f"The slope {slope:g} of {layer.name!r}")
    return (
        kept,
        positive,
        ImportedDense(
            layer.name,
            weight,
            np.zeros(n),
            weight_type,
            None,
            (kept.name, positive.name),
            layer.origin,
            has_bias=False,
            output=output,
            exact=layer.exact,
        ),
    )


def _bounded(layer: ImportedDense, name: str, bound: float) -> tuple[ImportedDense, ...]:
    n = len(layer.bias)
    bias, bias_type = _dyadic(np.full(n, bound), f"The relu_upper_bound {bound:g} of {name!r}")
    minus = ImportedDense(
        f"{name}_room", -np.eye(n), bias, FixedPoint(True, 2, 2), bias_type, (layer.name,), layer.origin, exact=True
    )
    room = replace(minus, activation=Activation.RELU)
    return room, replace(minus, name=name, sources=(room.name,))


def _of(layer: ImportedDense, read: ImportedDense, origin: ImportedDense) -> ImportedDense:
    return replace(layer, sources=(read.name,), origin=origin.origin)


def _dyadic(values: FloatArray, what: str) -> tuple[FloatArray, FixedPoint]:
    """Return values with the smallest signed type that holds them exactly."""
    fractional = max(float(v).as_integer_ratio()[1].bit_length() - 1 for v in np.unique(values))
    integer = max(int(np.ceil(np.log2(max(float(np.abs(values).max()), 0.5)))) + 1, 0) + 1
    if fractional + integer > MAX_WIDTH:
        raise ModelError(f"{what} needs more than {MAX_WIDTH} bits; use a power of two.")
    return values, FixedPoint(True, fractional + integer, integer, Rounding.RND_CONV, Overflow.SAT)
