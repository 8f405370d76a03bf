"""Training repeats bit by bit, goes on where it stopped, and stops when the loss is no number."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import parse_config
from l1ad.core.errors import TrainingError
from l1ad.core.network import Network, Score
from l1ad.qkeras.runtime import tensorflow
from l1ad.ranges.score_types import score_spec
from l1ad.training.events import Events
from l1ad.training.extract import extract_layers
from l1ad.training.forward import forward
from l1ad.training.loop import Fit, FitSettings, fit
from l1ad.training.losses import loss_spec
from l1ad.training.plan import chip_types, plan_model
from l1ad.training.pruning import NO_PRUNING, PruningSchedule
from l1ad.training.state import Parameters, TrainingState, initial_parameters, load_state, save_state
from l1ad.training.steps import Graph, gather, make_table
from l1ad.training.type_fit import fitted
from tests.networks import make_events, make_scaling, tiny_layout

LAYOUT = tiny_layout()
CONFIG = parse_config(
    "name: t\nlayout: l1topo44\ndata: {background: {zb: a.h5}}\nscore: {kind: latent_l2}\n"
    "model: {kind: vae, hidden: [5], latent: 2}\n",
    "t",
    Path(),
)


def graph(quantised: bool = False) -> Graph:
    plan = plan_model(CONFIG, LAYOUT)
    scaling = make_scaling(LAYOUT, plan.input_type)
    loss = loss_spec(CONFIG.training, Score.LATENT_L2, True, LAYOUT, scaling, tuple(range(8)))
    return Graph(plan, loss, LAYOUT, scaling, chip_types([plan]) if quantised else (), 0.9)


def settings(epochs: int, **changes: object) -> FitSettings:
    return replace(FitSettings(epochs, 64, 3e-3, True, (1, 2), NO_PRUNING, "test"), **changes)  # type: ignore[arg-type]


def events(n: int, seed: int) -> Events:
    return Events(make_events(LAYOUT, n, seed), np.ones(n))


def train(epochs: int, checkpoint: Path | None = None, **changes: object) -> Fit:
    made = graph()
    start = initial_parameters(made.plan, (1, 2))
    return fit(made, events(512, 1), events(128, 2), settings(epochs, **changes), start, checkpoint)


def same(a: Fit, b: Fit) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.parameters.flat, b.parameters.flat, strict=True)) and a.history == b.history


@pytest.fixture(scope="module")
def whole() -> Fit:
    return train(4)


def test_two_runs_are_identical(whole: Fit) -> None:
    assert same(whole, train(4))


def test_loss_falls_and_seeds_differ(whole: Fit) -> None:
    losses = np.array(whole.history["loss"])
    assert losses.shape == (4, 2)
    assert (losses[-1] < losses[0]).all()
    assert not np.array_equal(whole.parameters.weights[0][0], whole.parameters.weights[0][1])


def test_resumed_training_is_the_same(whole: Fit, tmp_path: Path) -> None:
    """A checkpoint after two of four epochs, written by a training that then stopped."""
    path = tmp_path / "checkpoint.npz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("l1ad.training.loop.save_state", stop_after(2))
        with pytest.raises(KeyboardInterrupt):
            train(4, path)
    state = load_state(path)
    assert state is not None
    assert state.epoch == 2
    assert same(whole, train(4, path))


def stop_after(epochs: int):  # type: ignore[no-untyped-def]
    def save(state: TrainingState, path: Path) -> None:
        save_state(state, path)
        if state.epoch == epochs:
            raise KeyboardInterrupt

    return save


def test_finished_training_is_not_repeated(whole: Fit, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    assert same(whole, train(4, path))
    assert same(whole, train(4, path))


@pytest.mark.filterwarnings("ignore:overflow")
def test_divergence_names_the_epoch_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    train(1, path, cosine=False)
    pattern = (
        r"^The loss of seed [12] became (nan|inf) in epoch 2 of test; epoch 1 is kept in '.*'; lower training.learning_rate .*$"
    )
    with pytest.raises(TrainingError, match=pattern):
        train(3, path, cosine=False, learning_rate=1e30)
    state = load_state(path)
    assert state is not None
    assert state.epoch == 1


def test_divergence_without_checkpoint() -> None:
    with pytest.raises(
        TrainingError, match=r"^The loss of seed [12] became (nan|inf) in epoch 1 of test; lower training.learning_rate"
    ) as caught:
        train(2, cosine=False, learning_rate=1e30)
    assert caught.value.exit_code == 2


def test_a_batch_has_nothing_of_objects_below_their_pt_threshold() -> None:
    tf, made = tensorflow(), graph(quantised=True)
    made = replace(made, scaling=replace(made.scaling, min_pt_hw=(("jet", 300),)))
    x_hw = make_events(LAYOUT, 300)
    batch = gather(tf, made, make_table(tf, made, Events(x_hw, np.ones(300))), tf.range(300)[tf.newaxis])
    np.testing.assert_array_equal(batch.x.numpy()[0], made.scaling.type.from_int(made.scaling.apply(LAYOUT, x_hw)))
    above = x_hw[:, [0, 0, 0, 3, 3, 3]] >= 300
    np.testing.assert_array_equal(batch.present.numpy()[0, :, :6] == 1, above)
    assert 0 < above.sum() < above.size


def test_training_graph_computes_the_exact_network() -> None:
    """What the quantised training graph gives for a batch are the integers of the network that is extracted."""
    tf = tensorflow()
    made = graph(quantised=True)
    x_hw = make_events(LAYOUT, 300)
    scaled = made.scaling.type.from_int(made.scaling.apply(LAYOUT, x_hw))
    first = initial_parameters(made.plan, (3, 4))
    weights = [w * np.array([1.0, 5.0], dtype=np.float32)[:, None, None] for w in first.weights]
    plans, start = fitted(made.plan, Parameters(tuple(weights), first.biases), scaled)
    assert plans[0] != plans[1]
    quantised = replace(made, types=chip_types(plans))
    done = fit(quantised, events(512, 1), events(128, 2), settings(2, seeds=(3, 4), pruning=PruningSchedule(0.5, 0, 1)), start)
    flat = [tf.constant(a) for a in done.parameters.flat]
    n = len(made.plan.layers)
    x = tf.constant(np.stack([scaled, scaled]).astype(np.float32))
    out = forward(tf, made.plan, flat[:n], flat[n:], x, None, quantised.types)
    from l1ad.spec import reference

    for i, plan in enumerate(plans):
        layers = extract_layers(plan, done.parameters, i)
        network = Network("t", LAYOUT, made.scaling, layers, score_spec(CONFIG.score, LAYOUT, made.scaling, layers, ()))
        wanted = reference.evaluate(network, x_hw)["dense2.output"]
        np.testing.assert_array_equal(np.ldexp(out.mean.numpy()[i], layers[-1].output.fractional), wanted)
        assert 0.4 < np.mean(network.layers[0].weight == 0) < 0.9


def test_state_round_trip(tmp_path: Path) -> None:
    state = TrainingState.start(initial_parameters(graph().plan, (1,)))
    save_state(state, tmp_path / "s.npz")
    back = load_state(tmp_path / "s.npz")
    assert back is not None
    assert all(np.array_equal(a, b) for a, b in zip(state.parameters.flat, back.parameters.flat, strict=True))
    assert (back.epoch, back.history) == (0, {"loss": [], "validation": []})
    assert load_state(tmp_path / "none.npz") is None


def test_one_seed_is_taken_out() -> None:
    parameters = initial_parameters(graph().plan, (1, 2))
    one = parameters.of_seed(1)
    assert isinstance(one, Parameters)
    np.testing.assert_array_equal(one.weights[0][0], parameters.weights[0][1])


def test_columns_that_carry_nothing_have_no_weight() -> None:
    start = initial_parameters(graph().plan, (1,), columns=(0, 1, 2, 6, 7))
    assert not start.weights[0][:, 3:6].any()
    assert start.weights[0][:, :3].all()
