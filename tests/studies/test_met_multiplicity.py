from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.core.scoreset import Source
from l1ad.physics.variables import HT, MET, MULTIPLICITY
from l1ad.scores.performance import background_of, signals_of
from l1ad.scores.targets import Kind
from l1ad.studies.cuts import compare_at_rate
from l1ad.studies.met import study_met
from l1ad.studies.multiplicity import study_multiplicity
from l1ad.studies.result import as_scores, cut_scores, evaluation_rows
from l1ad.studies.trainings import changed
from tests.datasets_made import make_scores, pt_sum
from tests.studies.material_made import make_material


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("studies"))


def test_a_score_that_is_met_is_found_out(material):
    result = study_met(material, cut_scores(material.dataset, MET))
    assert result.numbers["spearman"]["value"] == pytest.approx(1.0)
    assert result.numbers["pearson"]["value"] == pytest.approx(1.0)
    for kind in ("pure", "total"):
        score, met = (result.numbers[kind][0]["selections"][i] for i in (0, 1))
        assert score["efficiencies"] == met["efficiencies"]
        assert result.numbers[kind][0]["beaten"]["MET"] == []
        assert {gain["value"] for gain in result.numbers[kind][0]["gain"]["MET"].values()} == {0.0}
    assert "a MET cut on 0 of 2 signals (not on ttbar, whose median MET is" in result.finding


def test_a_perfect_score_beats_every_cut_and_a_useless_one_none(material):
    rows = evaluation_rows(material.dataset)
    signal = rows >= 2000
    perfect = compare_at_rate(material, as_scores(material.dataset, np.where(signal, 2.0, rows / 4000), rows), Kind.TOTAL, 2000.0)
    assert all(set(won) == {"ttbar", "a_4l"} for won in perfect.beaten.values())
    assert {e.value for e in perfect.selections[0].efficiencies.values()} == {1.0}
    useless = compare_at_rate(
        material, as_scores(material.dataset, np.where(signal, -1.0, rows / 4000), rows), Kind.TOTAL, 2000.0
    )
    assert all(won == [] for won in useless.beaten.values())


def test_selections_have_equal_rate_and_their_efficiencies_are_a_slow_count(material):
    dataset = material.dataset
    comparison = compare_at_rate(material, cut_scores(dataset, HT), Kind.PURE, 2000.0)
    for selection in comparison.selections:
        assert selection.rate.khz <= 2000.0
    chosen = comparison.selections[0]
    scores = cut_scores(dataset, HT)
    for signal in signals_of(dataset, scores):
        taken = dataset.column("pass_l1")[signal.rows]
        count = sum(bool(s >= chosen.threshold and not t) for s, t in zip(signal.scores, taken, strict=True))
        assert chosen.efficiencies[signal.name].value == pytest.approx(count / len(signal.rows))


def test_a_rate_with_too_few_events_behind_it_says_nothing_and_ten_times_it_is_looked_at(material):
    low = replace(material, config=changed(material.config, "studies", {"rate_khz": 120.0}))
    rows = evaluation_rows(material.dataset)
    values = np.where(rows >= 2000, 1.0, np.random.default_rng(1).random(len(rows)))
    result = study_met(low, as_scores(material.dataset, values, rows))
    first, second = result.numbers["total"]
    assert (first["rate_khz"], second["rate_khz"]) == (120.0, 1200.0)
    assert first["selections"][0]["n_background"] < 10 <= second["selections"][0]["n_background"]
    few = first["selections"][0]["n_background"]
    effective = first["selections"][0]["n_effective"]
    assert (
        f"At 120 kHz total rate {few} background events, {effective:.3g} effective ones, are behind the score, too few "
        in result.finding
    )
    assert "At 1200 kHz total rate the score beats in total efficiency a MET cut on 2 of 2 signals" in result.finding


def test_a_cut_that_cannot_reach_the_rate_is_left_out(material):
    rows = evaluation_rows(material.dataset)
    fine = as_scores(
        material.dataset, np.where(rows >= 2000, 1.0, np.random.default_rng(1).random(len(rows)) * rows / 4000), rows
    )
    comparison = compare_at_rate(material, fine, Kind.TOTAL, 150.0)
    assert comparison.left_out["multiplicity"].startswith("There are too few events")


def test_no_signal_is_refused(tmp_path):
    material = make_material(tmp_path, signals=())
    with pytest.raises(
        InputError, match=r"^A study needs signal events for testing, dataset '.*' has none; add some to 'data'\.$"
    ):
        study_met(material)


def test_a_score_that_is_multiplicity_is_found_out(material):
    result = study_multiplicity(material, cut_scores(material.dataset, MULTIPLICITY))
    overall = result.numbers["all objects"]
    assert overall["pearson"]["value"] == overall["spearman"]["value"] == pytest.approx(1.0)
    assert "it is little else than a count of objects" in result.finding
    assert overall["mutual_information_bits"] > max(result.numbers[kind]["mutual_information_bits"] for kind in ("tau", "muon"))


def test_a_score_that_knows_nothing_of_multiplicity_says_so(material):
    rows = evaluation_rows(material.dataset)
    result = study_multiplicity(material, as_scores(material.dataset, np.random.default_rng(5).random(len(rows)), rows))
    assert "hardly depends on it" in result.finding
    constant = study_multiplicity(material, as_scores(material.dataset, np.ones(len(rows)), rows))
    assert constant.finding.endswith("so nothing can be said.")


def test_background_of_the_material_is_the_test_part(material):
    background = background_of(material.dataset, cut_scores(material.dataset, HT))
    assert set(np.asarray(material.dataset.column("split"))[background.rows]) == {2}


def test_of_the_firmwares_scores_it_shows_what_following_met_changes(material, monkeypatch):
    dataset = material.dataset
    codes = (4 * pt_sum(dataset) + np.random.default_rng(1).integers(0, 400, dataset.n_events)).astype(np.int64)
    scores = make_scores(dataset, codes, Source.EMULATOR, 1.0)
    monkeypatch.setattr("l1ad.studies.met.firmware_scores", lambda material: scores)
    monkeypatch.setattr("l1ad.studies.follow._scores", lambda material: scores)
    result = study_met(material)
    assert set(result.numbers["follow"]) == {"plain", "met"}
    assert set(result.numbers["follow"]["met"]["follow"]["pt"]) == {"met"}
    assert {one["rate"]["khz"] <= material.config.studies.rate_khz for one in result.numbers["follow"].values()} == {True}
    assert "following met changes the highest rate of a bin over the mean: MET from" in result.finding
    assert "Efficiency at equal total rate, where the threshold follows MET" in [getattr(b, "title", "") for b in result.blocks]
