"""Read what AXOL1TL's emulator does around its network: the scaling of the inputs and the score, as its sources say them.

The public sources (cms-hls4ml/AXOL1TL) subtract an offset in ``unscaled_t``, shift there, and cast to the input type; pT is in GeV,
η and φ in hardware counts. Versions 1 to 4 square the outputs; 5 and 6 give their one output.
"""

from __future__ import annotations

import enum
import re

import numpy as np

from l1ad.core.errors import LayoutError, ModelError
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.scaling import Scaling
from l1ad.importing.cpp import Declarations, stripped
from l1ad.importing.folder import Sources

_OFFSET, _SHIFT, _UNSCALED, _TOTAL = "ad_offsets", "ad_shift", "unscaled_t", "resultsq_t"
_SCALE = re.compile(
    r"\bunscaled_t (\w+) = unscaled\[i\] - (?:\w+::)?ad_offsets\[i\]; input_t (\w+) = \1 >> (?:\w+::)?ad_shift\[i\]; scaled\[i\] = \2;"
)
_SQUARES = re.compile(
    r"\bsquares\[i\] = result_p\[i\] \* result_p\[i\]; \} nnet::Op_add<resultsq_t> op; square_sum = nnet::reduce<resultsq_t, \w+, "
    r"nnet::Op_add<resultsq_t>>\(squares, op\); return square_sum;"
)
_ONE = re.compile(r"\bresultsq_t (\w+); \1 = result_p\[0\]; return \1;")


class Loss(enum.Enum):
    """What the emulator's sources make of the network's outputs."""

    NONE = "none"
    SQUARES = "squares"
    ONE_OUTPUT = "one output"


def has_scaling(declared: Declarations) -> bool:
    """Return whether the sources hold offsets and shifts."""
    return _OFFSET in declared.arrays or _SHIFT in declared.arrays


def loss(sources: Sources) -> Loss:
    """Find what the sources make of the outputs.

    Raises:
        ModelError: they compute a score or a scaling that is not understood.
    """
    code = " ".join(" ".join(stripped(text) for name, text in sources.texts.items() if name.endswith(".cpp")).split())
    if "_scaleNNInputs" in code and _SCALE.search(code) is None:
        raise ModelError("The sources scale their inputs ('_scaleNNInputs') in a way that is not understood; give --scaling.")
    if "_computeLoss" not in code:
        return Loss.NONE
    for pattern, found in ((_SQUARES, Loss.SQUARES), (_ONE, Loss.ONE_OUTPUT)):
        if pattern.search(code):
            return found
    raise ModelError(
        "The sources compute their score ('_computeLoss') in a way that is not understood; this version is not imported."
    )


def score_type(declared: Declarations) -> FixedPoint:
    """Type in which the sources keep squares and their sum."""
    return declared.type(_TOTAL)


def scaling(declared: Declarations, layout: ObjectLayout, input_type: FixedPoint) -> Scaling:
    """Bring the sources' scaling into hardware counts.

    ``(pt_hw * lsb - o) >> s`` is ``(pt_hw - o / lsb) >> (s - log2(lsb))``: against hwPt of 0.5 GeV an offset is doubled, its shift one more.

    Args:
        declared: what the sources declare.
        layout: the columns.
        input_type: type of the network's input.

    Returns:
        The scaling.

    Raises:
        LayoutError: numbers that do not fit the layout, or an offset that is not a whole number of counts.
        ModelError: an array or type is missing.
    """
    through = declared.type(_UNSCALED)
    offsets, fractional = _column_codes(declared, layout, _OFFSET)
    shifts, whole = _column_codes(declared, layout, _SHIFT)
    if whole:
        raise ModelError(
            f"Shifts in {_SHIFT!r} have {whole} fractional bits, expected whole numbers; the sources are not understood."
        )
    made_offsets, made_shifts = [], []
    for i, column in enumerate(layout.columns):
        finer = _steps_per_unit(layout, i)
        count = int(offsets[i]) * 2 ** max(finer - fractional, 0) / 2 ** max(fractional - finer, 0)
        if count != int(count):
            raise LayoutError(
                f"The sources' offset {int(offsets[i]) / 2**fractional:g} of column {column.name!r} is {count:g} hardware counts, expected a whole number; "
                "this version cannot be imported exactly."
            )
        _require_range(through, column.name, column.type, int(count), finer)
        made_offsets.append(int(count))
        made_shifts.append(int(shifts[i]) + finer)
    made = Scaling(tuple(made_offsets), tuple(made_shifts), input_type, through=through)
    made.check(layout)
    return made


def _column_codes(declared: Declarations, layout: ObjectLayout, name: str) -> tuple[IntArray, int]:
    codes, type_ = declared.codes(name)
    if len(codes) != layout.n_columns:
        raise LayoutError(f"The sources scale {len(codes)} inputs, layout {layout.name!r} has {layout.n_columns} columns.")
    return codes, type_.fractional


def _steps_per_unit(layout: ObjectLayout, index: int) -> int:
    """Binary logarithm of the hardware counts in one unit of the sources: a GeV for pT, one count for η and φ."""
    column = layout.columns[index]
    if column.feature != "pt":
        return 0
    bits = -np.log2(column.lsb)
    if bits != int(bits) or bits < 0:
        raise LayoutError(
            f"The sources' pT is in GeV, column {column.name!r} has steps of {column.lsb:g} GeV, expected 1, 0.5, 0.25 …"
        )
    return int(bits)


def _require_range(through: FixedPoint, name: str, type_: FixedPoint, offset: int, finer: int) -> None:
    """Refuse a column whose difference leaves the type in which the sources keep it, where they would wrap before the shift."""
    if finer > through.fractional or not all(
        through.holds(value, value, finer)
        for value in (type_.min_int, type_.max_int, type_.min_int - offset, type_.max_int - offset)
    ):
        raise LayoutError(
            f"Column {name!r} less its offset leaves {through}, in which the sources keep it; give the layout of this network."
        )
