"""Return the score its types: what the configuration says, else the smallest that provably cannot overflow."""

from __future__ import annotations

from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Dense, Network, ScoreSpec
from l1ad.core.scaling import Scaling
from l1ad.ranges import require_safe, smallest_score


def score_spec(
    config: ScoreConfig,
    layout: ObjectLayout,
    scaling: Scaling,
    layers: tuple[Dense, ...],
    columns: tuple[int, ...],
    sources: tuple[str, ...] = (),
    *,
    may_wrap: bool = False,
) -> ScoreSpec:
    """Make the score of a network; each step that has no configured type gets the smallest that holds what arrives there.

    Args:
        config: the score section.
        layout: the columns.
        scaling: hardware integers to the input type.
        layers: the network's layers.
        columns: columns that take part in a reconstruction score.
        sources: the nodes that the score reads; () for the usual ones.
        may_wrap: whether nodes may wrap, as an imported firmware's do.

    Returns:
        The score.

    Raises:
        ModelError: a configured type that has no place in this score.
        ConversionError: a node can wrap.
    """
    types = {step: getattr(config, step) for step in ("difference", "table", "square", "total")}
    given: dict[str, FixedPoint] = {step: type_ for step, type_ in types.items() if type_ is not None}
    cyclic = config.cyclic_phi and not sources  # nodes within the network have no phi
    spec = smallest_score(layout, scaling, layers, config.kind, cyclic, columns, sources, given)
    for step in given:
        if getattr(spec, step) is None:
            raise ModelError(f"Key 'score.{step}' has no place in score {config.kind.value!r}; leave it out.")
    require_safe(Network("candidate", layout, scaling, layers, spec, may_wrap=may_wrap))
    return spec
