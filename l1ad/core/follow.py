"""What a threshold follows: a linear function of an event's hardware counts that is taken from the score before it is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout

#: What is compared must stay within so many bits, as everything else of the reference in int64.
_MOST_BITS = 62


@dataclass(frozen=True, slots=True)
class Follow:
    """A linear function in integers.

    Compared with the threshold is ``score * 2 ** shift - sum_k pt[k] * (sum of the pt counts of objects k) - sum_k count[k] * (objects k
    whose pt count is not 0)``, with the score's integer code and the hardware's own counts, before any scaling.

    Attributes:
        shift: bits that the score's code is moved up, so that weights are whole numbers.
        pt: weight of a count of pt, by kind of object.
        count: weight of an object, by kind.
    """

    shift: int
    pt: tuple[tuple[str, int], ...] = ()
    count: tuple[tuple[str, int], ...] = ()

    def weights(self, layout: ObjectLayout) -> tuple[IntArray, IntArray]:
        """Return the weight of each column's count and of each column not being 0, int64 ``(n_columns,)`` each.

        Raises:
            LayoutError: the layout has no such kind of object.
        """
        found = []
        for terms in (self.pt, self.count):
            weights = np.zeros(layout.n_columns, dtype=np.int64)
            for kind, weight in terms:
                layout.slot(kind)
                weights[layout.feature_columns("pt", kind)] += weight
            found.append(weights)
        return found[0], found[1]

    def range(self, layout: ObjectLayout, low: int, high: int) -> tuple[int, int]:
        """Return the least and the greatest value that is compared.

        Args:
            layout: the columns.
            low: least code of the score.
            high: greatest one.

        Raises:
            LayoutError: the layout has no such kind of object.
            ModelError: it can leave 62 bits, or the shift is negative.
        """
        least, most = low << max(self.shift, 0), high << max(self.shift, 0)
        for of_count, of_object, column in zip(*map(np.ndarray.tolist, self.weights(layout)), layout.columns, strict=True):
            ends = [of_count * column.type.min_int, of_count * column.type.max_int]
            # An object that is there gives its weight too; the bound adds both as if they were independent.
            least, most = least - max(ends) - max(of_object, 0), most - min(ends) - min(of_object, 0)
        if self.shift < 0 or max(-least, most).bit_length() > _MOST_BITS:
            raise ModelError(
                f"A threshold that follows with shift {self.shift} compares values from {least} to {most}; the shift must be at least 0 and the "
                f"values must fit {_MOST_BITS} bits: use smaller weights."
            )
        return least, most

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML."""
        return {"shift": self.shift, "pt": dict(self.pt), "count": dict(self.count)}

    @classmethod
    def from_dict(cls, data: Any) -> Follow:
        """Read what ``to_dict`` gave.

        Raises:
            ModelError: no mapping, another key, or a value that is not an integer.
        """
        given = data if isinstance(data, Mapping) else {}
        terms = {key: given.get(key, {}) for key in ("pt", "count")}
        numbers = [given.get("shift"), *(v for one in terms.values() if isinstance(one, Mapping) for v in one.values())]
        known = set(given) <= {"shift", "pt", "count"} and all(isinstance(one, Mapping) for one in terms.values())
        if not known or not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
            raise ModelError(
                f"What a threshold follows needs 'shift', 'pt' and 'count' with whole numbers by kind of object, got {data!r}."
            )
        return cls(int(data["shift"]), *(tuple((str(kind), int(v)) for kind, v in terms[key].items()) for key in ("pt", "count")))
