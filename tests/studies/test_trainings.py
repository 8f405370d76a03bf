import numpy as np
import pytest

from l1ad.core.dataset import Role, Split
from l1ad.core.errors import InputError
from l1ad.core.network import Score
from l1ad.studies.trainings import changed, derived_dataset, study_config, training_dataset
from tests.datasets_made import make_dataset
from tests.studies.material_made import make_config


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path / "dataset", n_background=1000, n_signal=200)


def test_a_signal_becomes_background_and_the_background_a_signal(tmp_path, dataset):
    derived = derived_dataset(dataset, tmp_path / "derived", {"ttbar": np.ones(dataset.n_events, bool)}, 10_000)
    assert [s.role for s in derived.samples] == [Role.SIGNAL, Role.BACKGROUND, Role.SIGNAL]
    counts = [len(derived.rows(sample="ttbar", split=split)) for split in Split]
    assert counts == [120, 40, 40]
    tested = len(dataset.rows(sample="zero_bias", split=Split.TEST))
    assert len(derived.rows(sample="zero_bias", split=Split.TEST)) == len(derived.rows(sample="zero_bias")) == tested
    rows = derived.rows(sample="a_4l")
    np.testing.assert_array_equal(derived.x_hw[rows], dataset.x_hw[dataset.rows(sample="a_4l")])


def test_training_events_are_capped_and_selected(tmp_path, dataset):
    keep = np.asarray(dataset.column("pass_l1"))
    small = training_dataset(dataset, tmp_path / "small", 50, keep)
    assert len(small.rows(split=Split.TRAIN)) == 50
    assert len(small.rows(role=Role.BACKGROUND, split=Split.VALIDATION)) == 10
    assert np.asarray(small.column("pass_l1"))[small.rows(role=Role.BACKGROUND)].all()
    assert len(small.rows(role=Role.SIGNAL)) == 400


def test_nothing_to_train_on_is_refused(tmp_path, dataset):
    with pytest.raises(InputError, match=r"^No event of zero_bias is left to train on; choose another sample or selection\.$"):
        training_dataset(dataset, tmp_path / "none", 50, np.zeros(dataset.n_events, bool))


def test_changed_values_are_checked(tmp_path):
    config = make_config(tmp_path)
    assert study_config(config, 3, beta=2.0).training.beta == 2.0
    assert study_config(config, 3).training.seeds == 3
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        changed(config, "training", {"seeds": 0})


def test_a_score_learnt_from_a_teacher_gives_way_where_there_is_none(tmp_path):
    config = changed(make_config(tmp_path), "score", {"kind": "linear", "total": "ap_fixed<12,6>"})
    assert study_config(config, 2, recipe="robust").score.kind is Score.LINEAR
    plain = study_config(config, 2, recipe="plain").score
    assert plain.kind is Score.LATENT_L2
    assert plain.total is None
