"""The compiled steps are Keras' Adam, follow the schedule, and the validation loss is of every event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.network import Score
from l1ad.qkeras.runtime import tensorflow
from l1ad.training import steps
from l1ad.training.events import Events
from l1ad.training.loop import FitSettings, Runner, learning_rates
from l1ad.training.losses import loss_spec
from l1ad.training.plan import plan_model
from l1ad.training.pruning import NO_PRUNING
from l1ad.training.state import Parameters, TrainingState, initial_parameters
from l1ad.training.steps import VALIDATION_CHUNK, Graph, adam, compile_validation, make_table
from tests.networks import make_events, make_scaling, tiny_layout
from tests.training.test_plan import config

LAYOUT = tiny_layout()
RATES = [3e-3, 1e-2, 1e-3, 2e-3, 5e-3, 1e-2]


def graph(score: Score = Score.MASKED_MSE, distil: float = 0.0) -> Graph:
    chosen = config("{kind: ae, hidden: [5], latent: 2}", score.value)
    plan = plan_model(chosen, LAYOUT)
    scaling = make_scaling(LAYOUT, plan.input_type)
    loss = loss_spec(chosen.training, score, False, LAYOUT, scaling, tuple(range(8)))
    return Graph(plan, loss, LAYOUT, scaling, (), 0.0, distil)


def weighted(n: int, seed: int = 1) -> Events:
    random = np.random.default_rng(seed)
    return Events(make_events(LAYOUT, n, seed), random.uniform(0.2, 3.0, n), random.uniform(0.0, 50.0, (1, n)))


def keras_loss(made: Graph, events: Events, layers: list[object], rows: np.ndarray) -> object:
    """Write the masked mean squared error of some events down again, in Keras' layers."""
    tf = tensorflow()
    x_hw = events.x_hw[rows]
    limits = made.plan.input_type
    x = np.clip(made.scaling.apply_float(LAYOUT, x_hw), limits.min, limits.max).astype(np.float32)
    values = tf.constant(x)
    for layer in layers:
        values = layer(values)  # type: ignore[operator]
    present = (x_hw[:, LAYOUT.presence_column] != 0).astype(np.float32)
    loss = tf.reduce_sum(present * (values - x) ** 2, axis=1) / 8.0
    return tf.reduce_mean(events.weight[rows].astype(np.float32) * loss)


def keras_layers(made: Graph, parameters: Parameters) -> list[object]:
    keras = tensorflow().keras
    layers = []
    for plan, weight, bias in zip(made.plan.layers, parameters.weights, parameters.biases, strict=True):
        layer = keras.layers.Dense(plan.n_out, activation=plan.activation.value)
        layer.build((None, plan.n_in))
        layer.set_weights([weight[0], bias[0, 0]])
        layers.append(layer)
    return layers


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_a_step_is_keras_adam(scale: float) -> None:
    """Parameters agree after each of several steps of changing gradients and rates; a range is a factor on the rate."""
    tf = tensorflow()
    random = np.random.default_rng(1)
    start = random.normal(0, 1, (7, 3)).astype(np.float32)
    keras = tf.keras.optimizers.Adam(RATES[0])
    variable = tf.Variable(start)
    flat, first, second = [tf.constant(start)], [tf.zeros_like(start)], [tf.zeros_like(start)]
    for number, rate in enumerate(RATES):
        gradient = tf.constant(
            (random.normal(0, 1, start.shape) * 10.0 ** random.integers(-4, 2, start.shape)).astype(np.float32)
        )
        keras.learning_rate = scale * rate
        keras.apply_gradients([(gradient, variable)])
        flat, first, second = adam(tf, flat, [gradient], first, second, rate, tf.constant(number), [scale])
        np.testing.assert_allclose(flat[0].numpy(), variable.numpy(), rtol=2e-6, atol=1e-7)


