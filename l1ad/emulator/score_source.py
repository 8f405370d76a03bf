"""Write the anomaly score in C++."""

from __future__ import annotations

from dataclasses import dataclass, field

from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, Score
from l1ad.emulator.inputs import presence
from l1ad.emulator.lanes import (
    Lanes,
    Writer,
    added,
    binary,
    cast,
    cleared,
    lane_bits,
    literal,
    resized,
    shifted_left,
    squared,
    subtracted,
    summed,
)
from l1ad.ranges import Interval, score_grids


@dataclass(slots=True)
class LookUp:
    """Hold the table of a score that has one.

    Attributes:
        bits: 32 or 64, the width of an entry.
        entries: the codes; empty when there is no table.
    """

    bits: int = 32
    entries: list[int] = field(default_factory=list)


def score(writer: Writer, table: LookUp, network: Network, scaled: tuple[Lanes, ...], outputs: tuple[Lanes, ...]) -> Lanes:
    """Write the score.

    Args:
        writer: takes the statements.
        table: takes the look-up table.
        network: the network.
        scaled: the scaled columns.
        outputs: the last layer's outputs.

    Returns:
        Codes of ``network.score.total``.
    """
    grids = score_grids(network)
    if network.score.kind.is_reconstruction:
        terms = _reconstruction(writer, network, scaled, outputs, grids.base)
    else:
        terms = _latent(writer, table, network, outputs)
    return cast(writer, summed(writer, terms), grids.term, network.score.total)


def _reconstruction(
    writer: Writer, network: Network, scaled: tuple[Lanes, ...], outputs: tuple[Lanes, ...], base: int
) -> list[Lanes]:
    spec = network.score
    masks: dict[int, Lanes] = {}
    terms = []
    for column in spec.columns:
        difference = _difference(writer, network, column, scaled[column], outputs[column])
        term = cast(writer, squared(writer, difference), 2 * base, spec.square)
        if spec.kind is Score.MASKED_MSE:
            place = int(network.layout.presence_column[column])
            if place not in masks:
                masks[place] = presence(network, writer, column)
            term = cleared(writer, term, masks[place])
        terms.append(term)
    return terms


def _difference(writer: Writer, network: Network, column: int, scaled: Lanes, output: Lanes) -> Lanes:
    spec = network.score
    assert spec.difference is not None  # Network checks it
    f_in, f_out = network.scaling.type.fractional, network.layers[-1].output.fractional
    grid = max(f_in, f_out)
    exact = subtracted(writer, shifted_left(writer, scaled, grid - f_in), shifted_left(writer, output, grid - f_out))
    turn = network.phi_turn(column, grid) if spec.cyclic else None
    return cast(writer, exact if turn is None else _folded(writer, exact, turn), grid, spec.difference)


def _folded(writer: Writer, value: Lanes, turn: int) -> Lanes:
    """Write the fold of a phi difference; a comparison is 0 or -1."""
    first, end = -(turn // 2), -(-turn // 2)
    steps = value.name
    wide = resized(writer, value, max(value.bits, lane_bits(Interval(-turn, turn))))
    steps = wide.name
    if value.range.low < first:
        steps += f" + (({wide.name} < {literal(first, wide.bits)}) & {literal(turn, wide.bits)})"
    if value.range.high >= end:
        steps += f" - (({wide.name} >= {literal(end, wide.bits)}) & {literal(turn, wide.bits)})"
    return value if steps == wide.name else writer.let(steps, value.range.folded(turn), wide.bits)


def _latent(writer: Writer, table: LookUp, network: Network, outputs: tuple[Lanes, ...]) -> list[Lanes]:
    spec, type_ = network.score, network.layers[-1].output
    means = outputs[: len(outputs) // 2] if spec.kind.needs_log_variance else outputs
    if spec.kind is Score.LINEAR:
        return [cast(writer, output, type_.fractional, spec.square) for output in outputs]
    squares = [cast(writer, squared(writer, mean), 2 * type_.fractional, spec.square) for mean in means]
    if not spec.kind.needs_log_variance:
        return squares
    found = [_looked_up(writer, table, network, value) for value in outputs[len(means) :]]
    return [_combined(writer, network, square, entry) for square, entry in zip(squares, found, strict=True)]


def _looked_up(writer: Writer, table: LookUp, network: Network, value: Lanes) -> Lanes:
    type_: FixedPoint = network.layers[-1].output
    codes = network.score.table_codes(type_)
    table.bits = lane_bits(Interval(int(codes.min()), int(codes.max())))
    table.entries = [int(code) for code in codes]
    reach = codes[value.range.low - type_.min_int : value.range.high - type_.min_int + 1]
    index = f"{value.name} - ({type_.min_int})"
    return writer.let(f"look_up(TABLE, {index})", Interval(int(reach.min()), int(reach.max())), table.bits)


def _combined(writer: Writer, network: Network, square: Lanes, entry: Lanes) -> Lanes:
    spec, grids = network.score, score_grids(network)
    assert spec.table is not None  # Network checks it
    if spec.kind is Score.R_Z:
        return binary(writer, square, "*", entry, square.range.product(entry.range))
    left = shifted_left(writer, square, grids.term - spec.square.fractional)
    return added(writer, left, shifted_left(writer, entry, grids.term - spec.table.fractional))
