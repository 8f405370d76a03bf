"""Training takes background alone, with weights that can weigh."""

from pathlib import Path

import numpy as np
import pytest

from l1ad.core.dataset import Split
from l1ad.core.errors import InputError
from l1ad.training.events import training_events
from tests.datasets_made import make_dataset


def test_only_background_of_the_part(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d")
    train, validation = (training_events(dataset, split) for split in (Split.TRAIN, Split.VALIDATION))
    wanted = (dataset.column("sample")[:] == 0) & (dataset.column("split")[:] == Split.TRAIN)
    np.testing.assert_array_equal(train.x_hw, dataset.x_hw[wanted])
    assert train.weight.mean() == pytest.approx(1.0)
    assert len(validation.x_hw) > 0
    assert set(training_events(dataset, Split.TRAIN, event_weights=False).weight) == {1.0}


def test_no_background(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", split=np.full(600, 2))
    with pytest.raises(InputError, match=r"^Dataset '.*' has no background in its train part; give data.background files\.$"):
        training_events(dataset, Split.TRAIN)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_impossible_weights(tmp_path: Path, value: float) -> None:
    weight = np.ones(600)
    weight[:400] = value
    dataset = make_dataset(tmp_path / "d", weight=weight)
    pattern = r"^Event weights must be finite and not negative, \d+ of \d+ are not \(event \d+ has (-1.0|nan|inf)\); .*$"
    with pytest.raises(InputError, match=pattern):
        training_events(dataset, Split.TRAIN)
    assert training_events(dataset, Split.TRAIN, event_weights=False).weight.min() == 1.0


def test_weights_all_zero(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", weight=np.zeros(600))
    with pytest.raises(InputError, match=r"^All event weights of the training background are 0; .*$"):
        training_events(dataset, Split.TRAIN)
