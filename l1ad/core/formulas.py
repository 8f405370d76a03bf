"""The anomaly scores that a chip can compute: for each its name, what it reads and one function that says what is summed.

A new score is a member, its formula and its function here, and the same by hand in ``l1ad.spec.scores``; everything else follows: lists of
valid names, the chip's logic, training and the float reference.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray

#: Widest address of a table: 4096 entries.
ADDRESS_BITS = 12


class Steps(Protocol):
    """The steps that a score is written in; each takes nodes, vectors of elements, and gives a node."""

    def term(self, node: str) -> str:
        """Cast to the type of the terms that are summed."""

    def square(self, node: str) -> str:
        """Multiply each element by itself and cast to the type of the terms."""

    def difference(self, first: str, second: str) -> str:
        """Subtract the columns that take part, phi folded where asked for, and cast."""

    def where_present(self, node: str) -> str:
        """Put 0 where a column's object is absent."""

    def largest(self, node: str) -> str:
        """Take the largest element."""

    def halves(self, node: str) -> tuple[str, str]:
        """Split into means and log-variances."""

    def table(self, node: str) -> str:
        """Look up the formula's curve."""

    def added(self, first: str, second: str) -> str:
        """Add."""

    def multiplied(self, first: str, second: str) -> str:
        """Multiply."""


def latent_l2(steps: Steps, output: str) -> str:
    """Square every output."""
    return steps.square(output)


def linear(steps: Steps, output: str) -> str:
    """Take the network's one output as it is."""
    return steps.term(output)


def maximum(steps: Steps, output: str) -> str:
    """Take the largest output."""
    return steps.term(steps.largest(output))


def mse(steps: Steps, compared: str, output: str) -> str:
    """Square the difference of a node, the scaled input as a rule, and its reconstruction."""
    return steps.square(steps.difference(compared, output))


def masked_mse(steps: Steps, compared: str, output: str) -> str:
    """Like ``mse``, with 0 for columns whose object is absent."""
    return steps.square(steps.where_present(steps.difference(compared, output)))


def kl(steps: Steps, output: str) -> str:
    """Add the square of each mean and the table's entry for its log-variance."""
    mean, log_variance = steps.halves(output)
    return steps.added(steps.square(mean), steps.table(log_variance))


def r_z(steps: Steps, output: str) -> str:
    """Multiply the square of each mean by the table's entry for its log-variance."""
    mean, log_variance = steps.halves(output)
    return steps.multiplied(steps.square(mean), steps.table(log_variance))


@dataclass(frozen=True, slots=True)
class Formula:
    """Describe a score.

    Attributes:
        terms: the function that gives what is summed.
        compares: whether it compares two nodes, the input and its reconstruction as a rule, instead of reading one.
        masked: whether absent objects are left out.
        squares: whether it grows as the square of what it reads.
        outputs: how many outputs it reads; None for any number.
        curve: what its table holds for a log-variance, given the log-variances and an exponential function; None for no table.
    """

    terms: Callable[..., str]
    compares: bool = False
    masked: bool = False
    squares: bool = True
    outputs: int | None = None
    curve: Callable[[Any, Callable[[Any], Any]], Any] | None = None

    def table(self, address: FixedPoint) -> FloatArray:
        """Compute the curve at every address.

        Args:
            address: type of the log-variance; the first entry is that of its smallest code.

        Returns:
            float64, shape ``(2 ** address.width,)``.

        Raises:
            ModelError: the score has no table, or the address is too wide for one.
        """
        if self.curve is None:
            raise ModelError("A score without log-variances has no lookup table; only scores of a 'vae' have one.")
        if address.width > ADDRESS_BITS:
            raise ModelError(
                f"A log-variance of {address.width} bits needs a table of more than {1 << ADDRESS_BITS} entries; use {ADDRESS_BITS} bits or fewer."
            )
        values: FloatArray = self.curve(address.from_int(np.arange(address.min_int, address.max_int + 1)), np.exp)
        return values


class Score(enum.Enum):
    """Which anomaly score is computed on the chip."""

    LATENT_L2 = "latent_l2"
    LINEAR = "linear"
    MAXIMUM = "maximum"
    MASKED_MSE = "masked_mse"
    MSE = "mse"
    KL = "kl"
    R_Z = "r_z"

    @property
    def formula(self) -> Formula:
        """The score's description."""
        return _FORMULAS[self]

    @property
    def is_reconstruction(self) -> bool:
        """Whether the score compares the input with its reconstruction."""
        return self.formula.compares

    @property
    def needs_log_variance(self) -> bool:
        """Whether the network's outputs are means followed by log-variances."""
        return self.formula.curve is not None


_FORMULAS: Mapping[Score, Formula] = {
    Score.LATENT_L2: Formula(latent_l2),
    Score.LINEAR: Formula(linear, squares=False, outputs=1),
    Score.MAXIMUM: Formula(maximum, squares=False),
    Score.MASKED_MSE: Formula(masked_mse, compares=True, masked=True),
    Score.MSE: Formula(mse, compares=True),
    Score.KL: Formula(kl, curve=lambda v, exp: exp(v) - v - 1.0),
    Score.R_Z: Formula(r_z, curve=lambda v, exp: exp(-v)),
}
