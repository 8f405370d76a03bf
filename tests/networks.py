"""Build small seeded networks and events with known ranges, shared by the tests of every implementation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.layout import ObjectLayout, ObjectSlot, load_layout
from l1ad.core.network import Activation, Dense, Network, Score, ScoreSpec, Threshold
from l1ad.core.scaling import Scaling

INPUT = FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>")
WEIGHT = FixedPoint.from_quantized_bits(6, 1)
HIDDEN = FixedPoint.from_quantized_relu(8, 3)
OUTPUT = FixedPoint.parse("ap_fixed<10,5,AP_RND_CONV,AP_SAT>")
DIFFERENCE = FixedPoint.parse("ap_fixed<10,6,AP_RND_CONV,AP_SAT>")
TABLE = FixedPoint.parse("ap_ufixed<16,8,AP_RND_CONV,AP_SAT>")


def tiny_layout() -> ObjectLayout:
    """Return a layout of eight columns: two jets (pt, eta, phi) and missing energy (pt, phi), phi on different grids."""
    pt, eta, phi = FixedPoint.parse("uint<10>"), FixedPoint.parse("int<7>"), FixedPoint.parse("uint<6>")
    jet = ObjectSlot("jet", 2, ("pt", "eta", "phi"), (pt, eta, phi), (0.5, 0.1, 2 * np.pi / 64), 64)
    met = ObjectSlot("met", 1, ("pt", "phi"), (pt, FixedPoint.parse("uint<5>")), (0.5, 2 * np.pi / 32), 32)
    return ObjectLayout("tiny8", (jet, met), "made for tests")


def make_network(
    layout: ObjectLayout | str | None = None,
    widths: tuple[int, ...] = (4, 2),
    score: Score = Score.LATENT_L2,
    seed: int = 1,
    *,
    input_type: FixedPoint = INPUT,
    weight_type: FixedPoint = WEIGHT,
    hidden_type: FixedPoint = HIDDEN,
    output_type: FixedPoint = OUTPUT,
    accumulator: FixedPoint | None = None,
    result: FixedPoint | None = None,
    phi_reference: str | None = None,
    min_pt_hw: tuple[tuple[str, int], ...] = (),
    cyclic: bool = True,
    may_wrap: bool = False,
    zero_fraction: float = 0.0,
) -> Network:
    """Build a network with seeded random integer weights.

    Args:
        layout: the input columns; a shipped layout's name, or None for ``tiny_layout()``.
        widths: outputs of every layer; the last must fit the score.
        score: which score.
        seed: decides the weights.
        input_type: type of the scaled inputs.
        weight_type: type of all weights and biases.
        hidden_type: output type of all layers but the last.
        output_type: output type of the last layer.
        accumulator: accumulator type of every layer, None for exact sums.
        result: result type of every layer, None for none.
        phi_reference: the object that phi is rotated to.
        min_pt_hw: pt thresholds by kind.
        cyclic: whether reconstruction scores fold phi.
        may_wrap: whether wrapping is declared.
        zero_fraction: part of the weights that is set to zero.

    Returns:
        The network, with three thresholds.
    """
    chosen = tiny_layout() if layout is None else load_layout(layout) if isinstance(layout, str) else layout
    random = np.random.default_rng(seed)
    layers = []
    n_in = chosen.n_columns
    for number, n_out in enumerate(widths):
        last = number == len(widths) - 1
        weight = random.integers(weight_type.min_int, weight_type.max_int, size=(n_in, n_out), endpoint=True)
        weight[random.random(weight.shape) < zero_fraction] = 0
        bias = random.integers(weight_type.min_int, weight_type.max_int, size=n_out, endpoint=True)
        layers.append(
            Dense(
                f"dense{number + 1}",
                weight,
                weight_type,
                bias,
                weight_type,
                Activation.LINEAR if last else Activation.RELU,
                output_type if last else hidden_type,
                accumulator,
                result,
            )
        )
        n_in = n_out
    spec = make_score(score, output_type, input_type, chosen, widths[-1], cyclic)
    top = spec.total.max_int
    thresholds = (Threshold("loose", top // 64), Threshold("nominal", top // 16), Threshold("tight", top // 4))
    scaling = replace(make_scaling(chosen, input_type, phi_reference), min_pt_hw=min_pt_hw)
    return Network("tiny", chosen, scaling, tuple(layers), spec, thresholds, may_wrap)


def make_scaling(layout: ObjectLayout, input_type: FixedPoint, phi_reference: str | None = None) -> Scaling:
    """Build offsets and shifts: pt goes up to twice the input type's range, a turn of phi is just its range, one shifts left."""
    shift = [column.type.width - input_type.integer for column in layout.columns]
    shift[-1] = -1
    offset = [5 if column.feature == "pt" else 0 for column in layout.columns]
    for i in range(layout.n_columns):
        period = layout.phi_period(i)
        offset[i] = period // 2 if period is not None and phi_reference is None else offset[i]
    return Scaling(tuple(offset), tuple(shift), input_type, phi_reference)


