"""Make the scaling that a file or a configuration gives for an imported network."""

from __future__ import annotations

from l1ad.config.imported import ScalingFile
from l1ad.core.codes import Minifloat
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout
from l1ad.core.scaling import Scaling, column_codes, columns_left_out, pt_thresholds


def given_scaling(given: ScalingFile, layout: ObjectLayout, input_type: FixedPoint) -> Scaling:
    """Make a scaling.

    Args:
        given: offset and shift of every column, and the further steps.
        layout: the columns.
        input_type: type of the network's input.

    Returns:
        The scaling.

    Raises:
        LayoutError: it does not fit the layout.
    """
    made = Scaling(
        given.offset or (0,) * len(given.shift),
        given.shift,
        input_type,
        given.phi_reference,
        pt_thresholds(layout, given.min_pt_hw, given.min_pt_gev),
        column_codes(layout, {name: Minifloat(**code.plain()) for name, code in given.codes.items()}),
        columns_left_out(layout, given.leave_out),
        given.through,
    )
    made.check(layout)
    return made
