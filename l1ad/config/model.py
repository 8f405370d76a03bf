"""Describe the network, its bit widths, its score and its training."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from l1ad.config.base import FixedType, InputSteps, PerLayer, ScoreKind, Section, require_one_unit
from l1ad.config.layers import ShapeConfig, TeacherConfig
from l1ad.core.fixed import MAX_WIDTH, FixedPoint

_EIGHT_BITS = FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>")


#: Widest weights whose signed digits can be bounded: the nearest allowed ones are tabulated.
MOST_BITS_OF_DIGITS = 12


class ModelConfig(ShapeConfig):
    """Describe the autoencoder: ``hidden`` (or ``layers``) and ``latent`` make the encoder, a decoder mirrors it.

    Widths are one number for all layers on the chip or a list with one a layer. Integer bits left out are chosen from the float
    baseline: the fewest that hold its weights, biases and activations.

    Attributes:
        kind: ``ae``, ``vae``, ``embedding`` (an encoder trained on pairs, then an autoencoder of its outputs, see docs/training.md), or
            ``imported``, which takes the model from ``file`` and needs no other key.
        file: the model of kind ``imported``.
        types: YAML file with the firmware's types, for kind ``imported``.
        hidden: widths of the encoder's hidden layers.
        latent: width of the bottleneck, or of an embedding.
        autoencoder: widths of the hidden layers between an embedding and its reconstruction, for kind ``embedding``.
        batch_norm: normalises hidden layers while the float networks train; it is folded into their weights before quantisation.
        weight_bits: width of the weights, the sign bit included.
        weight_integer: integer bits of the weights, the sign bit left out, as QKeras counts.
        weight_digits: most signed digits ±2^k of a weight; one is a shift, each further one an adder. Left out, any weight of its type.
        bias_bits: width of the biases.
        bias_integer: integer bits of the biases, likewise.
        activation_bits: width of the hidden ReLUs' outputs.
        activation_integer: integer bits of the hidden ReLUs' outputs.
        input_type: type of the scaled inputs.
        latent_type: type of an autoencoder's bottleneck.
        output_type: type of the last layer's output.
    """

    kind: Literal["ae", "vae", "embedding", "imported"]
    file: str | None = None
    types: str | None = None
    hidden: tuple[int, ...] = Field((32, 16), strict=False)
    latent: int = Field(3, ge=1)
    autoencoder: tuple[Annotated[int, Field(ge=1)], ...] = Field((), strict=False)
    batch_norm: bool = False
    weight_bits: PerLayer = (6,)
    weight_integer: PerLayer | None = None
    weight_digits: PerLayer | None = None
    bias_bits: PerLayer = (8,)
    bias_integer: PerLayer | None = None
    activation_bits: PerLayer = (8,)
    activation_integer: PerLayer | None = None
    input_type: FixedType = _EIGHT_BITS
    latent_type: FixedType = _EIGHT_BITS
    output_type: FixedType = _EIGHT_BITS

    @model_validator(mode="after")
    def _positive(self) -> ModelConfig:
        if any(width < 1 for width in self.hidden):
            raise ValueError("hidden must have widths of at least 1")
        if self.weight_digits is not None and any(digits < 1 for digits in self.weight_digits):
            raise ValueError(f"weight_digits must be at least 1, got {list(self.weight_digits)!r}")
        if self.weight_digits is not None and max(self.weight_bits) > MOST_BITS_OF_DIGITS:
            raise ValueError(
                f"weight_digits is for weights of at most {MOST_BITS_OF_DIGITS} bits, got {list(self.weight_bits)!r}"
            )
        for name in ("weight_bits", "bias_bits", "activation_bits"):
            if any(not 1 <= bits <= MAX_WIDTH for bits in getattr(self, name)):
                raise ValueError(f"{name} must have 1 to {MAX_WIDTH} bits, got {list(getattr(self, name))!r}")
        if (self.kind == "imported") != (self.file is not None) or (self.types is not None and self.file is None):
            raise ValueError("kind 'imported' needs file (and optionally types), other kinds take neither")
        if (self.kind == "embedding") != bool(self.autoencoder):
            raise ValueError(
                "kind 'embedding' needs autoencoder, the widths between embedding and reconstruction; other kinds do not take it"
            )
        if self.batch_norm and (self.kind == "embedding" or any(layer.dense is None for layer in self.layers)):
            raise ValueError("batch_norm is for dense layers of kind 'ae' or 'vae'; leave it out")
        return self


class ScoreConfig(Section):
    """The score computed on the chip; types left out are the smallest that cannot overflow.

    Attributes:
        kind: which score, see docs/training.md.
        square: type of each squared term; of the output itself for ``linear``.
        total: type of the score.
        difference: type of each difference of input and reconstruction.
        table: type of the lookup table's entries, for ``kl`` and ``r_z``.
        cyclic_phi: whether differences in phi are folded into half a turn.
    """

    kind: ScoreKind
    square: FixedType | None = None
    total: FixedType | None = None
    difference: FixedType | None = None
    table: FixedType | None = None
    cyclic_phi: bool = True


class TrainingConfig(Section):
    """Training: the float baseline for ``float_epochs``, then quantisation-aware for ``epochs``.

    Attributes:
        recipe: ``robust`` trains an ensemble of float teachers on background and lets the network on the chip learn their mean
            score (see docs/training.md); ``plain`` trains one network, with a constant learning rate and its last weights.
        teacher: what the robust recipe's network learns: ``ensemble``, the mean log-loss of float autoencoders, or ``rarity``, how rare the pT of
            each kind's objects are on background, without any network; for scores of the latent values and ``linear``.
        teacher_network: shape of the ensemble's networks where it is not that of ``model``.
        teachers: networks in the ensemble.
        teacher_epochs: their epochs.
        candidates: quantised networks that the robust recipe trains for each seed, from one float start but in another order; the one
            with the best ranks, by validation loss and by the mixed events it accepts at a background fraction of 0.001, is the seed's.
        epochs: quantisation-aware epochs.
        float_epochs: epochs of the float baseline.
        batch_size: events a step.
        learning_rate: Adam's, at its highest.
        schedule: of the robust recipe: ``cosine`` falls to 1 % after a short warm-up, ``constant`` stays.
        average: of the robust recipe: decay of the moving average of the weights that is kept; 0 keeps the last weights.
        beta: weight of the Kullback-Leibler term against half the summed squared error (β-VAE).
        loss: reconstruction loss; ``auto`` masks absent objects unless the score is ``mse``.
        object_weights: factor on the loss of each object kind, 1 if left out.
        event_weights: whether events count with their weight.
        bounded_outputs: whether a decoder that is not on the chip bounds eta and phi by a tanh at the input type's range.
        sparsity: part of each layer's weights on the chip that is pruned.
        prune_from: part of the quantisation-aware epochs after which pruning starts.
        prune_to: part after which the sparsity is reached.
        shrink: sparsities to which the trained network is pruned further, one after another, each with as many epochs of training again.
        seed: decides initial weights, order and noise.
        seeds: how many networks to train, with seeds ``seed``, ``seed + 1``, …
    """

    recipe: Literal["robust", "plain"] = "robust"
    teacher: Literal["ensemble", "rarity"] = "ensemble"
    teacher_network: TeacherConfig | None = None
    teachers: int = Field(8, ge=1, le=64)
    teacher_epochs: int = Field(20, ge=1)
    candidates: int = Field(4, ge=1, le=16)
    epochs: int = Field(30, ge=1)
    float_epochs: int = Field(40, ge=1)
    batch_size: int = Field(1024, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    average: float = Field(0.99, ge=0, lt=1)
    beta: float = Field(0.8, ge=0)
    loss: Literal["auto", "masked_mse", "mse"] = "auto"
    object_weights: dict[str, float] = Field(default_factory=dict)
    event_weights: bool = True
    bounded_outputs: bool = False
    sparsity: float = Field(0.0, ge=0, lt=1)
    prune_from: float = Field(0.1, ge=0, le=1)
    prune_to: float = Field(0.6, gt=0, le=1)
    shrink: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((), strict=False)
    seed: int = Field(1, ge=0)
    seeds: int = Field(1, ge=1, le=64)

    @model_validator(mode="after")
    def _pruning_order(self) -> TrainingConfig:
        if self.prune_from >= self.prune_to:
            raise ValueError(f"prune_from must be below prune_to, got {self.prune_from:g} and {self.prune_to:g}")
        if any(former >= sparsity for former, sparsity in pairwise((self.sparsity, *self.shrink))):
            raise ValueError(f"shrink needs sparsities that rise from {self.sparsity:g} on, got {list(self.shrink)!r}")
        if any(weight < 0 for weight in self.object_weights.values()):
            raise ValueError("object_weights must not be negative")
        return self


class ScalingConfig(InputSteps):
    """Scaling of hardware integers: from data by the documented rule, or with numbers given for every column.

    Attributes:
        rule: ``robust`` takes offset and shift from the data, ``given`` from the configuration.
        coverage: central part of a column's present values that the rule puts into the input type's range.
        empty_columns: what happens to a column that is always 0 in the training data: ``refuse`` or ``ignore``.
        offset: of every column, in hardware counts; 0 if left out.
        shift: of every column: division by this power of two; one number for all columns of a network that is trained here.
        phi_reference: kind of object to whose first one every phi is rotated.
        min_pt_hw: pt threshold on the chip by kind of object, in hardware counts: an object below reads 0 and those behind it stay where
            they are, unlike ``data.select.min_pt_gev``.
        min_pt_gev: the same in GeV, turned into a whole number of the layout's counts.
    """

    rule: Literal["robust", "given"] = "robust"
    coverage: float = Field(0.98, gt=0, lt=1)
    empty_columns: Literal["refuse", "ignore"] = "refuse"
    offset: tuple[int, ...] | None = Field(None, strict=False)
    shift: PerLayer | None = None
    phi_reference: str | None = None
    min_pt_hw: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    min_pt_gev: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_unit(self) -> ScalingConfig:
        require_one_unit(self.min_pt_hw, self.min_pt_gev)
        return self

    @model_validator(mode="after")
    def _complete(self) -> ScalingConfig:
        given = self.rule == "given"
        if given != (self.shift is not None) or (self.offset is not None and not given):
            raise ValueError("rule 'given' needs shift (and optionally offset), rule 'robust' takes neither")
        return self
