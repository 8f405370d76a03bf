"""An encoder trained on pairs of views, then an autoencoder of its outputs: the losses, the views, the two steps, and the integers of the chip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import Config, parse_config
from l1ad.core.errors import ConfigError
from l1ad.core.layout import load_layout
from l1ad.core.network import Network
from l1ad.qkeras.evaluate import qkeras_scores
from l1ad.qkeras.runtime import tensorflow
from l1ad.scores.float_reference import float_scores
from l1ad.spec import reference
from l1ad.training.embedding import pair_loss
from l1ad.training.plan import plan_model
from l1ad.training.recipe import FloatTraining, fit_quantised, train_float
from l1ad.training.views import views
from tests.datasets_made import make_dataset
from tests.networks import make_events

MODEL = "{kind: embedding, hidden: [12], latent: 4, autoencoder: [8, 3, 8]}"


def config(folder: Path, model: str = MODEL, score: str = "mse", **training: object) -> Config:
    settings = {"float_epochs": 20, "epochs": 4, "batch_size": 64, "learning_rate": 1e-2, "sparsity": 0.3, **training}
    section = ", ".join(f"{key}: {value}" for key, value in settings.items())
    text = (
        f"name: t\nlayout: l1topo44\nruns: runs\ndata: {{background: {{zb: a.h5}}}}\nmodel: {model}\nscore: {{kind: {score}}}\n"
        f"training: {{{section}}}\nscaling: {{empty_columns: ignore}}\n"
    )
    return parse_config(text, "t.yaml", folder)


def test_the_loss_of_pairs_is_vicreg() -> None:
    """The paper's formulas in NumPy, on events that count differently."""
    tf, random = tensorflow(), np.random.default_rng(1)
    first, second = random.normal(0.0, [[[0.3, 1.0, 2.0]]], (2, 2, 40, 3))
    weight = random.uniform(0.1, 3.0, (2, 40))
    found = pair_loss(tf, *(tf.constant(v, tf.float32) for v in (first, second, weight))).numpy()
    for k in range(2):
        wanted = 25.0 * np.average(((first[k] - second[k]) ** 2).mean(axis=1), weights=weight[k])
        for view in (first[k], second[k]):
            covariance = np.cov(view.T, aweights=weight[k], ddof=0)
            wanted += 25.0 * np.maximum(0.0, 1.0 - np.sqrt(np.diag(covariance) + 1e-4)).mean()
            wanted += (covariance[~np.eye(3, dtype=bool)] ** 2).sum() / 3.0
        assert found[k] == pytest.approx(wanted, rel=1e-4)


def test_another_view_has_the_same_event_turned() -> None:
    layout = load_layout("axol1tl57")
    x_hw = make_events(layout, 400)
    for name in layout.names:  # hardware events: no angle beyond a turn, and nothing where no pt is
        column = layout.names.index(name)
        period = layout.phi_period(column)
        x_hw[:, column] = np.mod(x_hw[:, column], period) if period else x_hw[:, column]
    x_hw[x_hw[:, layout.presence_column] == 0] = 0
    seen = views(layout, x_hw, 3)
    layout.check(seen, "Views")
    np.testing.assert_array_equal(seen, views(layout, x_hw, 3))
    jets = layout.slot_columns("jet")
    pt = seen[:, jets].reshape(len(seen), -1, 3)[:, :, 0]
    assert (np.diff(pt, axis=1) <= 0).all()
    lost = 1.0 - np.count_nonzero(pt) / np.count_nonzero(x_hw[:, jets].reshape(len(seen), -1, 3)[:, :, 0])
    assert 0.07 < lost < 0.13
    met, muon = layout.slot_columns("met"), layout.slot_columns("muon")
    both = (x_hw[:, met.start] > 0) & (np.count_nonzero(x_hw[:, muon].reshape(len(seen), -1, 3)[:, :, 0], axis=1) == 1)
    both &= np.count_nonzero(seen[:, muon].reshape(len(seen), -1, 3)[:, :, 0], axis=1) == 1
    assert both.any()
    turn = (seen - x_hw)[both][:, met.start + 2] * 4
    one = x_hw[both][:, muon].reshape(-1, 4, 3)
    phi = one[np.arange(len(one)), one[:, :, 0].argmax(axis=1), 2]
    moved = np.mod(seen[both][:, muon.start + 2] - phi - turn + 288, 576) - 288
    assert np.abs(moved).max() <= 2  # one turn for all, rounded to each kind's counts


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> FloatTraining:
    folder = tmp_path_factory.mktemp("embedding")
    return train_float(config(folder), make_dataset(folder / "dataset", 4000, 300), folder / "checkpoint.npz")


