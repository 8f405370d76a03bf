"""Plan an autoencoder from the configuration: every layer's size and types, before anything is trained.

What cannot be converted exactly is refused here, when the model is described, not when it is converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from l1ad.config import Config
from l1ad.config.model import ModelConfig
from l1ad.core.errors import ConfigError, ModelError
from l1ad.core.fixed import FLOAT64_BITS, FixedPoint, Overflow, Rounding
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Activation, Score


@dataclass(frozen=True, slots=True)
class LayerTypes:
    """A chip layer's types: of its weights, its biases and what it gives.

    Attributes:
        weight: of the weights.
        bias: of the biases.
        output: of what it gives.
        open: those of the three whose integer bits are still to be chosen from the float baseline.
        digits: most signed digits of each weight: a product costs one adder less than it has digits. None for any.
    """

    weight: FixedPoint
    bias: FixedPoint
    output: FixedPoint
    open: frozenset[str] = frozenset()
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """Describe one dense layer of the training graph.

    Attributes:
        name: its name on the chip.
        n_in: inputs.
        n_out: outputs while training.
        activation: what follows.
        types: the fixed-point types; None for a layer that never reaches the chip.
    """

    name: str
    n_in: int
    n_out: int
    activation: Activation
    types: LayerTypes | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Describe the training graph and which part of it is on the chip.

    Attributes:
        layers: encoder, then decoder.
        n_encoder: how many of them are the encoder.
        latent: width of the bottleneck.
        variational: whether the encoder's last layer gives means, then as many log-variances.
        input_type: type of the scaled input.
        score: the score on the chip.
    """

    layers: tuple[LayerPlan, ...]
    n_encoder: int
    latent: int
    variational: bool
    input_type: FixedPoint
    score: Score

    @property
    def n_chip(self) -> int:
        """The number of layers on the chip."""
        return len(self.layers) if self.score.is_reconstruction else self.n_encoder

    @property
    def chip_outputs(self) -> int:
        """The number of values the chip's last layer gives: a score of the means alone leaves the log-variances out."""
        if self.score.is_reconstruction or self.score.needs_log_variance:
            return self.layers[self.n_chip - 1].n_out
        return self.score.formula.outputs or self.latent


def chip_types(plans: Sequence[Plan]) -> tuple[tuple[LayerTypes, ...], ...]:
    """Return the types of each chip layer, one for each of the plans."""
    rows = [[layer.types for layer in plan.layers if layer.types is not None] for plan in plans]
    return tuple(zip(*rows, strict=True))


def plan_model(config: Config, layout: ObjectLayout) -> Plan:
    """Plan the autoencoder of a configuration.

    Args:
        config: the configuration.
        layout: the input columns.

    Returns:
        The plan.

    Raises:
        ConfigError: a width list of the wrong length, or a score that does not fit the kind of model.
        ModelError: a type that QKeras cannot compute exactly.
    """
    model, score = config.model, config.score.kind
    _check_kind(model, score)
    if score.formula.outputs is not None and config.training.recipe != "robust":
        raise ConfigError(
            f"Score {score.value!r} is learnt from a teacher and training.recipe is {config.training.recipe!r}; use 'robust' or another score."
        )
    if score.is_reconstruction and config.training.recipe == "robust" and config.training.teacher == "rarity":
        raise ConfigError(
            f"Key 'training.teacher' is 'rarity', which ranks events and reconstructs none, and the score is {score.value!r}; use 'ensemble' or "
            "a score of the latent values."
        )
    variational = model.kind == "vae"
    n_chip = len(model.hidden) + 1 if not score.is_reconstruction else 2 * (len(model.hidden) + 1)
    types = _chip_types(model, n_chip, len(model.hidden))
    encoder = [layout.n_columns, *model.hidden, (2 if variational else 1) * model.latent]
    decoder = [model.latent, *reversed(model.hidden), layout.n_columns]
    shapes = [*pairwise(encoder), *pairwise(decoder)]
    layers = tuple(
        LayerPlan(f"dense{i + 1}", n_in, n_out, _activation(i, len(model.hidden)), types[i] if i < n_chip else None)
        for i, (n_in, n_out) in enumerate(shapes)
    )
    return Plan(layers, len(model.hidden) + 1, model.latent, variational, model.input_type, score)


