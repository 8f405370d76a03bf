"""Name the ports of the top: inputs by the layout, thresholds, score and trigger bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Network


@dataclass(frozen=True, slots=True)
class Field:
    """The place in a port of an element of an event's row: which one (a column, or a word of a link), its local name, type and lowest bit."""

    element: int
    name: str
    type: FixedPoint
    low: int


@dataclass(frozen=True, slots=True)
class Port:
    """Describe a port.

    Attributes:
        name: its name in HLS and RTL.
        width: its bits.
        signed: whether it is read as two's complement.
        fields: the columns, or parts of a link's word, in it; empty for anything but data inputs.
    """

    name: str
    width: int
    signed: bool
    fields: tuple[Field, ...] = ()

    @property
    def hls_type(self) -> str:
        """The C++ type."""
        return integer_type(self.width, self.signed)


def integer_type(width: int, signed: bool) -> str:
    """Return the C++ type of an integer."""
    return f"ap_{'' if signed else 'u'}int<{width}>"


def input_ports(layout: ObjectLayout, packed: bool) -> tuple[Port, ...]:
    """Return the data inputs in order.

    Args:
        layout: the columns.
        packed: one word an object, its first feature in the lowest bits, instead of one port a column.
    """
    fields = [Field(i, name, column.type, 0) for i, (name, column) in enumerate(zip(layout.ports, layout.columns, strict=True))]
    if packed:
        return tuple(_packed(layout, fields))
    return tuple(Port(f.name, f.type.width, f.type.signed, (f,)) for f in fields)


def _packed(layout: ObjectLayout, fields: list[Field]) -> Iterator[Port]:
    objects = layout.object_index
    for _, members in groupby(fields, key=lambda field: int(objects[field.element])):
        placed: list[Field] = []
        low = 0
        for field in members:
            placed.append(Field(field.element, field.name, field.type, low))
            low += field.type.width
        column = layout.columns[placed[0].element]
        single = layout.slot(column.kind).multiplicity == 1
        yield Port(column.kind if single else f"{column.kind}_{column.rank}", low, False, tuple(placed))


def threshold_ports(network: Network) -> tuple[Port, ...]:
    """Return the inputs that carry thresholds, of the score's own type."""
    total = network.score.total
    return tuple(Port(t.value_port, total.width, total.signed) for t in network.thresholds)


def score_port(network: Network) -> Port:
    """Return the output that carries the score's integer code."""
    return Port("score", network.score.total.width, network.score.total.signed)


def trigger_ports(network: Network) -> tuple[Port, ...]:
    """Return the outputs that carry the trigger bits."""
    return tuple(Port(t.port, 1, False) for t in network.thresholds)
