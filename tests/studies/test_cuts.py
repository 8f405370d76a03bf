"""The score against every simple cut at one rate: slow counts, best cuts, what is added, and weights that carry a rate."""

from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.dataset import Split
from l1ad.physics.variables import HT, available_cuts, cut_variable
from l1ad.reporting.document import Table, Verdict
from l1ad.scores.performance import signals_of
from l1ad.scores.targets import Kind
from l1ad.studies.cuts import compare_at_rate
from l1ad.studies.met import study_met
from l1ad.studies.result import as_scores, cut_scores, evaluation_rows
from l1ad.studies.trainings import changed
from tests.datasets_made import make_dataset
from tests.studies.material_made import make_material


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("cuts"))


def noisy_ht(material):
    """A score that is like HT, so that it shares much with it."""
    scores = cut_scores(material.dataset, HT)
    noise = np.random.default_rng(1).normal(0, 30, len(scores.rows))
    return as_scores(material.dataset, np.asarray(scores.values) + noise, np.asarray(scores.rows))


def test_every_cut_of_the_layout_is_compared_or_said_to_be_left_out(material):
    comparison = compare_at_rate(material, noisy_ht(material), Kind.PURE, 2000.0)
    names = {cut.name for cut in comparison.cuts} | set(comparison.left_out)
    assert names == {cut.name for cut in available_cuts(material.dataset.layout)}
    assert {"jet 1 pT", "jet 6 pT", "muon 2 pT", "sum of log(1 + pT)"} <= names
    assert all(cut.rate.khz <= comparison.score.rate.khz for cut in comparison.cuts)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_the_score_adds_is_a_slow_count(material, kind):
    dataset, scores = material.dataset, noisy_ht(material)
    comparison = compare_at_rate(material, scores, kind, 2000.0)
    taken = np.asarray(dataset.column("pass_l1"))
    for signal in signals_of(dataset, scores):
        x = np.asarray(dataset.x_hw[signal.rows])
        values = {cut.name: cut_variable(dataset.layout, x, cut) for cut in available_cuts(dataset.layout)}
        after, together = dict.fromkeys(values, 0), 0
        for i, (row, score) in enumerate(zip(signal.rows, signal.scores, strict=True)):
            if score < comparison.score.threshold or (kind is Kind.PURE and taken[row]):
                continue
            missed = [cut.name for cut in comparison.cuts if values[cut.name][i] < cut.threshold]
            for name in missed:
                after[name] += 1
            together += len(missed) == len(comparison.cuts)
        for cut in comparison.cuts:
            gain = comparison.gains[cut.name][signal.name]
            assert gain.value == pytest.approx(after[cut.name] / len(signal.rows))
            assert gain.low <= gain.value <= gain.high
        assert comparison.together.gains[signal.name].value == pytest.approx(together / len(signal.rows))


def test_all_cuts_together_have_the_rate_of_any_and_the_score_adds_to_it(material):
    comparison = compare_at_rate(material, noisy_ht(material), Kind.TOTAL, 2000.0)
    together = comparison.together
    assert together.rate.khz > max(cut.rate.khz for cut in comparison.cuts)
    assert 0 < together.added.khz < comparison.score.rate.khz
    same = compare_at_rate(material, cut_scores(material.dataset, HT), Kind.TOTAL, 2000.0)
    assert same.together.added.khz == 0.0
    assert {gain.value for gain in same.together.gains.values()} == {0.0}


def test_the_best_cut_of_each_signal_and_of_the_mean(material):
    comparison = compare_at_rate(material, noisy_ht(material), Kind.TOTAL, 2000.0)
    for name in comparison.labels:
        best = max(cut.efficiencies[name].value for cut in comparison.cuts)
        assert comparison.best_cut(name).efficiencies[name].value == best
        assert (name in comparison.above_every_cut()) is (comparison.score.efficiencies[name].value > best)
    means = [np.mean([e.value for e in cut.efficiencies.values()]) for cut in comparison.cuts]
    assert comparison.best_on_the_mean.mean[0] == pytest.approx(max(means))
    value, low, high = comparison.score.mean
    widths = [e.high - e.value for e in comparison.score.efficiencies.values()]
    assert high - value == pytest.approx(np.sqrt(np.square(widths).sum()) / 2)
    assert low < value < high