def test_an_epoch_is_keras_epoch() -> None:
    """Keras, given the same start, events, order and rates, ends with the same weights: scaling, mask, weights, loss and optimiser."""
    tf = tensorflow()
    made, events = graph(), weighted(96)
    settings = FitSettings(4, 32, 1e-2, True, (5,), NO_PRUNING, "test")
    start = initial_parameters(made.plan, (5,))
    runner = Runner(tf, made, events, weighted(40, 2), settings)
    done = runner.epoch(runner.epoch(TrainingState.start(start), 0), 1)
    layers, keras = keras_layers(made, start), tf.keras.optimizers.Adam(1e-2)
    variables = [v for layer in layers for v in layer.trainable_variables]  # type: ignore[attr-defined]
    for epoch in range(2):
        order = np.random.default_rng([5, 1, epoch]).permutation(96).reshape(3, 32)
        for rows, rate in zip(order, learning_rates(settings, 3 * epoch, 3), strict=True):
            with tf.GradientTape() as tape:
                loss = keras_loss(made, events, layers, rows)
            keras.learning_rate = float(rate)
            keras.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    for layer, weight, bias in zip(layers, done.parameters.weights, done.parameters.biases, strict=True):
        kernel, offset = layer.get_weights()  # type: ignore[attr-defined]
        np.testing.assert_allclose(weight[0], kernel, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(bias[0, 0], offset, rtol=1e-3, atol=1e-4)


def test_rates_warm_up_in_the_first_epoch_then_fall_by_a_cosine() -> None:
    settings = FitSettings(10, 64, 0.02, True, (1,), NO_PRUNING, "test")
    rates = np.concatenate([learning_rates(settings, 50 * epoch, 50) for epoch in range(10)])
    cosine = 0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * np.arange(500) / 500))
    np.testing.assert_allclose(rates[:50], 0.02 * cosine[:50] * np.arange(1, 51) / 50, rtol=1e-5)
    np.testing.assert_allclose(rates[50:], 0.02 * cosine[50:], rtol=1e-5)
    assert rates[-1] == pytest.approx(0.01 * 0.02, rel=0.01)


def test_a_long_first_epoch_warms_up_for_200_steps() -> None:
    rates = learning_rates(FitSettings(2, 64, 1.0, True, (1,), NO_PRUNING, "test"), 0, 1000)
    assert rates[0] == pytest.approx(1 / 200)
    assert rates[99] == pytest.approx(0.5, rel=0.01)
    assert np.argmax(rates) == 199


def test_without_cosine_the_rate_stays() -> None:
    rates = learning_rates(FitSettings(10, 64, 0.02, False, (1,), NO_PRUNING, "test"), 0, 50)
    np.testing.assert_array_equal(rates, np.full(50, 0.02, np.float32))


def validation_loss(made: Graph, events: Events, start: Parameters) -> np.ndarray:
    tf = tensorflow()
    flat, masks = [tf.constant(a) for a in start.flat], [tf.ones_like(w) for w in start.weights]
    return compile_validation(tf, made, make_table(tf, made, events))(flat, masks)


@pytest.mark.parametrize("n", [VALIDATION_CHUNK + 1808, 3 * VALIDATION_CHUNK - 1, VALIDATION_CHUNK, 5])
def test_the_validation_loss_is_of_every_event(n: int) -> None:
    """As Keras computes it in one go; 10 000 events once counted as the first 8 192."""
    made, events = graph(), weighted(n)
    start = initial_parameters(made.plan, (1,))
    wanted = float(keras_loss(made, events, keras_layers(made, start), np.arange(n)))  # type: ignore[arg-type]
    assert validation_loss(made, events, start)[0] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("heavy", [0, 63, 64, 128, 299])
def test_each_event_moves_the_validation_loss(monkeypatch: pytest.MonkeyPatch, heavy: int) -> None:
    monkeypatch.setattr(steps, "VALIDATION_CHUNK", 64)
    made, events = graph(), weighted(300)
    start = initial_parameters(made.plan, (1, 2))
    alone = replace(events, weight=np.where(np.arange(300) == heavy, 300.0, 0.0))
    one = Events(events.x_hw[[heavy]], np.ones(1), events.target)
    np.testing.assert_allclose(validation_loss(made, alone, start), validation_loss(made, one, start), rtol=1e-5)


def test_a_share_of_the_loss_is_the_distance_to_the_teacher() -> None:
    start = initial_parameters(graph().plan, (1, 2))
    own, mixed, learnt = (validation_loss(graph(distil=share), weighted(50), start) for share in (0.0, 0.25, 1.0))
    assert not np.allclose(own, learnt, rtol=0.1)
    np.testing.assert_allclose(mixed, 0.75 * own + 0.25 * learnt, rtol=1e-5)
