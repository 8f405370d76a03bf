"""Batch normalisation is folded into plain layers of the same function, as Keras' own layer computes it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import parse_config
from l1ad.core.network import Score
from l1ad.qkeras.runtime import tensorflow
from l1ad.training.events import Events
from l1ad.training.forward import forward
from l1ad.training.loop import FitSettings, fit
from l1ad.training.losses import loss_spec
from l1ad.training.normalisation import EPSILON, folded
from l1ad.training.plan import Plan, plan_model
from l1ad.training.pruning import NO_PRUNING
from l1ad.training.state import Parameters, initial_parameters
from l1ad.training.steps import Graph
from tests.networks import make_events, make_scaling, tiny_layout

LAYOUT = tiny_layout()


def plan(kind: str = "ae") -> Plan:
    text = (
        "name: t\nlayout: l1topo44\ndata: {background: {zb: a.h5}}\nscore: {kind: latent_l2}\n"
        f"model: {{kind: {kind}, hidden: [6, 5], latent: 2}}\n"
    )
    return plan_model(parse_config(text, "t", Path()), LAYOUT)


def drawn(chosen: Plan) -> Parameters:
    """Draw weights for two networks, with biases that matter."""
    start, random = initial_parameters(chosen, (1, 2)), np.random.default_rng(3)
    return Parameters(start.weights, tuple(random.normal(0, 0.5, b.shape).astype(np.float32) for b in start.biases))


def computed(chosen: Plan, parameters: Parameters, x: np.ndarray, noise: np.ndarray | None, normalised: bool) -> np.ndarray:
    tf, n = tensorflow(), len(chosen.layers)
    flat = [tf.constant(a) for a in parameters.flat]
    both = tf.constant(np.stack([x, x]).astype(np.float32))
    drawn_noise = None if noise is None else tf.constant(np.stack([noise, noise]).astype(np.float32))
    out = forward(tf, chosen, flat[:n], flat[n:], both, drawn_noise, (), normalised)
    return np.asarray(out.reconstruction)


@pytest.mark.parametrize(("kind", "noisy"), [("ae", False), ("vae", True), ("vae", False)])
def test_folded_layers_compute_what_normalised_ones_do(kind: str, noisy: bool) -> None:
    chosen, random = plan(kind), np.random.default_rng(5)
    x = random.normal(1.0, 3.0, (4000, 8))
    noise = random.standard_normal((4000, 2)) if noisy else None
    parameters = drawn(chosen)
    wanted = computed(chosen, parameters, x, noise, normalised=True)
    plain = computed(chosen, folded(chosen, parameters, x, noise), x, noise, normalised=False)
    np.testing.assert_allclose(plain, wanted, rtol=0, atol=2e-4)
    assert np.abs(computed(chosen, parameters, x, noise, normalised=False) - wanted).max() > 0.5


def test_folded_layers_are_keras_own_batch_normalisation() -> None:
    tf, chosen = tensorflow(), plan()
    x = np.random.default_rng(5).normal(1.0, 3.0, (4000, 8)).astype(np.float32)
    parameters = drawn(chosen)
    values = x
    for i, layer in enumerate(chosen.layers):
        values = values @ parameters.weights[i][1]
        if layer.activation.value == "relu":
            norm = tf.keras.layers.BatchNormalization(scale=False, epsilon=EPSILON)
            norm.build(values.shape)
            norm.set_weights([parameters.biases[i][1, 0], values.mean(axis=0), values.var(axis=0)])
            values = np.maximum(norm(values, training=False).numpy(), 0.0)
        else:
            values = values + parameters.biases[i][1, 0]
    plain = computed(chosen, folded(chosen, parameters, x), x, None, normalised=False)
    np.testing.assert_allclose(plain[1], values, rtol=0, atol=2e-4)


def test_a_neuron_that_never_changes_stays_finite() -> None:
    chosen = plan()
    result = folded(chosen, drawn(chosen), np.ones((100, 8)))
    assert all(np.isfinite(a).all() for a in result.flat)


def test_training_gives_plain_layers_and_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    chosen = plan("vae")
    config = parse_config(
        "name: t\nlayout: l1topo44\ndata: {background: {zb: a.h5}}\nscore: {kind: latent_l2}\nmodel: {kind: vae}\n", "t", Path()
    )
    scaling = make_scaling(LAYOUT, chosen.input_type)
    loss = loss_spec(config.training, Score.LATENT_L2, True, LAYOUT, scaling, tuple(range(8)))
    graph = Graph(chosen, loss, LAYOUT, scaling, (), 0.9, normalised=True)
    settings = FitSettings(3, 64, 3e-3, True, (1, 2), NO_PRUNING, "test")
    train, validation = (Events(make_events(LAYOUT, n, seed), np.ones(n)) for n, seed in ((1024, 1), (256, 2)))
    start = initial_parameters(chosen, (1, 2))
    whole = fit(graph, train, validation, settings, start)
    fit(graph, train, validation, replace(settings, epochs=3), start, tmp_path / "c.npz")
    once = fit(graph, train, validation, settings, start, tmp_path / "c.npz")
    for a, b in zip(whole.parameters.flat, once.parameters.flat, strict=True):
        np.testing.assert_array_equal(a, b)
    losses = np.array(whole.history["validation"])
    assert np.isfinite(losses).all()
    assert (losses[-1] < losses[0]).all()
