"""Which seeds make the menu that vetoes in a pure rate: unprescaled ones, without the anomaly seeds themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.dataset import Dataset
from l1ad.core.errors import InputError, nearest
from l1ad.core.plain import Plain
from l1ad.physics.prescales import load_prescales


@dataclass(frozen=True, slots=True)
class Veto(Plain):
    """The menu that vetoes.

    Attributes:
        column: the prescale table's column; None without a table.
        seeds: seeds that veto.
        anomaly: anomaly seeds of the data, which do not.
        prescaled: seeds of the data that are off or prescaled in that column, which do not.
        missing: unprescaled seeds of the table that the data do not have: what they would veto is counted as pure.
    """

    column: str | None
    seeds: tuple[str, ...]
    anomaly: tuple[str, ...]
    prescaled: tuple[str, ...]
    missing: tuple[str, ...]

    def taken(self, dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for each event whether it is vetoed."""
        bits = [dataset.menu_items.index(seed) for seed in self.seeds]
        mask = np.uint64(sum(1 << bit for bit in bits))
        return (np.asarray(dataset.column("menu")[rows]) & mask) != 0


def veto_of(config: Config, dataset: Dataset) -> Veto | None:
    """Find the menu that vetoes.

    Args:
        config: its section ``rates`` has the table, the column and the patterns of the anomaly seeds.
        dataset: the data, whose menu's bits are used.

    Returns:
        The menu; None where nothing is to be left out: then the data's own ``pass_l1``, or any bit of the menu, vetoes.

    Raises:
        InputError: the data have no menu, a seed of theirs is not in the table, or the table cannot be read.
    """
    table, column = config.rates.prescales, config.rates.prescale_column
    items = dataset.menu_items if "menu" in dataset.columns else ()
    anomaly = tuple(item for item in items if any(fnmatchcase(item, pattern) for pattern in config.rates.anomaly_seeds))
    if table is None or column is None:
        return Veto(None, tuple(i for i in items if i not in anomaly), anomaly, (), ()) if anomaly else None
    if not items:
        raise InputError(
            "rates.prescales needs data with the decisions of single seeds, and these have no menu; name the seeds in data.menu."
        )
    prescales = load_prescales(config.path(table), column)
    return _by_table(column, prescales, items, anomaly, config.rates.anomaly_seeds)


def _by_table(
    column: str, prescales: Mapping[str, float], items: tuple[str, ...], anomaly: tuple[str, ...], patterns: tuple[str, ...]
) -> Veto:
    unknown = [item for item in items if item not in prescales and item not in anomaly]
    if unknown:
        raise InputError(f"The data have the seed {unknown[0]!r}, the prescale table does not; {nearest(unknown[0], prescales)}")
    rest = [item for item in items if item not in anomaly]
    seeds = tuple(item for item in rest if prescales[item] == 1)
    unprescaled = (name for name, value in prescales.items() if value == 1 and name not in items)
    missing = tuple(name for name in unprescaled if not any(fnmatchcase(name, pattern) for pattern in patterns))
    return Veto(column, seeds, anomaly, tuple(item for item in rest if prescales[item] != 1), missing)


def menu_in_words(dataset: Dataset, veto: Veto | None) -> str:
    """Describe what vetoes in pure rates: the seeds that do, or the column that says so."""
    if veto is not None:
        return " ".join(veto.seeds)
    return "pass_l1" if "pass_l1" in dataset.columns else " ".join(dataset.menu_items)
