import json

import numpy as np
import pytest

from l1ad.core.artefact import writing
from l1ad.core.errors import ArtefactError, InputError
from l1ad.reporting.document import State, Table, text_columns
from l1ad.stages import study as stage
from l1ad.stages.study import study
from l1ad.studies.catalogue import STUDIES
from l1ad.studies.result import StudyResult
from l1ad.studies.trainings import changed
from tests.datasets_made import make_dataset
from tests.networks import make_network
from tests.studies.material_made import as_float, make_config


def make_model(config, n_background: int = 3000):
    make_dataset(config.run / "dataset", n_background=n_background, n_signal=300)
    network = make_network("l1topo44", (8, 2), seed=3)
    with writing(config.run / "model", "model", key="k", inputs={}, config={}) as draft:
        network.save(draft.path / "network.json")
        as_float(network).save(draft.path / "float.npz")


@pytest.fixture
def config(tmp_path):
    made = make_config(tmp_path)
    make_model(made)
    return made


@pytest.fixture
def fake(monkeypatch):
    calls = []

    def run(name, material):
        calls.append(name)
        if name == "domain":
            raise InputError("There is no HLT.")
        table = Table("T", text_columns("a"), (("b",),))
        return StudyResult(name, "why?", f"Found {name}.", State.NOTE, {"number": 1}, (table,))

    monkeypatch.setattr(stage, "run_study", run)
    return calls


def test_a_study_writes_its_page_and_numbers_once(config, fake):
    first = study(config, "met")
    assert first.fresh
    (outcome,) = first.outcomes
    assert (outcome.state, outcome.finding, outcome.path) == ("note", "Found met.", config.run / "studies" / "met")
    data = json.loads((outcome.path / "study.json").read_text(encoding="utf-8"))
    assert data == {"spec_version": 1, "study": "met", "finding": "Found met.", "state": "note", "number": 1}
    assert "Found met." in (outcome.path / "study.html").read_text(encoding="utf-8")
    assert not (outcome.path / "work").exists()
    again = study(config, "met")
    assert not again.fresh
    assert again.outcomes[0].finding == "Found met."
    assert fake == ["met"]


def test_all_studies_run_and_one_that_is_not_possible_does_not_stop_the_others(config, fake):
    result = study(config, "all")
    assert fake == list(STUDIES)
    outcomes = {o.name: o for o in result.outcomes}
    assert outcomes["domain"].path is None
    assert outcomes["domain"].finding == "Not possible with these data: There is no HLT."
    assert outcomes["compression"].finding == "Found compression."
    assert not (config.run / "studies" / "domain").exists()


def test_one_study_that_is_not_possible_is_an_error(config, fake):
    with pytest.raises(InputError, match=r"^There is no HLT\.$"):
        study(config, "domain")


def test_a_study_that_is_not_possible_leaves_nothing_and_may_be_forgiven(config, fake):
    (outcome,) = study(config, "domain", forgiving=True).outcomes
    assert (outcome.path, outcome.finding) == (None, "Not possible with these data: There is no HLT.")
    assert not list(config.run.rglob("*.partial"))


def test_an_unknown_study_gets_the_nearest_name(config):
    with pytest.raises(InputError, match=r"^There is no study 'mett'; did you mean 'met'"):
        study(config, "mett")


def test_without_a_model_the_command_is_named(tmp_path):
    config = make_config(tmp_path)
    with pytest.raises(ArtefactError, match=r"found no manifest\.json there"):
        study(config, "met")
    make_dataset(config.run / "dataset")
    with pytest.raises(ArtefactError, match=r"run 'l1ad train' or 'l1ad import' first\.$"):
        study(config, "met")


def test_quick_studies_run_on_a_made_model(config):
    coarse = changed(config, "studies", {"rate_khz": 27_000.0})
    for name in ("met", "multiplicity"):
        (outcome,) = study(coarse, name).outcomes
        assert outcome.fresh
        assert (outcome.path / "study.html").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_study_that_trains_runs_through(config):
    result = study(changed(config, "studies", {"rate_khz": 27_000.0}), "all")
    outcomes = {o.name: o for o in result.outcomes}
    assert {name for name, o in outcomes.items() if o.path is None} == {"domain"}
    numbers = json.loads((outcomes["volatility"].path / "study.json").read_text(encoding="utf-8"))
    assert len(numbers["plain"]["seeds"]) == 2
    assert np.shape(numbers["robust"]["overlap"]) == (2, 2)
