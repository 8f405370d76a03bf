"""Choose offset and shift of every column from training background, by one robust rule.

The rule, for each column, looks only at events in which the column's object is present (its pt is not 0 and reaches the threshold
of its kind, if that has one) and weighs them with the event weights:

- pt and eta: ``low`` and ``high`` are the quantiles that leave half of ``1 - coverage`` on either side. The offset is their middle,
  rounded to a count; the shift is the smallest for which both, less the offset, lie in the input type's range.
- A place that is taken in fewer than ``FEWEST_EVENTS`` events (the fourth muon) uses the values of all places of its kind.
- phi: the range is the full turn, known without data. Without a phi reference the offset is half a turn. The shift is the smallest
  for which half a turn lies in the range.
- A column that is the same in every event (MET has no eta) gets that value as offset and takes no part in loss or score.

Absent objects keep their zeros: scaled, they sit at ``-offset``, below every present pt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config.model import ScalingConfig
from l1ad.core.codes import Minifloat
from l1ad.core.errors import InputError, ModelError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.scaling import Scaling, column_codes, columns_left_out, pt_thresholds
from l1ad.scores.selection import weighted_quantile

#: A column whose central range takes fewer codes of the input type than this has lost its information.
FEWEST_CODES = 4
#: Events in which an object must be present for its column's own quantiles to mean something.
FEWEST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class ScalingChoice:
    """A scaling and the columns that carry information."""

    scaling: Scaling
    columns: tuple[int, ...]


def choose_scaling(
    config: ScalingConfig, input_type: FixedPoint, layout: ObjectLayout, x_hw: NDArray[Any], weight: FloatArray
) -> ScalingChoice:
    """Choose the scaling by the configured rule.

    Args:
        config: the scaling section.
        input_type: the network's input type.
        layout: the columns.
        x_hw: hardware integers of training background, shape ``(n_events, n_columns)``.
        weight: event weights, shape ``(n_events,)``.

    Returns:
        The scaling and the informative columns.

    Raises:
        InputError: a column is 0 in all events and is not MET's eta.
        ModelError: the input type cannot hold a column.
        LayoutError: given numbers or pt thresholds do not fit the layout.
    """
    least = pt_thresholds(layout, config.min_pt_hw, config.min_pt_gev)
    zeros = (0,) * layout.n_columns
    unscaled = Scaling(
        zeros,
        zeros,
        input_type,
        config.phi_reference,
        least,
        column_codes(layout, {name: Minifloat(**code.plain()) for name, code in config.codes.items()}),
        columns_left_out(layout, config.leave_out),
        _through(config),
    )
    unscaled.check(layout)
    columns = informative_columns(layout, unscaled.surviving(layout, x_hw), ignore_empty=config.empty_columns == "ignore")
    if config.rule == "given":
        shift = config.shift or ()
        shift = shift * layout.n_columns if len(shift) == 1 else shift
        scaling = replace(unscaled, offset=config.offset or (0,) * len(shift), shift=shift)
        scaling.check(layout)
        return ScalingChoice(scaling, _read(scaling, columns))
    read = _read(unscaled, columns)
    return ScalingChoice(_robust(unscaled, layout, read, x_hw, weight, config.coverage), read)


def _read(scaling: Scaling, columns: tuple[int, ...]) -> tuple[int, ...]:
    """Drop the columns that the chip does not read."""
    return tuple(column for column in columns if column not in scaling.left_out)


def _through(config: ScalingConfig) -> FixedPoint | None:
    if config.through is not None and config.rule != "given":
        raise ModelError("Key 'scaling.through' is a step of a firmware that exists; use it with rule 'given', or leave it out.")
    return config.through


def _robust(
    unscaled: Scaling, layout: ObjectLayout, columns: tuple[int, ...], x_hw: NDArray[Any], weight: FloatArray, coverage: float
) -> Scaling:
    """Choose offsets and shifts by the rule; what precedes them is in ``unscaled``."""
    values, present = unscaled.rotated(layout, x_hw), unscaled.present(layout, x_hw)
    chosen = [
        _phi_range(layout.phi_period(i) or 1, unscaled.phi_reference is not None)
        if layout.columns[i].feature == "phi"
        else _value_range(layout, i, values, present, weight, coverage)
        for i in range(layout.n_columns)
    ]
    codes = unscaled.codes or (None,) * layout.n_columns
    pairs = [
        _offset_and_shift(layout.names[i], *chosen[i], unscaled.type, i in columns)
        if code is None
        else (0, _code_shift(layout.names[i], code, unscaled.type))
        for i, code in enumerate(codes)
    ]
    offset, shift = zip(*pairs, strict=True)
    return replace(unscaled, offset=tuple(offset), shift=tuple(shift))


def informative_columns(layout: ObjectLayout, x_hw: NDArray[Any], *, ignore_empty: bool) -> tuple[int, ...]:
    """Find the columns that are not the same in every event.

    Args:
        layout: the columns.
        x_hw: hardware integers, objects below threshold at 0, shape ``(n_events, n_columns)``.
        ignore_empty: whether a column that is always 0 is left out silently; a missing-energy eta always is.

    Returns:
        Column numbers, ascending.

    Raises:
        InputError: a column is always 0, or nothing varies.
    """
    varies = np.asarray(x_hw).min(axis=0) != np.asarray(x_hw).max(axis=0)
    empty = [
        column.name
        for i, column in enumerate(layout.columns)
        if not varies[i] and x_hw[0, i] == 0 and (column.kind, column.feature) != ("met", "eta")
    ]
    if empty and not ignore_empty:
        raise InputError(
            f"Column {empty[0]!r} (and {len(empty) - 1} more) is 0 in all {len(x_hw)} training background events; "
            "read the right file, lower its pt threshold if it has one, or set scaling.empty_columns to 'ignore'."
        )
    if not varies.any():
        raise InputError(f"No column varies over {len(x_hw)} training background events; there is nothing to learn.")
    return tuple(int(i) for i in np.flatnonzero(varies))


def _phi_range(period: int, rotated: bool) -> tuple[int, int]:
    return (-(period // 2), period // 2) if rotated else (0, period)


def _value_range(
    layout: ObjectLayout, column: int, values: NDArray[Any], present: NDArray[np.bool_], weight: FloatArray, coverage: float
) -> tuple[int, int]:
    """Return the central range of a column's present values; of all places of its kind if it is seldom present."""
    described = layout.columns[column]
    columns = [column]
    if np.count_nonzero(present[:, column]) < FEWEST_EVENTS:
        columns = [int(i) for i in layout.feature_columns(described.feature, described.kind)]
    found = np.concatenate([values[present[:, i], i] for i in columns])
    if not len(found):
        return 0, 0
    weights = np.concatenate([weight[present[:, i]] for i in columns])
    tail = (1.0 - coverage) / 2.0
    return int(weighted_quantile(found, weights, tail)), int(weighted_quantile(found, weights, 1.0 - tail))


def _code_shift(name: str, code: Minifloat, type_: FixedPoint) -> int:
    """Return the smallest shift that puts every code into the input type's range, where no code is lost."""
    shift = -type_.fractional
    while not type_.holds(0, code.largest, shift):
        shift += 1
    if shift > type_.fractional:
        raise ModelError(
            f"Input type '{type_}' holds fewer than the {code.largest + 1} minifloat codes of {name}; use more input bits, or fewer octaves or "
            "mantissa bits."
        )
    return shift


def _offset_and_shift(name: str, low: int, high: int, type_: FixedPoint, informative: bool) -> tuple[int, int]:
    if not informative or low == high:
        return low, 0
    offset = (low + high) // 2 if type_.signed else low
    shift = 1 - type_.fractional  # at most two codes a count: finer than the hardware's grid is of no use
    while not (type_.holds(low - offset, high - offset - 1, shift)):
        shift += 1
    codes = (high - low) * 2.0 ** (type_.fractional - shift)
    if codes < min(FEWEST_CODES, high - low):
        raise ModelError(
            f"Input type '{type_}' leaves {codes:.3g} codes for {name}, whose values span [{low}, {high}]; use more input bits."
        )
    return offset, shift
