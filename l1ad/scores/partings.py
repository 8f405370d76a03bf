"""Find the first node, neuron and bit at which an implementation of the score diverges from the specification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.scores.implementations import REFERENCE, Implementation


@dataclass(frozen=True, slots=True)
class Parting:
    """Where an implementation leaves the specification.

    Attributes:
        implementation: which.
        node: first node that differs, in order of computation.
        element: first neuron (or column) of it that differs.
        bit: lowest bit that differs, counted from the least significant one.
        wanted: the specification's code.
        got: the implementation's code.
        looked_at: nodes that could be compared; only the score for one whose inner values cannot be seen.
    """

    implementation: str
    node: str
    element: int
    bit: int
    wanted: int
    got: int
    looked_at: tuple[str, ...]


def nodes_of(implementation: Implementation, x_hw: NDArray[Any]) -> Mapping[str, IntArray]:
    """Return the codes of an implementation by node; only the score where it cannot be looked into."""
    if implementation.nodes is None:
        return {"score": implementation.scores(x_hw)}
    return implementation.nodes(x_hw)


def partings(network: Network, traced: Mapping[str, Mapping[str, IntArray]]) -> tuple[Parting, ...]:
    """Find where each implementation first differs from the specification.

    Args:
        network: the network.
        traced: codes of one event by implementation and node; the specification among them.
    """
    wanted = traced[REFERENCE]
    found = [_parting(name, wanted, nodes) for name, nodes in traced.items() if name != REFERENCE]
    return tuple(parting for parting in found if parting is not None)


def _parting(name: str, wanted: Mapping[str, IntArray], got: Mapping[str, IntArray]) -> Parting | None:
    common = tuple(node for node in wanted if node in got)
    for node in common:
        a, b = wanted[node].ravel(), got[node].ravel()
        hidden = b.mask if isinstance(b, np.ma.MaskedArray) else False  # what an implementation has left out
        different = np.asarray(a != b) & ~np.asarray(hidden)
        if different.any():
            element = int(np.flatnonzero(different)[0])
            left, right = int(a[element]), int(b[element])
            bits = left ^ right
            return Parting(name, node, element, (bits & -bits).bit_length() - 1, left, right, common)
    return None
