"""Give the score its types: what the configuration says, else the smallest that provably cannot overflow."""

from __future__ import annotations

from dataclasses import replace

from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Dense, Network, Score, ScoreSpec
from l1ad.core.scaling import Scaling
from l1ad.ranges import prove, require_safe, smallest_score


def score_spec(
    config: ScoreConfig,
    layout: ObjectLayout,
    scaling: Scaling,
    layers: tuple[Dense, ...],
    columns: tuple[int, ...],
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
        may_wrap: whether nodes may wrap, as an imported firmware's do.

    Returns:
        The score.

    Raises:
        ModelError: a configured type that has no place in this score.
        ConversionError: a node can wrap.
    """
    kind = Score(config.kind)
    spec = smallest_score(layout, scaling, layers, kind, config.cyclic_phi, columns)
    for step, text in (
        ("difference", config.difference),
        ("table", config.table),
        ("square", config.square),
        ("total", config.total),
    ):
        if text is not None:
            _require_step(spec, step)
            spec = _with_step(Network("candidate", layout, scaling, layers, spec), step, FixedPoint.parse(text))
    require_safe(Network("candidate", layout, scaling, layers, spec, may_wrap=may_wrap))
    return spec


def _require_step(spec: ScoreSpec, step: str) -> None:
    if getattr(spec, step) is None:
        raise ModelError(f"Key 'score.{step}' has no place in score {spec.kind.value!r}; leave it out.")


def _with_step(network: Network, step: str, type_: FixedPoint) -> ScoreSpec:
    """Set one step's type and prove the steps after it anew."""
    spec = network.score
    match step:
        case "difference":
            return _proved(network, replace(spec, difference=type_), square=True)
        case "table":
            return _proved(network, replace(spec, table=type_), square=False)
        case "square":
            return _proved(network, replace(spec, square=type_), square=False)
        case _:
            return replace(spec, total=type_)


def _proved(network: Network, spec: ScoreSpec, *, square: bool) -> ScoreSpec:
    """Choose the total (and the squares) anew, as what provably arrives there."""
    if square:
        base = (spec.difference or network.layers[-1].output).fractional
        grid = base if spec.kind is Score.LINEAR else 2 * base
        spec = replace(spec, square=_minimal(network, replace(spec, square=_wide(grid)), "square"))
    return replace(spec, total=_minimal(network, replace(spec, total=_wide(_term_fractional(spec))), "score"))


def _wide(fractional: int) -> FixedPoint:
    return FixedPoint(True, MAX_WIDTH, MAX_WIDTH - fractional)


def _minimal(network: Network, spec: ScoreSpec, node: str) -> FixedPoint:
    found = next(entry.minimal for entry in prove(replace(network, score=spec)) if entry.node == node)
    if found is None:
        raise ModelError(f"The score needs more than {MAX_WIDTH} bits at {node!r}; give narrower types in the score section.")
    return found


def _term_fractional(spec: ScoreSpec) -> int:
    if spec.table is None:
        return spec.square.fractional
    if spec.kind is Score.KL:
        return max(spec.square.fractional, spec.table.fractional)
    return spec.square.fractional + spec.table.fractional
