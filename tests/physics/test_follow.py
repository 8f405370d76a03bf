"""Quantile regression against scikit-learn's linear programme, and thresholds whose rate does not follow what they follow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import parse_config
from l1ad.core.artefact import writing
from l1ad.core.dataset import Role, Split
from l1ad.core.errors import InputError
from l1ad.core.scoreset import Source
from l1ad.core.thresholds import load_thresholds
from l1ad.firmware.target import with_configured_thresholds
from l1ad.physics.quantile import fit_quantile
from l1ad.reporting import drawing
from l1ad.reporting.document import Figure
from l1ad.spec import reference
from l1ad.stages.compare_rates import compare_rates
from l1ad.stages.rates import rates
from l1ad.studies.follow import study_follow
from tests.datasets_made import make_dataset, make_scores, pt_sum
from tests.networks import make_network
from tests.studies.material_made import make_material

TEXT = """
name: demo
layout: l1topo44
data: {background: {zero_bias: b.h5}}
model: {kind: vae}
score: {kind: latent_l2}
runs: RUNS
rates: {target_khz: [1000.0], follow: [met, ht, multiplicity]}
"""


def made(n_events: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = np.column_stack([random.exponential(30, n_events), random.poisson(4, n_events)])
    score = 50 + 3 * x[:, 0] + 20 * x[:, 1] + (10 + 0.2 * x[:, 0]) * random.exponential(1, n_events)
    return score, x, random.uniform(0.5, 1.5, n_events)


def test_the_fit_is_the_linear_programme_s() -> None:
    from sklearn.linear_model import QuantileRegressor

    score, x, weight = made(800)
    exact = QuantileRegressor(quantile=0.9, alpha=0.0, solver="highs").fit(x, score, sample_weight=weight)
    fit = fit_quantile(score, x, weight, 0.1)

    def loss(constant: float, slopes: np.ndarray) -> float:
        distance = score - constant - x @ slopes
        return float(weight @ np.where(distance > 0, 0.9 * distance, -0.1 * distance))

    # The programme's loss is the least there is; the optimum is flat, so the coefficients may differ by more.
    assert loss(fit.constant, fit.slopes) <= 1.001 * loss(exact.intercept_, exact.coef_)
    np.testing.assert_allclose([fit.constant, *fit.slopes], [exact.intercept_, *exact.coef_], rtol=0.02)


def test_the_fraction_above_is_the_one_wanted_whatever_the_value() -> None:
    score, x, weight = made(50_000)
    above = score > fit_quantile(score, x, weight, 0.01).at(x)
    for part in (x[:, 0] < 20, x[:, 0] > 60, x[:, 1] > 5, np.ones(50_000, bool)):
        assert weight[above & part].sum() / weight[part].sum() == pytest.approx(0.01, rel=0.25)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_a_fraction_that_is_none_is_refused(fraction: float) -> None:
    with pytest.raises(InputError, match="A quantile needs a fraction between 0 and 1 and events with weight"):
        fit_quantile(np.arange(5.0), np.ones((5, 1)), np.ones(5), fraction)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    patch = pytest.MonkeyPatch()
    patch.setattr(drawing, "draw_grid", lambda name, caption, *rest: Figure(name, caption, "<svg/>"))
    folder = tmp_path_factory.mktemp("follow")
    config = parse_config(TEXT.replace("RUNS", str(folder)), "demo.yaml", folder)
    dataset = make_dataset(config.run / "dataset", n_background=12_000)
    x = np.asarray(dataset.x_hw, dtype=np.int64)
    noise = np.random.default_rng(3).exponential(300, dataset.n_events)
    met = x[:, dataset.layout.feature_columns("pt", "met")].sum(axis=1)
    # A network that could be real is not needed: the score is mostly MET.
    codes = (8 * met + noise).astype(np.int64)
    network = make_network("l1topo44", (8, 3))
    with writing(config.run / "csim", "csim", key="k", inputs={}, config={}) as draft:
        replace(make_scores(dataset, codes, Source.CSIM), model_digest=network.digest).save(draft.path)
    result = rates(config)
    patch.undo()
    return config, dataset, codes, network, result


def test_the_rate_of_a_threshold_that_follows_does_not(run) -> None:  # type: ignore[no-untyped-def]
    _, dataset, codes, _, result = run
    file = load_thresholds(result.path / "thresholds.yaml")
    names = [threshold.name for threshold in file.thresholds]
    assert names == ["total_1000khz", "pure_1000khz", "total_1000khz_flat", "pure_1000khz_flat"]
    plain, flat = file.thresholds[0], file.thresholds[2]
    assert flat.follow is not None
    assert dict(flat.follow.pt)["met"] == pytest.approx(8 * 2**flat.follow.shift, rel=0.1)
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    weight = dataset.column("weight")[rows]
    met = dataset.x_hw[rows][:, dataset.layout.feature_columns("pt", "met")].sum(axis=1)
    left = codes[rows] * 2**flat.follow.shift
    x = np.asarray(dataset.x_hw[rows], dtype=np.int64)
    for kind, each in flat.follow.pt:
        left = left - each * x[:, dataset.layout.feature_columns("pt", kind)].sum(axis=1)
    for kind, each in flat.follow.count:
        left = left - each * (x[:, dataset.layout.feature_columns("pt", kind)] != 0).sum(axis=1)
    allowed = 1000.0 / (2544 * 11.245) * weight.sum()
    assert weight[left >= flat.value].sum() <= allowed < weight[left >= flat.value - 1].sum()
    there = met > 0
    low, high = met <= np.median(met[there]), met > np.median(met[there])
    share = [weight[(left >= flat.value) & part].sum() / weight[part].sum() for part in (low, high)]
    before = [weight[(codes[rows] >= plain.value) & part].sum() / weight[part].sum() for part in (low, high)]
    assert before[0] < 0.05 * before[1]
    assert share[0] > 0.4 * share[1]


def test_the_page_and_the_firmware_have_them(run) -> None:  # type: ignore[no-untyped-def]
    config, dataset, codes, network, result = run
    data = json.loads((result.path / "rates.json").read_text(encoding="utf-8"))["sources"][-1]
    assert {entry["variable"] for entry in data["flatness"]} == {"MET", "HT", "multiplicity"}
    assert "Thresholds that follow" in (result.path / "rates.html").read_text(encoding="utf-8")
    text = TEXT.replace("RUNS", str(config.run.parent)) + f"firmware: {{thresholds_file: {result.path / 'thresholds.yaml'}}}\n"
    firmware = with_configured_thresholds(network, parse_config(text, "demo.yaml", config.run))
    assert firmware.thresholds == load_thresholds(result.path / "thresholds.yaml").thresholds
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    bits = reference.bits(firmware, codes[rows], np.asarray(dataset.x_hw[rows]))
    weight = dataset.column("weight")[rows]
    rate = {p["name"]: p["total"]["khz"] for p in data["points"]}
    for i, threshold in enumerate(firmware.thresholds):
        assert weight[bits[:, i]].sum() / weight.sum() * 2544 * 11.245 == pytest.approx(rate[threshold.name])


def test_comparing_takes_what_they_follow(run) -> None:  # type: ignore[no-untyped-def]
    config, *_ = run
    summary = compare_rates(config, config.run).summary
    assert [row["move"] for row in summary["thresholds"]] == [0, 0, 0, 0]


def test_the_study_says_what_is_lost_and_won(tmp_path: Path) -> None:
    material = make_material(tmp_path)
    dataset = material.dataset
    codes = (4 * pt_sum(dataset) + np.random.default_rng(1).integers(0, 400, dataset.n_events)).astype(np.int64)
    result = study_follow(material, make_scores(dataset, codes, Source.EMULATOR, 1.0))
    assert set(result.numbers) == {"plain", "met", "ht", "multiplicity", "all"}
    assert result.numbers["plain"]["follow"] is None
    assert set(result.numbers["all"]["follow"]["pt"]) == {"met", "jet"}
    figures = [block for block in result.blocks if isinstance(block, Figure)]
    assert [figure.name for figure in figures][:3] == ["follow-MET", "follow-HT", "follow-multiplicity"]
    assert all(text in figures[0].svg for text in ("plain", "follows met", "follows all", "rate [kHz]"))
    khz = {round(one["rate"]["khz"], 9) <= 2000 for one in result.numbers.values()}
    assert khz == {True}
    assert "kHz total rate, following all variables changes the highest rate of a bin over the mean: MET from" in result.finding
