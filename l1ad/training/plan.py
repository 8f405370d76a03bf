"""Plan an autoencoder from the configuration: every layer's size and types, before anything is trained.

What cannot be converted exactly is refused here, when the model is described, not when it is converted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from l1ad.config import Config
from l1ad.config.layers import TeacherConfig
from l1ad.config.model import ModelConfig
from l1ad.core.errors import ConfigError, ModelError
from l1ad.core.fixed import FLOAT64_BITS, FixedPoint, Overflow, Rounding
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Activation, Score
from l1ad.training.shapes import LayerShape, chain_shapes, decoder_shapes, encoder_shapes
from l1ad.training.windows import Kernel


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
    """Describe one layer of the training graph.

    Attributes:
        name: its name on the chip.
        n_in: inputs.
        n_out: outputs while training.
        activation: what follows.
        types: the fixed-point types; None for a layer that never reaches the chip.
        kernel: how its kernel is used, of a layer with a window; None for a dense layer.
    """

    name: str
    n_in: int
    n_out: int
    activation: Activation
    types: LayerTypes | None
    kernel: Kernel | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of its parameters."""
        return (self.n_in, self.n_out) if self.kernel is None else self.kernel.shape

    @property
    def fixed(self) -> bool:
        """Whether its weights are not trained."""
        return self.kernel is not None and self.kernel.fixed


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
        embedding: whether the encoder is trained on pairs, and what follows it reconstructs its outputs.
    """

    layers: tuple[LayerPlan, ...]
    n_encoder: int
    latent: int
    variational: bool
    input_type: FixedPoint
    score: Score
    embedding: bool = False

    @property
    def score_sources(self) -> tuple[str, ...]:
        """Names of the nodes that the score compares; () for the usual ones."""
        return (self.layers[self.n_encoder - 1].name, self.layers[-1].name) if self.embedding else ()

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
    encoder = encoder_shapes(model, layout.n_columns, model.hidden, (2 if model.kind == "vae" else 1) * model.latent)
    decoder = _decoder(model, encoder)
    n_chip = len(encoder) + (len(decoder) if score.is_reconstruction else 0)
    types = _chip_types(model, (encoder + decoder)[:n_chip], len(encoder) - 1)
    return _plan(encoder, decoder, types, model, score)


def plan_teacher(teacher: TeacherConfig, student: Plan) -> Plan:
    """Plan the networks of an ensemble that have a shape of their own; none of their layers is on the chip.

    Args:
        teacher: their shape.
        student: what learns their score.

    Raises:
        ConfigError: windows that do not fit the inputs.
    """
    n_columns = student.layers[0].n_in
    encoder = encoder_shapes(teacher, n_columns, (), (2 if teacher.kind == "vae" else 1) * teacher.latent)
    return _plan(encoder, decoder_shapes(encoder, teacher.latent), [], teacher, student.score)


def _plan(
    encoder: list[LayerShape],
    decoder: list[LayerShape],
    types: list[LayerTypes],
    model: ModelConfig | TeacherConfig,
    score: Score,
) -> Plan:
    linear = (len(encoder) - 1, len(encoder) + len(decoder) - 1)
    layers = tuple(
        LayerPlan(
            f"{shape.name}{i + 1}",
            shape.n_in,
            shape.n_out,
            _activation(i, linear),
            types[i] if i < len(types) else None,
            shape.kernel,
        )
        for i, shape in enumerate(encoder + decoder)
    )
    input_type = model.input_type if isinstance(model, ModelConfig) else _NO_TYPE
    return Plan(layers, len(encoder), model.latent, model.kind == "vae", input_type, score, model.kind == "embedding")


def _decoder(model: ModelConfig, encoder: list[LayerShape]) -> list[LayerShape]:
    """Return what follows the encoder: its mirror, or the autoencoder of an embedding."""
    if model.kind == "embedding":
        return chain_shapes([model.latent, *model.autoencoder, model.latent])
    return decoder_shapes(encoder, model.latent)


def _check_kind(model: ModelConfig, score: Score) -> None:
    if model.kind == "embedding" and score is not Score.MSE:
        raise ConfigError(
            f"model.kind 'embedding' compares the embedding with its reconstruction and the score is {score.value!r}; use 'mse'."
        )
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


def _activation(index: int, linear: Sequence[int]) -> Activation:
    return Activation.LINEAR if index in linear else Activation.RELU


#: Integer bits of a type that is still open.
_OPEN = 0
#: Stands for the input type of networks that have none.
_NO_TYPE = FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>")


def _chip_types(model: ModelConfig, shapes: Sequence[LayerShape], n_hidden: int) -> list[LayerTypes]:
    n_chip = len(shapes)
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
            check_quantiser(f"The {what} of layer '{shapes[i].name}{i + 1}'", type_)
        given = {"weight": model.weight_integer, "bias": model.bias_integer}
        if _activation(i, (n_hidden, n_chip - 1)) is Activation.RELU:
            given["output"] = model.activation_integer
        is_open = frozenset(name for name, value in given.items() if value is None)
        kernel = shapes[i].kernel
        if kernel is not None and kernel.fixed:
            types.append(LayerTypes(*_fixed_types(kernel), outputs[i], is_open & {"output"}))
        else:
            types.append(LayerTypes(weight, bias, outputs[i], is_open, digits[i]))
    input_type = model.input_type
    check_quantiser("The input", input_type)
    _check_products([input_type, *outputs], types)
    return types


def _fixed_types(kernel: Kernel) -> tuple[FixedPoint, FixedPoint]:
    """Return the types of a kernel that is not trained, one power of two, and of its biases, which are 0."""
    return FixedPoint.from_quantized_bits(kernel.halvings + 2, 1), FixedPoint.from_quantized_bits(2, 0)


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
