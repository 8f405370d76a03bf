from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ArtefactError, InputError
from l1ad.core.scoreset import ScoreSet, Source, decades, load_scores


def scores() -> ScoreSet:
    return ScoreSet(Source.CSIM, np.array([1, 2, 3]), 0.25, np.array([4, 5, 6]), "d" * 64, "m" * 64)


def test_round_trip(tmp_path: Path) -> None:
    scores().save(tmp_path)
    loaded = load_scores(tmp_path, Source.CSIM)
    np.testing.assert_array_equal(loaded.values, [1, 2, 3])
    np.testing.assert_array_equal(loaded.rows, [4, 5, 6])
    assert (loaded.step, loaded.dataset_digest, loaded.model_digest) == (0.25, "d" * 64, "m" * 64)
    assert loaded.as_float.tolist() == [0.25, 0.5, 0.75]


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^The csim scores belong to dataset d{12}, not to eeee; score this dataset first\.$"):
        scores().require_dataset("eeee")
    with pytest.raises(InputError, match=r"^Scores need one value for each of \(2,\) events, got shape \(3,\)\.$"):
        ScoreSet(Source.FLOAT, np.zeros(3), None, np.zeros(2, dtype=np.int64), "", "")
    with pytest.raises(ArtefactError, match=r"^There are no rtl scores in "):
        load_scores(tmp_path, Source.RTL)
    scores().save(tmp_path)
    (tmp_path / "csim.json").write_text("{}")
    with pytest.raises(ArtefactError, match=r"^The csim scores in .* are damaged \(KeyError 'step'\)"):
        load_scores(tmp_path, Source.CSIM)


def test_scores_are_compressed_alike_on_both_sides_of_zero() -> None:
    values = np.array([-999.0, -9.0, 0.0, 9.0, 99.0])
    np.testing.assert_allclose(decades(values), [-3.0, -1.0, 0.0, 1.0, 2.0])
    assert (np.diff(decades(np.linspace(-5, 5, 101))) > 0).all()