def embedded(training: FloatTraining, x_hw: np.ndarray) -> np.ndarray:
    from l1ad.scores.float_reference import float_outputs

    whole = training.reference
    return float_outputs(replace(whole, layers=whole.layers[:2], score=replace(whole.score, sources=("dense2", "dense2"))), x_hw)


def test_views_of_an_event_lie_together_and_events_apart(trained: FloatTraining) -> None:
    problem = trained.problem
    first, second = (embedded(trained, x) for x in (problem.validation.x_hw, problem.validation.pair))
    apart = ((first - np.roll(first, 1, axis=0)) ** 2).sum(axis=1).mean()
    assert ((first - second) ** 2).sum(axis=1).mean() < 0.35 * apart
    assert (first.std(axis=0) > 0.6).all()


def test_the_second_step_leaves_the_encoder(trained: FloatTraining, tmp_path: Path) -> None:
    problem = trained.problem
    _, _, (network,) = fit_quantised(problem, None, trained.fit.parameters, tmp_path / "checkpoint.npz")
    with np.load(tmp_path / "checkpoint.npz") as pairs, np.load(tmp_path / "checkpoint_shrink1.npz") as rest:
        encoder = np.concatenate([pairs[f"a{i}"].ravel() for i in range(2)])
        kept = np.concatenate([rest[f"p{i}"].ravel() for i in range(2)])
        assert (kept[kept != 0] == encoder[kept != 0]).all()
        assert np.count_nonzero(kept == 0) >= 0.25 * len(kept)
        assert not np.array_equal(pairs["a3"], rest["a3"])
    assert network.score.sources == ("dense2", "dense6")
    assert network.shape == "44-12-4-8-3-8-4"
    check(network, trained)


def check(network: Network, trained: FloatTraining) -> None:
    """Compare reference, QKeras and the distance written down again."""
    x_hw = np.concatenate([trained.problem.validation.x_hw, make_events(network.layout, 500)]).astype(np.int64)
    scores = reference.scores(network, x_hw)
    np.testing.assert_array_equal(qkeras_scores(network, x_hw), scores)
    nodes = reference.evaluate(network, x_hw)
    step = network.layer("dense2").output.fractional
    other = network.layer("dense6").output.fractional
    distance = ((np.ldexp(nodes["dense2.output"], -step) - np.ldexp(nodes["dense6.output"], -other)) ** 2).sum(axis=1)
    np.testing.assert_array_equal(np.ldexp(scores, -network.score.total.fractional), distance)


def test_signals_score_higher(trained: FloatTraining, tmp_path: Path) -> None:
    low = float_scores(trained.reference, np.asarray(trained.problem.validation.x_hw))
    high = float_scores(trained.reference, signals(tmp_path))
    assert np.mean(high[:, None] > low[None]) > 0.85


def signals(folder: Path) -> np.ndarray:
    data = make_dataset(folder / "dataset", 40, 300)
    return np.asarray(data.x_hw[data.rows(sample="ttbar")])


@pytest.mark.parametrize(
    ("model", "score", "sentence"),
    [
        (
            MODEL,
            "latent_l2",
            r"^model.kind 'embedding' compares the embedding with its reconstruction and the score is 'latent_l2'; use 'mse'\.$",
        ),
        (
            MODEL.replace(", autoencoder: [8, 3, 8]", ""),
            "mse",
            r"kind 'embedding' needs autoencoder, the widths between embedding and reconst",
        ),
        ("{kind: ae, autoencoder: [3]}", "mse", r"other kinds do not take it"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, model: str, score: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        plan_model(config(tmp_path, model, score), load_layout("l1topo44"))
