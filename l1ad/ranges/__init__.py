"""Prove what range every node of a network has over all hardware inputs that can arrive.

Interval arithmetic on Python's integers, exact and of any size. For each node it gives the smallest and largest code, the smallest
type that holds them and whether wrapping or saturation can happen. The bounds are attained up to the first layer's sums (inputs
are independent there); after that they are safe: correlations between neurons are not used.
"""

from l1ad.graph import Interval, round_shift, smallest_type
from l1ad.ranges.float32 import float32_exact, float32_failure
from l1ad.ranges.nodes import NodeRange, RangeRow, prove, require_int64, require_safe, sum_fractional
from l1ad.ranges.safe_score import smallest_score

__all__ = [
    "Interval",
    "NodeRange",
    "RangeRow",
    "float32_exact",
    "float32_failure",
    "prove",
    "require_int64",
    "require_safe",
    "round_shift",
    "smallest_score",
    "smallest_type",
    "sum_fractional",
]
