"""Training reaches a known outcome: a student of the rarity teacher ranks unseen events as the teacher does."""

from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from l1ad.core.dataset import Split
from l1ad.scores.float_reference import float_scores
from l1ad.studies.trainings import changed
from l1ad.training.rarity_teacher import make_rarity_teacher
from l1ad.training.recipe import train_float
from tests.datasets_made import make_dataset
from tests.stages.test_train import config


def test_a_student_ranks_events_as_its_teacher(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset", 6000, 300)
    chosen = config(tmp_path, "ae", "linear", teacher="rarity")
    chosen = changed(changed(chosen, "training", {"float_epochs": 60, "learning_rate": 1e-2}), "model", {"hidden": (16,)})
    training = train_float(chosen, dataset, tmp_path / "checkpoint.npz")
    losses = np.array(training.fit.history["validation"])[:, 0]
    assert losses[-1] < 0.35 * losses[0]
    unseen = np.asarray(dataset.x_hw[dataset.rows(split=Split.TEST)])
    wanted = make_rarity_teacher(training.problem).scores(unseen)[0]
    assert spearmanr(float_scores(training.reference, unseen), wanted).statistic > 0.9
