"""Train what goes on the chip, several seeds side by side, as ``l1ad train`` does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from l1ad.config import Config
from l1ad.core.dataset import Dataset
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.core.scoreset import ScoreSet
from l1ad.studies.result import as_scores


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedNetworks:
    """The exact integer networks of one training, one a seed, and their last validation losses."""

    seeds: tuple[int, ...]
    networks: tuple[Network, ...]
    validation_loss: tuple[float, ...]

    def scores(self, dataset: Dataset, rows: IntArray, index: int) -> ScoreSet:
        """Return one network's integer scores of some events, as values."""
        from l1ad.spec.reference import scores

        network = self.networks[index]
        values = network.score.total.from_int(scores(network, np.asarray(dataset.x_hw[rows])))
        return as_scores(dataset, values, rows, f"seed {self.seeds[index]}")


def train_quantised_networks(config: Config, dataset: Dataset, work: Path) -> QuantisedNetworks:
    """Train float baselines and quantised networks, as many as ``config.training.seeds``.

    Stopped and called again with the same folder, it goes on from the last epoch.

    Args:
        config: what and how; nothing is shortened.
        dataset: the data.
        work: folder for baseline and checkpoints.

    Raises:
        TrainingError, InputError, ConfigError, ModelError: as training raises them.
    """
    from l1ad.training.recipe import train_float, train_quantised
    from l1ad.training.results import save_float

    baseline, draft = work / "baseline", work / "draft"
    if not baseline.exists():
        draft.mkdir(parents=True, exist_ok=True)
        save_float(train_float(config, dataset, draft / "checkpoint.npz"), draft)
        draft.rename(baseline)
    training = train_quantised(config, dataset, baseline, work / "checkpoint.npz")
    losses = tuple(training.fit.history["validation"][-1])
    return QuantisedNetworks(training.problem.seeds, training.networks, losses)
