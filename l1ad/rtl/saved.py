"""Compare a network that was imported from a graph of alkaid with alkaid's own interpreter, where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from l1ad.core.errors import ConversionError
from l1ad.core.network import Network
from l1ad.spec import reference

#: Random events with which an import is compared, and a quarter as many of range ends.
N_EVENTS = 2000


def compared_with_alkaid(path: Path, network: Network) -> str:
    """Compare an imported network with alkaid's own interpreter, where it is installed.

    Args:
        path: the graph's file, which was understood before.
        network: the network made from it.

    Returns:
        What was compared, or why nothing was.

    Raises:
        ConversionError: alkaid gives another value.
    """
    if importlib.util.find_spec("alkaid") is None:
        return "not compared: alkaid is not installed here"
    from alkaid.types import CombLogic

    random = np.random.default_rng(1)
    columns = [(c.type.min_int, c.type.max_int) for c in network.layout.columns]
    x_hw = np.stack([random.integers(low, high, N_EVENTS, endpoint=True) for low, high in columns], axis=1)
    ends = np.array(columns)[np.arange(len(columns)), random.integers(0, 2, (N_EVENTS // 4, len(columns)))]
    x_hw = np.concatenate([x_hw, ends])
    given = CombLogic.load(path).predict(network.scaling.apply_float(network.layout, x_hw), n_threads=1)
    last = network.layers[-1]
    codes = reference.evaluate(network, x_hw)[f"{last.name}.output"]
    wanted = np.ldexp(codes.astype(np.float64), [-type_.fractional for type_ in last.outputs])
    different = np.flatnonzero((given.reshape(wanted.shape) != wanted).any(axis=1))
    if len(different):
        raise ConversionError(
            f"alkaid gives {len(different)} of {len(x_hw)} events another output than the imported network, first event {different[0]}; "
            "report this with the graph: the import is not exact."
        )
    return f"0 of {len(x_hw)} events differ"
