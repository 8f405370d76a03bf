"""Make a menu column of named trigger bits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError, nearest

_WORD_BITS = 64


def check_seeds(seeds: tuple[str, ...], there: Collection[str], path: Path) -> None:
    """Refuse trigger bits that a file has not, or more than a word holds.

    Raises:
        InputError: names the bit.
    """
    if len(seeds) > _WORD_BITS:
        raise InputError(
            f"A menu column holds {_WORD_BITS} trigger bits, data.menu names {len(seeds)}; choose those that matter."
        )
    for seed in seeds:
        if seed not in there:
            choices = [name for name in there if name.startswith(("L1_", "HLT_"))] or list(there)
            hint = nearest(seed, choices) if choices else "it has none at all, leave data.menu out."
            raise InputError(f"{str(path)!r} has no trigger bit {seed!r}; {hint}")


def seed_columns(bits: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns ``menu`` (bit i: the i-th name) and ``pass_l1`` (any), or nothing without names.

    Args:
        bits: decisions by name, ``(n_events,)`` each.
    """
    if not bits:
        return {}
    words = np.zeros(len(next(iter(bits.values()))), dtype=np.uint64)
    for i, values in enumerate(bits.values()):
        words |= (values != 0).astype(np.uint64) << np.uint64(i)
    return {"menu": words, "pass_l1": words > 0}
