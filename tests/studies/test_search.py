import json

import pytest

from l1ad.config.physics import SpaceConfig
from l1ad.core.errors import ArtefactError, TrainingError
from l1ad.studies.search import Proposal, extremes, propose, read_trials, search
from tests.studies.material_made import make_config

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def objective(proposal: Proposal, number: int):
    if proposal.beta > 400:
        raise TrainingError("the loss diverged")
    return abs(proposal.latent - 6) + proposal.learning_rate, {"number": number}


def with_trials(tmp_path, trials):
    from l1ad.studies.trainings import changed

    space = SpaceConfig(latent=(1, 8), beta=(0.1, 5.0))
    return changed(make_config(tmp_path), "studies", {"trials": trials, "space": space})


def test_a_stopped_search_goes_on_as_if_it_had_not_been(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    expected = search(with_trials(tmp_path, 9), objective, whole)
    search(with_trials(tmp_path, 5), objective, parts)
    with (parts / "trials.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"number": 5, "prop')
    assert search(with_trials(tmp_path, 9), objective, parts) == expected
    assert [trial.number for trial in expected] == list(range(9))


def test_extremes_come_first_and_failures_are_kept(tmp_path):
    config = with_trials(tmp_path, 5)
    first = extremes(config.studies.space, 44)
    trials = search(config, objective, tmp_path, first)
    assert [t.extreme for t in trials] == [True, True, True, False, False]
    assert [t.proposal for t in trials[:3]] == list(first)
    assert trials[1].loss is None
    assert trials[1].values == {"failed": "the loss diverged"}
    assert trials[2].proposal.latent == 44


def test_another_seed_proposes_something_else():
    space = SpaceConfig()
    assert propose(space, (), 1) == propose(space, (), 1)
    assert propose(space, (), 1) != propose(space, (), 2)


def test_a_search_finds_the_minimum(tmp_path):
    trials = search(with_trials(tmp_path, 25), objective, tmp_path)
    best = min((t for t in trials if t.loss is not None), key=lambda t: t.loss)
    assert best.proposal.latent in (5, 6, 7)


def test_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "trials.jsonl"
    file.write_text(json.dumps({"number": 1}) + "\n", encoding="utf-8")
    with pytest.raises(
        ArtefactError, match=r"^'.*trials\.jsonl' is damaged \(KeyError 'proposal'\); run the search with --force\.$"
    ):
        read_trials(file)