def _check_kind(model: ModelConfig, score: Score) -> None:
    if model.kind == "imported":
        raise ConfigError("model.kind is 'imported': there is nothing to train; run 'l1ad import' instead.")
    if score.needs_log_variance and model.kind != "vae":
        raise ConfigError(
            f"Score {score.value!r} needs log-variances and model.kind is {model.kind!r}; use 'vae' or another score."
        )
    if score.is_reconstruction and model.kind == "vae":
        raise ConfigError(
            f"Score {score.value!r} of a 'vae' would need random numbers on the chip; use model.kind 'ae' or a latent score."
        )


def _activation(index: int, n_hidden: int) -> Activation:
    return Activation.LINEAR if index in (n_hidden, 2 * n_hidden + 1) else Activation.RELU


#: Integer bits of a type that is still open.
_OPEN = 0


def _chip_types(model: ModelConfig, n_chip: int, n_hidden: int) -> list[LayerTypes]:
    weight_bits = _per_layer("weight_bits", model.weight_bits, n_chip)
    weight_integer = _per_layer("weight_integer", model.weight_integer, n_chip)
    bias_bits = _per_layer("bias_bits", model.bias_bits, n_chip)
    bias_integer = _per_layer("bias_integer", model.bias_integer, n_chip)
    outputs = _output_types(model, n_chip, n_hidden)
    digits = [None] * n_chip if model.weight_digits is None else _per_layer("weight_digits", model.weight_digits, n_chip)
    types = []
    for i in range(n_chip):
        weight = FixedPoint.from_quantized_bits(weight_bits[i], weight_integer[i])
        bias = FixedPoint.from_quantized_bits(bias_bits[i], bias_integer[i])
        for what, type_ in (("weights", weight), ("biases", bias), ("output", outputs[i])):
            check_quantiser(f"The {what} of layer 'dense{i + 1}'", type_)
        given = {"weight": model.weight_integer, "bias": model.bias_integer}
        if _activation(i, n_hidden) is Activation.RELU:
            given["output"] = model.activation_integer
        is_open = frozenset(name for name, value in given.items() if value is None)
        types.append(LayerTypes(weight, bias, outputs[i], is_open, digits[i]))
    input_type = model.input_type
    check_quantiser("The input", input_type)
    _check_products([input_type, *outputs], types)
    return types


def _check_products(inputs: Sequence[FixedPoint], types: Sequence[LayerTypes]) -> None:
    """Refuse layers whose very products float64 cannot hold: nothing could be compared with QKeras after training."""
    for i, (arriving, layer) in enumerate(zip(inputs, types, strict=False)):
        bits = arriving.width + layer.weight.width
        if bits > FLOAT64_BITS:
            raise ModelError(
                f"Products of layer 'dense{i + 1}' need {bits} bits ({arriving.width} of its inputs, {layer.weight.width} of its weights), "
                f"float64 has {FLOAT64_BITS}; use narrower types."
            )


def _output_types(model: ModelConfig, n_chip: int, n_hidden: int) -> list[FixedPoint]:
    linear = {n_hidden: model.latent_type, n_chip - 1: model.output_type}
    n_relu = n_chip - len(linear)
    bits = iter(_per_layer("activation_bits", model.activation_bits, n_relu))
    integer = iter(_per_layer("activation_integer", model.activation_integer, n_relu))
    return [linear[i] if i in linear else FixedPoint.from_quantized_relu(next(bits), next(integer)) for i in range(n_chip)]


def _per_layer(key: str, values: Sequence[int] | None, n: int) -> Sequence[int]:
    if values is None:
        return [_OPEN] * n
    if len(values) == 1:
        return list(values) * n
    if len(values) != n:
        raise ConfigError(f"Key 'model.{key}' takes one number or {n}, one for each layer it applies to, got {list(values)!r}.")
    return values


def check_quantiser(what: str, type_: FixedPoint) -> None:
    """Refuse a type that QKeras' quantisers with alpha 1 cannot represent exactly.

    Args:
        what: whose type it is, the start of the message.
        type_: the type.

    Raises:
        ModelError: other modes than rounding half to even and saturation, or a single bit (QKeras makes that -1 and 1).
    """
    if type_.rounding is not Rounding.RND_CONV or type_.overflow is not Overflow.SAT:
        raise ModelError(f"{what} must round half to even and saturate (AP_RND_CONV, AP_SAT) as QKeras does, got '{type_}'.")
    if type_.width - int(type_.signed) < 1:
        raise ModelError(
            f"{what} must have at least one bit beside the sign, got '{type_}'; QKeras makes one bit a binary quantiser."
        )