def outputs_for(kind: Score, otherwise: int = 3) -> int:
    """Return how many outputs a network of ``tiny8`` has for a score."""
    return 8 if kind.is_reconstruction else 4 if kind.needs_log_variance else kind.formula.outputs or otherwise


def make_score(
    kind: Score, output: FixedPoint, input_type: FixedPoint, layout: ObjectLayout, n_outputs: int, cyclic: bool
) -> ScoreSpec:
    """Build a score whose sum cannot leave its type; the squares are kept in full."""
    base = DIFFERENCE if kind.is_reconstruction else output
    spare = int(base.signed)
    square = FixedPoint(False, 2 * base.width - spare, 2 * base.integer - spare)
    if kind.is_reconstruction:
        columns = tuple(i for i in range(layout.n_columns) if i != 1)  # one column is left out on purpose
        return ScoreSpec(kind, square, _sum_type(square, len(columns)), DIFFERENCE, columns, cyclic)
    if not kind.formula.squares:
        exact = FixedPoint(output.signed, output.width, output.integer)
        return ScoreSpec(kind, exact, exact)
    if not kind.needs_log_variance:
        return ScoreSpec(kind, square, _sum_type(square, n_outputs))
    if kind is Score.KL:
        term = FixedPoint(False, 40, 20)
    else:
        term = FixedPoint(False, square.width + TABLE.width, square.integer + TABLE.integer)
    return ScoreSpec(kind, square, _sum_type(term, n_outputs // 2), table=TABLE)


def _sum_type(term: FixedPoint, n: int) -> FixedPoint:
    extra = max(1, n).bit_length()
    return FixedPoint(False, term.width + extra, term.integer + extra)


def make_events(layout: ObjectLayout, n_events: int, seed: int = 1) -> IntArray:
    """Make hardware integers over the whole range: uniform, sparse, at the range's ends and around zero, in turn.

    Args:
        layout: the columns.
        n_events: how many.
        seed: decides them.

    Returns:
        int64, shape ``(n_events, n_columns)``.
    """
    random = np.random.default_rng(seed)
    low = np.array([column.type.min_int for column in layout.columns])
    high = np.array([column.type.max_int for column in layout.columns])
    x = random.integers(low, high, size=(n_events, layout.n_columns), endpoint=True)
    x[1::4] >>= random.integers(0, 8, size=x[1::4].shape)
    ends = random.random(x[2::4].shape)
    x[2::4] = np.where(ends < 0.3, low, np.where(ends > 0.7, high, x[2::4]))
    present = random.random((len(x[3::4]), layout.n_objects))[:, layout.object_index] < 0.5
    x[3::4] *= present
    return x.astype(np.int64)


def make_threshold_events(network: Network, n_events: int, seed: int = 1) -> IntArray:
    """Make events as ``make_events`` does, with every other object one below, at or one above the pt threshold of its kind."""
    x = make_events(network.layout, n_events, seed)
    random = np.random.default_rng(seed)
    least = network.scaling.thresholds(network.layout)
    for column in network.layout.feature_columns("pt"):
        if least[column]:
            near = least[column] + random.integers(-1, 1, size=n_events, endpoint=True)
            x[:, column] = np.where(random.random(n_events) < 0.5, near, x[:, column])
    return x


#: A network of each score, by name.
EVERY_SCORE = {
    "latent": make_network(widths=(5, 3)),
    "masked": make_network(widths=(5, 8), score=Score.MASKED_MSE),
    "mse not cyclic": make_network(widths=(5, 8), score=Score.MSE, cyclic=False),
    "linear": make_network(widths=(5, 1), score=Score.LINEAR),
    "kl": make_network(widths=(5, 4), score=Score.KL),
    "r_z": make_network(widths=(5, 4), score=Score.R_Z),
}