def test_beyond_the_intervals_is_said_apart(material):
    """A score that knows the labels is above every cut; on tt̄ the best of them catches nearly as much, so the intervals meet."""
    rows = evaluation_rows(material.dataset)
    knows = as_scores(material.dataset, np.where(rows >= 2000, 2.0, rows / 4000), rows)
    comparison = compare_at_rate(material, knows, Kind.TOTAL, 2000.0)
    assert comparison.above_every_cut() == ["ttbar", "a_4l"]
    assert comparison.above_every_cut(clearly=True) == ["a_4l"]
    score, best = comparison.score.efficiencies["ttbar"], comparison.best_cut("ttbar").efficiencies["ttbar"]
    assert best.value < score.value
    assert best.high > score.low
    text = study_met(material, knows).finding
    assert "It is above every one of the " in text
    assert "cuts on 2 of 2 signals, beyond both intervals on 1." in text
    useless = as_scores(material.dataset, np.random.default_rng(4).random(len(rows)), rows)
    poor = study_met(material, useless)
    assert "cuts on 0 of 2 signals, beyond both intervals on 0 (better are " in poor.finding
    assert compare_at_rate(material, useless, Kind.TOTAL, 2000.0).above_every_cut() == []


def test_one_heavy_event_behind_a_rate_is_too_few(tmp_path):
    """Dozens of events are behind the score, but one of them carries the rate: n_eff decides, and is said."""
    n = 4200
    weight, split = np.ones(n), np.full(n, int(Split.TEST))
    weight[3999] = 40.0
    dataset = make_dataset(tmp_path / "d", 4000, 100, weight=weight, split=split)
    base = make_material(tmp_path / "m")
    config = changed(base.config, "studies", {"rate_khz": 600.0})
    material = replace(base, dataset=dataset, config=config)
    rows = evaluation_rows(dataset)
    result = study_met(material, as_scores(dataset, rows.astype(float), rows))
    first, second, *_ = result.numbers["total"]
    score = first["selections"][0]
    assert score["n_background"] > 40
    assert score["n_effective"] < 10
    assert (first["rate_khz"], second["rate_khz"]) == (600.0, 6000.0)
    assert (
        f"{score['n_background']} background events, {score['n_effective']:.3g} effective ones, are behind the score, too"
        in result.finding
    )
    warned = [b.text for b in result.blocks if isinstance(b, Verdict)]
    assert any("fewer than 10 effective background events are behind the selections score" in text for text in warned)


def test_the_tables_have_rates_with_intervals_and_n_eff(material):
    tables = [b for b in study_met(material, noisy_ht(material)).blocks if isinstance(b, Table)]
    head = [column.title for column in tables[0].columns]
    assert head[:7] == ["Selection", "Threshold", "Pure rate [kHz]", "Total rate [kHz]", "Background events", "n_eff", "Mean [%]"]
    assert tables[1].rows[-1][0] == "all of them together"
    assert "All cuts together, each at the same threshold as alone, have a pure rate of " in tables[1].note


def test_cuts_have_the_rate_that_a_coarse_score_reaches(material):
    """A score of two values stays far below the rate asked for; a cut that reached it would win by its rate alone."""
    rows = evaluation_rows(material.dataset)
    coarse = as_scores(material.dataset, (rows % 50 == 0).astype(float), rows)
    comparison = compare_at_rate(material, coarse, Kind.TOTAL, 5000.0)
    assert comparison.score.rate.khz < 1000.0
    assert all(cut.rate.khz <= comparison.score.rate.khz for cut in comparison.cuts)
