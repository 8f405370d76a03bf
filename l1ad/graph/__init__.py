"""One graph of exact integer operations for each network, and its interpreters.

``lower`` writes a network down as operations in one place; ``evaluate`` runs them in int64, ``run_float.evaluate_float`` in float64,
``bounds`` proves the range of every node. Interpreters know operations, never a score or a layout.
"""

from l1ad.graph.bounds import Bound, bounds
from l1ad.graph.graph import Graph, Node, make_graph
from l1ad.graph.interval import Interval, round_shift, signed_width, smallest_type
from l1ad.graph.lower import lower
from l1ad.graph.run import evaluate

__all__ = [
    "Bound",
    "Graph",
    "Interval",
    "Node",
    "bounds",
    "evaluate",
    "lower",
    "make_graph",
    "round_shift",
    "signed_width",
    "smallest_type",
]
