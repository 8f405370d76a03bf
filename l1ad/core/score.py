"""Which anomaly score the chip computes, with a type at every step, and which of its values set trigger bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.follow import Follow
from l1ad.core.formulas import Score
from l1ad.core.identifier import bit_fault, require
from l1ad.core.layer import optional_type

__all__ = ["Score", "ScoreSpec", "Threshold"]


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """Which score, and the type of each of its steps.

    - ``latent_l2``: sum over outputs of ``square(mu * mu)``.
    - ``linear``: the network's one output, cast to ``square`` and then to ``total``: the cheapest score there is.
    - ``mse`` / ``masked_mse``: sum over ``columns`` of ``square(d * d)``, ``d = difference(x - y)`` with ``x`` the scaled input and
      ``y`` the output of the same column; the masked score leaves out columns whose object is absent (its hardware pt is 0 or below
      its threshold).
      It is the sum: divided by the number of columns it would be the mean squared error, a constant factor.
      ``cyclic``: for phi columns one full turn is added to or taken from ``x - y`` once, when it is below minus half a turn or
      not below half a turn, before the cast.
    - ``kl``: outputs are ``mu`` then ``v = log sigma^2``; sum of ``square(mu * mu) + table(v)``, ``table(v) = exp(v) - v - 1``: twice the
      Kullback-Leibler divergence to the unit Gaussian (Kingma & Welling, arXiv:1312.6114, appendix B).
    - ``r_z``: sum of ``square(mu * mu) * table(v)``, ``table(v) = exp(-v)`` (arXiv:2108.03986, the score R_z).

    The sum is exact and then cast to ``total``.

    Attributes:
        kind: which score.
        square: type of each squared term; of the output itself for ``linear``.
        total: type of the score.
        difference: type of each difference; only for reconstruction scores.
        columns: elements that take part, of the input columns unless ``sources`` says otherwise; only for reconstruction scores.
        cyclic: whether phi differences are folded into half a turn.
        table: type of the lookup table's entries; only for ``kl`` and ``r_z``.
        sources: the nodes that are compared, ``scaled`` or a layer's name, for a reconstruction score (AXOL1TL's version 5 compares its
            embedding with the reconstruction of the embedding), or the one node that any other score reads; () for the usual ones, the
            scaled input and the last layer.
    """

    kind: Score
    square: FixedPoint
    total: FixedPoint
    difference: FixedPoint | None = None
    columns: tuple[int, ...] = ()
    cyclic: bool = False
    table: FixedPoint | None = None
    sources: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "kind": self.kind.value,
            "square": str(self.square),
            "total": str(self.total),
            "difference": None if self.difference is None else str(self.difference),
            "columns": list(self.columns),
            "cyclic": self.cyclic,
            "table": None if self.table is None else str(self.table),
        } | ({"sources": list(self.sources)} if self.sources else {})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ScoreSpec:
        """Read what ``to_dict`` gave."""
        return cls(
            Score(data["kind"]),
            FixedPoint.parse(data["square"]),
            FixedPoint.parse(data["total"]),
            optional_type(data["difference"]),
            tuple(int(c) for c in data["columns"]),
            bool(data["cyclic"]),
            optional_type(data["table"]),
            tuple(str(name) for name in data.get("sources", ())),
        )


@dataclass(frozen=True, slots=True)
class Threshold:
    """Name a trigger bit and the smallest integer score that sets it.

    Attributes:
        name: of the bit.
        value: compared with the score's code, or with what ``follow`` makes of it.
        follow: what is taken from the score before it is compared; None for nothing.
    """

    name: str
    value: int
    follow: Follow | None = None

    def __post_init__(self) -> None:
        require(bit_fault(self.name), self.name, "The name of a trigger bit", ModelError)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"name": self.name, "value": self.value} | ({"follow": self.follow.to_dict()} if self.follow else {})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Threshold:
        """Read what ``to_dict`` gave."""
        return cls(data["name"], int(data["value"]), Follow.from_dict(data["follow"]) if "follow" in data else None)

    @property
    def port(self) -> str:
        """The name of the firmware's output port, the same in HLS and RTL."""
        return f"trigger_{self.name}"

    @property
    def value_port(self) -> str:
        """The name of the input port that carries the threshold itself, where it has one."""
        return f"threshold_{self.name}"
