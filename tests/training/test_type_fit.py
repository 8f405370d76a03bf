"""Fitting to types keeps the float function, fills the types and chooses the fewest integer bits."""

from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Activation
from l1ad.training.plan import Plan
from l1ad.training.state import Parameters, initial_parameters
from l1ad.training.type_fit import ACTIVATIONS_COVERED, WEIGHTS_COVERED, fitted, with_integer
from tests.training.test_plan import plan


def encoder() -> Plan:
    made = plan("{kind: ae, hidden: [6, 5], latent: 2}")
    return replace(made, layers=made.layers[: made.n_encoder])


def values(made: Plan, parameters: Parameters, x: np.ndarray) -> list[np.ndarray]:
    out, v = [], np.broadcast_to(x, (parameters.n_seeds, *x.shape)).astype(np.float64)
    for layer, weight, bias in zip(made.layers, parameters.weights, parameters.biases, strict=True):
        v = v @ weight.astype(np.float64) + bias
        v = np.maximum(v, 0) if layer.activation is Activation.RELU else v
        out.append(v)
    return out


def test_function_is_kept_and_types_are_filled() -> None:
    made = encoder()
    parameters = initial_parameters(made, (1, 2))
    x = np.random.default_rng(1).normal(0, 2, (500, 44))
    plans, scaled = fitted(made, parameters, x)
    np.testing.assert_allclose(values(made, scaled, x)[-1], values(made, parameters, x)[-1], rtol=1e-4, atol=1e-4)
    for seed, chosen in enumerate(plans):
        for layer, weight, activation in zip(chosen.layers[:2], scaled.weights, values(made, scaled, x), strict=False):
            assert layer.types is not None
            assert not layer.types.open
            largest = np.quantile(np.abs(weight[seed]), WEIGHTS_COVERED)
            assert 0.45 * layer.types.weight.max < largest <= 1.1 * layer.types.weight.max
            top = np.quantile(activation[seed], ACTIVATIONS_COVERED, axis=0)
            assert (top > 0).all()
            assert 0.45 * layer.types.output.max < top.max() < 1.1 * layer.types.output.max


def test_each_network_is_fitted_as_if_it_were_alone() -> None:
    made = encoder()
    x = np.random.default_rng(1).normal(0, 2, (500, 44))
    parameters = initial_parameters(made, (1, 2))
    weights = [w * np.array([1.0, 9.0], dtype=np.float32)[:, None, None] for w in parameters.weights]
    both = Parameters(tuple(weights), parameters.biases)
    plans, scaled = fitted(made, both, x)
    assert plans[0] != plans[1]
    for seed, chosen in enumerate(plans):
        (alone,), weight = fitted(made, both.of_seed(seed), x)
        assert alone == chosen
        assert all(np.array_equal(a, b) for a, b in zip(weight.flat, scaled.of_seed(seed).flat, strict=True))


def test_given_types_are_kept() -> None:
    made = plan("{kind: ae, hidden: [6], latent: 2, weight_integer: 2, bias_integer: 1, activation_integer: 3}")
    made = replace(made, layers=made.layers[: made.n_encoder])
    (chosen,), scaled = fitted(made, initial_parameters(made, (1,)), np.random.default_rng(1).normal(0, 2, (500, 44)))
    first = chosen.layers[0].types
    assert first is not None
    assert (first.weight, first.output) == (FixedPoint.from_quantized_bits(6, 2), FixedPoint.from_quantized_relu(8, 3))
    top = np.quantile(values(made, scaled, np.random.default_rng(1).normal(0, 2, (500, 44)))[0], ACTIVATIONS_COVERED, axis=1)
    np.testing.assert_allclose(top, first.output.max, rtol=1e-3)


def test_dead_neurons_do_no_harm() -> None:
    made = encoder()
    start = initial_parameters(made, (1,))
    weights = [w.copy() for w in start.weights]
    biases = [b.copy() for b in start.biases]
    weights[0][:, :, 0], biases[0][..., 0] = 0.0, -1.0
    (chosen,), scaled = fitted(made, Parameters(tuple(weights), tuple(biases)), np.random.default_rng(1).normal(0, 2, (500, 44)))
    assert all(np.isfinite(a).all() for a in scaled.flat)
    last = chosen.layers[-1].types
    assert last is not None
    assert last.weight.integer <= 5


@pytest.mark.parametrize(("activity", "taken"), [(1e-6, 0.05), (0.02, 0.05), (0.2, 0.2), (3.0, 3.0)])
def test_a_seldom_active_neuron_counts_as_a_twentieth_of_the_median(activity: float, taken: float) -> None:
    """Six neurons of equal activity but for one: its factor is what makes it fill the type, and at most twenty times the others'."""
    made = plan("{kind: ae, hidden: [6], latent: 2, weight_integer: 2, bias_integer: 1, activation_integer: 3}")
    made = replace(made, layers=made.layers[: made.n_encoder])
    start = initial_parameters(made, (1,))
    alike = np.repeat(start.weights[0][:, :, :1], 6, axis=2)
    alike[:, :, 2] *= activity
    parameters = Parameters((alike, *start.weights[1:]), start.biases)
    _, scaled = fitted(made, parameters, np.random.default_rng(1).normal(0, 2, (500, 44)))
    factor = (scaled.weights[0] / alike)[0].mean(axis=0)
    np.testing.assert_allclose(factor[[0, 1, 3, 4, 5]], factor[0], rtol=1e-5)
    assert factor[2] == pytest.approx(factor[0] / taken, rel=1e-4)


@pytest.mark.parametrize(("largest", "integer"), [(0.0, 0), (0.7, 0), (1.0, 0), (1.02, 0), (1.3, 1), (5.0, 3)])
def test_fewest_integer_bits(largest: float, integer: int) -> None:
    assert with_integer(FixedPoint.from_quantized_relu(6, 0), largest).integer == integer
    assert with_integer(FixedPoint.from_quantized_bits(6, 0), largest).integer == integer + 1


def test_neurons_that_hardly_fire_do_not_empty_the_types_of_deep_networks() -> None:
    """One such neuron a layer has the largest weights of all; made to fit, they would leave ever less of the layers' outputs."""
    random = np.random.default_rng(4)
    deep = plan("{kind: ae, hidden: [6, 6, 6, 6], latent: 3}", "mse")
    start = initial_parameters(deep, (1,))
    biases = [b.copy() for b in start.biases]
    for i in range(4):
        biases[i][..., 0] = -50.0
    (found,), parameters = fitted(deep, Parameters(start.weights, tuple(biases)), random.uniform(-1.0, 1.0, (400, 44)))
    values = random.uniform(-1.0, 1.0, (400, 44))
    for layer, weight, bias in zip(found.layers[:4], parameters.weights, parameters.biases, strict=False):
        values = np.maximum(values @ weight[0] + bias[0], 0.0)
        assert layer.types is not None
        assert values.max() > 0.15 * layer.types.output.max
