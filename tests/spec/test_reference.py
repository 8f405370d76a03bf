"""The specification in code agrees with the same specification in exact fractions, written independently."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from l1ad.core.errors import ConversionError, LayoutError
from l1ad.core.fixed import FixedPoint, Overflow, Rounding
from l1ad.core.network import Activation, Network, Score
from l1ad.spec import reference
from tests.networks import EVERY_SCORE, make_events, make_network, make_threshold_events, tiny_layout

WRAPPING = FixedPoint.parse("ap_fixed<9,4>")


def quantise(value: Fraction, type_: FixedPoint) -> Fraction:
    """Quantise a fraction by the definition of the modes, in units of the step."""
    units = value * Fraction(2) ** type_.fractional
    floor, half = math.floor(units), Fraction(1, 2)
    rest = units - floor
    up = {
        Rounding.TRN: False,
        Rounding.TRN_ZERO: units < 0 and rest > 0,
        Rounding.RND: rest >= half,
        Rounding.RND_MIN_INF: rest > half,
        Rounding.RND_ZERO: rest > half or (rest == half and units < 0),
        Rounding.RND_INF: rest > half or (rest == half and units >= 0),
        Rounding.RND_CONV: rest > half or (rest == half and floor % 2 == 1),
    }[type_.rounding]
    code = floor + int(up)
    inside = type_.min_int <= code <= type_.max_int
    if not inside:
        match type_.overflow:
            case Overflow.WRAP:
                code = (code - type_.min_int) % (1 << type_.width) + type_.min_int
            case Overflow.SAT_ZERO:
                code = 0
            case Overflow.SAT:
                code = type_.min_int if code < 0 else type_.max_int
            case Overflow.SAT_SYM:
                code = type_.symmetric_min_int if code < 0 else type_.max_int
    return code * Fraction(2) ** -type_.fractional


def in_fractions(network: Network, row: list[int]) -> Fraction:
    """Score one event with exact fractions."""
    row = cut(network, row)
    scaled = scale(network, row)
    values = scaled
    for layer in network.layers:
        values = dense(layer, values, network)
    return score(network, row, scaled, values)


def cut(network: Network, row: list[int]) -> list[int]:
    least = dict(network.scaling.min_pt_hw)
    kinds = [column.kind for column in network.layout.columns]
    pt = [row[place] for place in network.layout.presence_column]
    return [0 if kind in least and p < least[kind] else value for kind, p, value in zip(kinds, pt, row, strict=True)]


def scale(network: Network, row: list[int]) -> list[Fraction]:
    layout, scaling = network.layout, network.scaling
    out = []
    for i, value in enumerate(row):
        period = layout.phi_period(i)
        if scaling.phi_reference is not None and period is not None:
            slot = layout.slot(scaling.phi_reference)
            start = layout.slot_columns(scaling.phi_reference).start
            own = row[start + slot.features.index("phi")] * period // (slot.phi_period or 1)
            value = (value - own + period // 2) % period - period // 2 if row[layout.presence_column[i]] else 0
        out.append(quantise(Fraction(value - scaling.offset[i]) / Fraction(2) ** scaling.shift[i], scaling.type))
    return out


def dense(layer, values: list[Fraction], network: Network) -> list[Fraction]:
    out = []
    for j in range(layer.n_out):
        terms = [
            v * int(w) * Fraction(2) ** -layer.weight_type.fractional for v, w in zip(values, layer.weight[:, j], strict=True)
        ]
        terms.append(int(layer.bias[j]) * Fraction(2) ** -layer.bias_type.fractional)
        if layer.accumulator is not None:
            terms = [quantise(term, layer.accumulator) for term in terms]
        total = sum(terms, Fraction(0))
        total = total if layer.accumulator is None else quantise(total, layer.accumulator)
        total = total if layer.result is None else quantise(total, layer.result)
        out.append(quantise(max(total, Fraction(0)) if layer.activation is Activation.RELU else total, layer.output))
    return out


def score(network: Network, row: list[int], scaled: list[Fraction], outputs: list[Fraction]) -> Fraction:
    spec, total = network.score, Fraction(0)
    if spec.kind.is_reconstruction:
        for column in spec.columns:
            d = scaled[column] - outputs[column]
            period = network.layout.phi_period(column)
            if spec.cyclic and period is not None:
                turn = Fraction(period) / Fraction(2) ** network.scaling.shift[column]
                d += turn if d < -turn / 2 else -turn if d >= turn / 2 else 0
            present = spec.kind is Score.MSE or row[network.layout.presence_column[column]] != 0
            total += quantise(quantise(d, spec.difference) ** 2, spec.square) if present else 0
        return quantise(total, spec.total)
    if spec.kind is Score.LINEAR:
        return quantise(quantise(outputs[0], spec.square), spec.total)
    if not spec.kind.needs_log_variance:
        return quantise(sum((quantise(mu**2, spec.square) for mu in outputs), Fraction(0)), spec.total)
    half = len(outputs) // 2
    for mu, v in zip(outputs[:half], outputs[half:], strict=True):
        square = quantise(mu**2, spec.square)
        exact = math.exp(v) - float(v) - 1.0 if spec.kind is Score.KL else math.exp(-v)
        table = quantise(Fraction(exact), spec.table)
        total += square + table if spec.kind is Score.KL else square * table
    return quantise(total, spec.total)


CASES = {
    **EVERY_SCORE,
    "rotated": make_network(widths=(5, 8), score=Score.MASKED_MSE, phi_reference="met"),
    "rotated to jet": make_network(widths=(5, 2), phi_reference="jet"),
    "pt thresholds": make_network(widths=(5, 8), score=Score.MASKED_MSE, min_pt_hw=(("jet", 40), ("met", 7))),
    "pt threshold and rotated": make_network(widths=(5, 3), phi_reference="met", min_pt_hw=(("met", 40), ("jet", 9))),
    "wrapping": make_network(widths=(5, 3), accumulator=WRAPPING, result=FixedPoint.parse("ap_fixed<7,4>"), may_wrap=True),
    "rounding accumulator": make_network(
        widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<12,8,AP_RND_ZERO,AP_WRAP>"), may_wrap=True
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_exact_fractions(name: str) -> None:
    network = CASES[name]
    x = make_threshold_events(network, 48, seed=3)
    step = Fraction(2) ** -network.score.total.fractional
    wanted = [int(in_fractions(network, row) / step) for row in x.tolist()]
    np.testing.assert_array_equal(reference.scores(network, x), wanted)
    assert len(set(wanted)) > 10


def test_nodes_come_in_order_of_computation_and_end_with_the_scores() -> None:
    network = make_network(widths=(5, 8), score=Score.MASKED_MSE)
    x = make_events(network.layout, 9)
    nodes = reference.evaluate(network, x)
    layers = [f"dense{i}.{step}" for i in (1, 2) for step in ("accumulator", "result", "output")]
    assert list(nodes) == ["scaled", *layers, "difference", "square", "score"]
    assert nodes["dense1.output"].shape == (9, 5)
    assert nodes["difference"].shape == (9, 7)
    np.testing.assert_array_equal(nodes["score"], reference.scores(network, x))


def test_chunks_do_not_change_the_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network()
    x = make_events(network.layout, 100)
    whole = reference.scores(network, x)
    monkeypatch.setattr(reference, "chunks", lambda n: iter([slice(0, 33), slice(33, 66), slice(66, n)]))
    np.testing.assert_array_equal(reference.scores(network, x), whole)


def test_bits_are_set_from_the_threshold_on() -> None:
    network = make_network()
    value = network.thresholds[0].value
    np.testing.assert_array_equal(reference.bits(network, np.array([value - 1, value]))[:, 0], [False, True])
    assert reference.bits(network, np.array([0, 1])).shape == (2, 3)


def test_no_events_give_no_scores() -> None:
    network = make_network()
    assert reference.scores(network, np.zeros((0, 8), dtype=np.int16)).shape == (0,)


def test_events_outside_the_layout_are_refused() -> None:
    network = make_network()
    with pytest.raises(LayoutError, match=r"^Events to score: layout 'tiny8' needs shape \(n_events, 8\), got \(2, 7\); "):
        reference.scores(network, np.zeros((2, 7), dtype=np.int64))


def test_integers_beyond_int64_are_refused() -> None:
    wide = FixedPoint.parse("ap_ufixed<60,3,AP_RND,AP_SAT>")
    message = (
        r"^Node 'dense1.output' of network 'tiny' needs integers of \d+ bits, more than int64 has; use narrower types before it.$"
    )
    with pytest.raises(ConversionError, match=message):
        reference.scores(make_network(hidden_type=wide), make_events(tiny_layout(), 2))
