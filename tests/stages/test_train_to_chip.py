"""From training to the chip: what every kind of model, score and option trains to is one integer in every implementation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.config import parse_config
from l1ad.core.trained import load_trained
from l1ad.emulator import build
from l1ad.emulator.kernel import Emulator
from l1ad.hls.csim import Csim
from l1ad.scores.float_reference import float_scores
from l1ad.spec import reference
from l1ad.stages.convert import convert
from l1ad.stages.csim import csim
from l1ad.stages.train import train
from tests.datasets_made import make_dataset

pytestmark = pytest.mark.skipif(toolchain.find("g++") is None, reason="there is no C++ compiler")

SHORT = "epochs: 2, float_epochs: 2, teacher_epochs: 1, teachers: 2, candidates: 1, batch_size: 128"
THRESHOLDS = "min_pt_hw: {jet: 60, tau: 31, muon: 9}, min_pt_gev: {met: 20.0}"
SLOW = pytest.mark.slow
#: kind of model, score, further keys of ``model``, ``score``, ``training`` and ``scaling``.
CASES = {
    "thresholds, rotated, masked": (
        "ae",
        "masked_mse",
        "",
        "",
        "recipe: plain, object_weights: {jet: 0.5, met: 2.0}",
        f"phi_reference: jet, {THRESHOLDS}",
    ),
    "vae with every option": pytest.param(
        "vae",
        "kl",
        "batch_norm: true",
        "",
        "recipe: plain, beta: 0.5, bounded_outputs: true, loss: mse",
        THRESHOLDS,
        marks=SLOW,
    ),
    "ae mse, phi not cyclic": pytest.param("ae", "mse", "", "cyclic_phi: false", "recipe: plain", "", marks=SLOW),
    "ae mse": pytest.param("ae", "mse", "", "", "event_weights: false", "", marks=SLOW),
    "ae masked": pytest.param("ae", "masked_mse", "batch_norm: true", "", "sparsity: 0.5", THRESHOLDS, marks=SLOW),
    "ae latent": pytest.param("ae", "latent_l2", "", "", "bounded_outputs: true", "phi_reference: met", marks=SLOW),
    "vae latent": pytest.param("vae", "latent_l2", "", "", "object_weights: {tau: 0.0}", THRESHOLDS, marks=SLOW),
    "vae kl": pytest.param("vae", "kl", "", "", "sparsity: 0.4", "", marks=SLOW),
    "vae r_z": pytest.param("vae", "r_z", "batch_norm: true", "", "", f"phi_reference: met, {THRESHOLDS}", marks=SLOW),
}


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path_factory.getbasetemp() / "to_chip_cache"))


@pytest.mark.parametrize(("kind", "score", "model", "scoring", "training", "scaling"), CASES.values(), ids=list(CASES))
def test_what_is_trained_is_what_the_chip_computes(
    tmp_path: Path, kind: str, score: str, model: str, scoring: str, training: str, scaling: str
) -> None:
    weight = np.random.default_rng(2).uniform(0.1, 3.0, 1700)
    make_dataset(tmp_path / "runs" / "t" / "dataset", 1500, 100, weight=weight)

    def joined(*parts: str) -> str:
        return ", ".join(part for part in parts if part)

    config = parse_config(
        "name: t\nlayout: l1topo44\nruns: runs\nhls_projects: hls\ndata: {background: {zb: a.h5}}\n"
        f"model: {{{joined(f'kind: {kind}, hidden: [5], latent: 2', model)}}}\n"
        f"score: {{{joined(f'kind: {score}', scoring)}}}\ntraining: {{{joined(SHORT, training)}}}\n"
        f"scaling: {{{joined('empty_columns: ignore', scaling)}}}\n"
        "csim: {max_auc_loss: 1.0, false_positive_rate: 0.05, threads: 1}\n",
        "t.yaml",
        tmp_path,
    )
    train(config)
    project = convert(config)
    result = csim(config)
    assert (result.n_events, result.n_different) == (1700, 0)
    trained = load_trained(config.run / "model")
    x_hw = np.load(config.run / "dataset" / "x_hw.npy")
    wanted = reference.scores(trained.network, x_hw)
    assert len(np.unique(wanted)) > 20
    np.testing.assert_array_equal(Csim(project.path).scores(x_hw), wanted)
    np.testing.assert_array_equal(Emulator(trained.network).scores(x_hw), wanted)
    assert trained.reference is not None
    assert np.isfinite(float_scores(trained.reference, x_hw)).all()
