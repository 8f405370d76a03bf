"""Round float weights to the exact integer network: fit weights and types to each other, extract the layers, give the score its types."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Network
from l1ad.core.scaling import Scaling
from l1ad.ranges.score_types import score_spec
from l1ad.training.extract import extract_layers
from l1ad.training.lowered import scaled_values
from l1ad.training.plan import Plan
from l1ad.training.state import Parameters
from l1ad.training.type_fit import fitted


def fitted_to_events(
    plan: Plan, parameters: Parameters, layout: ObjectLayout, scaling: Scaling, x_hw: NDArray[Any]
) -> tuple[tuple[Plan, ...], Parameters]:
    """Fit weights and open types to each other on events.

    Args:
        plan: the layers, with open types.
        parameters: float weights.
        layout: the columns.
        scaling: offset and shift of each.
        x_hw: events to measure ranges on, hardware integers ``(n_events, n_columns)``.

    Returns:
        A plan with all types for each network, and parameters of the same float function.
    """
    return fitted(plan, parameters, scaled_values(layout, scaling, x_hw, rounded=True))


def chip_network(
    config: Config,
    layout: ObjectLayout,
    scaling: Scaling,
    columns: tuple[int, ...],
    plan: Plan,
    parameters: Parameters,
    index: int = 0,
) -> Network:
    """Make the exact network of trained weights.

    Args:
        config: its name and score.
        layout: the columns.
        scaling: offset and shift of each.
        columns: the columns of a reconstruction score; none for others.
        plan: the layers with all types.
        parameters: the weights of several networks.
        index: which of them.

    Raises:
        ModelError: a score that needs more than 62 bits.
    """
    layers = extract_layers(plan, parameters, index)
    return Network(
        config.name, layout, scaling, layers, score_spec(config.score, layout, scaling, layers, columns, plan.score_sources)
    )
