"""The training graph's inputs are the chip's, whatever steps its scaling has; folding and slices are what the integers do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.codes import Minifloat
from l1ad.core.fixed import FixedPoint
from l1ad.core.scaling import Scaling
from l1ad.graph.builder import Builder
from l1ad.graph.operations import Fold, Gather, Input
from l1ad.qkeras.runtime import tensorflow
from l1ad.training.interpret import evaluate_tensors
from l1ad.training.lowered import lower_training_inputs, scaled_values
from tests.networks import INPUT, make_events, make_scaling, tiny_layout

LAYOUT = tiny_layout()
PLAIN = make_scaling(LAYOUT, INPUT)
SCALINGS = {
    "plain": PLAIN,
    "through": replace(PLAIN, through=FixedPoint.parse("ap_fixed<7,6>")),
    "cut": replace(PLAIN, min_pt_hw=(("jet", 7),), left_out=(4,)),
    "codes": replace(PLAIN, codes=(Minifloat(3, 1, 6), *(None,) * 7)),
    "rotated": replace(PLAIN, phi_reference="met"),
}


@pytest.mark.parametrize("scaling", SCALINGS.values(), ids=SCALINGS)
def test_training_sees_the_chips_inputs(scaling: Scaling) -> None:
    """A type between was once left out of training: the network learnt other inputs than it got."""
    tf = tensorflow()
    x_hw = make_events(LAYOUT, 500)
    inputs = lower_training_inputs(LAYOUT, scaling, rounded=True)
    codes, present = inputs.tabulated(x_hw)
    values = tf.constant(codes[np.newaxis].astype(np.float32) * inputs.unit)
    wanted = scaling.type.from_int(scaling.apply(LAYOUT, x_hw))
    np.testing.assert_array_equal(evaluate_tensors(tf, inputs.scaled, {inputs.codes: values})["scaled"].numpy()[0], wanted)
    np.testing.assert_array_equal(scaled_values(LAYOUT, scaling, x_hw, rounded=True), wanted)
    np.testing.assert_array_equal(present, scaling.present(LAYOUT, x_hw))
    assert codes.dtype == np.int16


def test_elements_are_taken_in_any_order() -> None:
    tf = tensorflow()
    build = Builder()
    first, second = (build.let(name, Input((0,) * 3, (9,) * 3)) for name in ("first", "second"))
    graph = build.graph(build.let("taken", Gather(((0, 1), (0, 2), (1, 0), (0, 0))), first, second))
    given = {"first": tf.constant([[[1.0, 2.0, 3.0]]]), "second": tf.constant([[[4.0, 5.0, 6.0]]])}
    assert evaluate_tensors(tf, graph, given)["taken"].numpy().tolist() == [[[2.0, 3.0, 4.0, 1.0]]]


def test_a_fold_takes_one_turn_and_passes_the_slope() -> None:
    """Turns of 8 counts on a grid of halves, and an element that is no angle."""
    tf = tensorflow()
    build = Builder()
    build.let("x", Input((0,) * 5, (0,) * 5, 1))
    graph = build.graph(build.let("folded", Fold((8, 8, 8, 8, 0)), "x"))
    x = tf.constant([[[2.0, 1.5, -2.0, -2.5, 99.0]]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        folded = evaluate_tensors(tf, graph, {"x": x})["folded"]
    assert folded.numpy().tolist() == [[[-2.0, 1.5, -2.0, 1.5, 99.0]]]
    assert tape.gradient(folded, x).numpy().tolist() == [[[1.0] * 5]]
