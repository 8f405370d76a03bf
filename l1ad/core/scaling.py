"""Scale hardware integers to the network's input: ``(x - offset) >> shift``, by powers of two, exactly; minifloat codes before the shift.

One ``Scaling`` serves training, emulation and firmware; it is never typed twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.codes import Minifloat
from l1ad.core.errors import LayoutError, ModelError, nearest
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, FloatArray, IntArray
from l1ad.core.layout import ObjectLayout


@dataclass(frozen=True, slots=True)
class Scaling:
    """Offset and shift of every column, and the type the scaled value is cast into.

    Attributes:
        offset: hardware counts subtracted from each column.
        shift: bits each difference is shifted right by; negative shifts left. No bit is lost before the cast.
        type: the network's input type; its rounding and overflow modes do the cast.
        phi_reference: kind of the object whose first place gives the phi that all others are rotated to, before offset and
            shift; None leaves phi as it is. A rotated phi is the signed difference in ``[-period/2, period/2)`` for a present
            object and 0 for an absent one (pt 0), so the reference's own phi becomes 0.
        min_pt_hw: least pt, in hardware counts, of objects of a kind; others have none. An object below is treated as absent: all
            its features read 0, before anything else, and it leaves the mask of masked scores. Objects behind it stay where they
            are: the chip has no sorter (``data.select.min_pt_gev`` is another cut: it is made once in the data, when they are
            prepared, and there objects behind move up).
        codes: of each column, how ``x - offset`` is coded before the shift; None for not at all, () for no column.
        left_out: columns that are not read: they are 0 before the offset.
        through: a type that the shifted value is cast to before ``type``; None for no step between (AXOL1TL's goes through
            ``ap_fixed<18,13>``).
    """

    offset: tuple[int, ...]
    shift: tuple[int, ...]
    type: FixedPoint
    phi_reference: str | None = None
    min_pt_hw: tuple[tuple[str, int], ...] = ()
    codes: tuple[Minifloat | None, ...] = ()
    left_out: tuple[int, ...] = ()
    through: FixedPoint | None = None

    def check(self, layout: ObjectLayout) -> None:
        """Refuse a scaling that does not fit a layout.

        Raises:
            LayoutError: wrong number of columns, a phi reference that has no phi or another incommensurable period, or a pt threshold
                that no object can pass or every one does.
        """
        for name, values, most in (("offset", self.offset, 2**MAX_WIDTH), ("shift", self.shift, MAX_WIDTH)):
            if len(values) != layout.n_columns:
                raise LayoutError(
                    f"Scaling {name} needs {layout.n_columns} values for layout {layout.name!r}, got {len(values)}."
                )
            if max(map(abs, values), default=0) > most:
                raise LayoutError(f"Scaling {name} needs values from -{most} to {most}, got {max(values, key=abs):g}.")
        if self.codes and len(self.codes) != layout.n_columns:
            raise LayoutError(f"Scaling codes need {layout.n_columns} values for layout {layout.name!r}, got {len(self.codes)}.")
        for column in self.left_out:
            if not 0 <= column < layout.n_columns:
                raise LayoutError(f"Scaling leaves column {column} out, layout {layout.name!r} has {layout.n_columns} columns.")
        for i, code in enumerate(self.codes):
            if code is not None and layout.phi_period(i) is not None:
                raise LayoutError(f"Column {layout.names[i]!r} is an angle, which a minifloat would tear apart; code pt or eta.")
        if self.phi_reference is not None:
            self._check_reference(layout, self.phi_reference)
        for kind, count in self.min_pt_hw:
            slot = layout.slot(kind)
            top = slot.types[slot.features.index("pt")].max_int
            if not 1 <= count <= top:
                raise LayoutError(
                    f"The pt threshold of {kind!r} needs 1 to {top} hardware counts in layout {layout.name!r}, got {count!r}."
                )

    @staticmethod
    def _check_reference(layout: ObjectLayout, kind: str) -> None:
        period = layout.slot(kind).phi_period
        if period is None:
            raise LayoutError(f"Object {kind!r} of layout {layout.name!r} has no phi to rotate to; choose another phi_reference.")
        for slot in layout.slots:
            if slot.phi_period is not None and slot.phi_period % period and period % slot.phi_period:
                raise LayoutError(
                    f"Phi of {slot.kind!r} ({slot.phi_period} counts) and of {kind!r} ({period}) have no common grid."
                )

    def thresholds(self, layout: ObjectLayout) -> IntArray:
        """Return for each column the least pt of its object, 0 where there is no threshold; shape ``(n_columns,)``."""
        least = dict(self.min_pt_hw)
        return np.array([least.get(column.kind, 0) for column in layout.columns], dtype=np.int64)

    def present(self, layout: ObjectLayout, x_hw: NDArray[Any]) -> NDArray[np.bool_]:
        """Return for each column whether its object is there: its pt is not 0 and not below its threshold.

        Args:
            layout: the columns' layout.
            x_hw: hardware integers, shape ``(n_events, n_columns)``.

        Returns:
            Same shape.
        """
        pt = np.asarray(x_hw)[:, layout.presence_column]
        if not self.min_pt_hw:
            return np.asarray(pt != 0)
        least = self.thresholds(layout)
        return np.where(least > 0, pt >= least, pt != 0)

    def surviving(self, layout: ObjectLayout, x_hw: NDArray[Any]) -> IntArray:
        """Set all features of objects below their pt threshold to 0.

        Args:
            layout: the columns' layout.
            x_hw: hardware integers, shape ``(n_events, n_columns)``.

        Returns:
            int64, same shape.
        """
        x = np.asarray(x_hw, dtype=np.int64)
        if not self.min_pt_hw:
            return x
        return np.where(self.present(layout, x) | (self.thresholds(layout) == 0), x, 0)

    def rotated(self, layout: ObjectLayout, x_hw: IntArray) -> IntArray:
        """Leave objects below threshold out, then rotate phi to the reference object, if there is one.

        The reference's phi is put on each column's own grid: multiplied by the ratio of the periods, or shifted right
        (truncated) by it where the column's grid is coarser.

        Args:
            layout: the columns' layout.
            x_hw: hardware integers, shape ``(n_events, n_columns)``.

        Returns:
            int64, same shape.
        """
        x = self.surviving(layout, x_hw)
        if self.phi_reference is None:
            return x
        start = layout.slot_columns(self.phi_reference).start
        reference_column = start + layout.slot(self.phi_reference).features.index("phi")
        reference_period = layout.slot(self.phi_reference).phi_period or 1
        out = x.copy()
        for i, presence in enumerate(layout.presence_column):
            period = layout.phi_period(i)
            if period is None:
                continue
            reference = x[:, reference_column] * period // reference_period
            turned = np.mod(x[:, i] - reference + period // 2, period) - period // 2
            out[:, i] = np.where(x[:, presence] != 0, turned, 0)
        return out

    def turn(self, layout: ObjectLayout, column: int, fractional: int) -> int | None:
        """Compute a full turn of a phi column in units of ``2 ** -fractional`` after scaling; None for other columns.

        Raises:
            ModelError: the turn is not a whole number of such units.
        """
        period = layout.phi_period(column)
        if period is None:
            return None
        bits = fractional - self.shift[column]
        if bits < 0 and period % (1 << -bits):
            raise ModelError(
                f"A full turn of {layout.names[column]} is not a whole number of steps after its shift; use a smaller shift."
            )
        return period << bits if bits >= 0 else period >> -bits

    def counts(self, layout: ObjectLayout, x_hw: IntArray) -> IntArray:
        """Apply everything before the shift: leave objects and columns out, rotate, subtract the offset, code.

        Args:
            layout: the columns' layout.
            x_hw: hardware integers, shape ``(n_events, n_columns)``.

        Returns:
            int64, same shape.
        """
        x = self.rotated(layout, x_hw)
        if self.left_out:
            x = np.where(np.isin(np.arange(layout.n_columns), self.left_out), 0, x)
        x = x - np.array(self.offset, dtype=np.int64)
        for i, code in enumerate(self.codes):
            if code is not None:
                x[:, i] = code.encode(x[:, i])
        return x

    def apply(self, layout: ObjectLayout, x_hw: IntArray) -> IntArray:
        """Scale hardware integers to codes of the input type.

        Args:
            layout: the columns' layout.
            x_hw: hardware integers, shape ``(n_events, n_columns)``.

        Returns:
            Integer codes of ``self.type``, int64, same shape.
        """
        x = self.counts(layout, x_hw)
        out = np.empty(x.shape, dtype=np.int64)
        for i, shift in enumerate(self.shift):
            if self.through is None:
                out[:, i] = self.type.cast(x[:, i], shift)
            else:
                out[:, i] = self.type.cast(self.through.cast(x[:, i], shift), self.through.fractional)
        return out

    def apply_float(self, layout: ObjectLayout, x_hw: IntArray) -> FloatArray:
        """Scale hardware integers without quantising to ``type``, for the floating-point reference; float64, same shape."""
        x = np.ldexp(self.counts(layout, x_hw).astype(np.float64), -np.array(self.shift, dtype=np.int64))
        return x if self.through is None else self.through.quantise(x)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data: dict[str, Any] = {
            "offset": list(self.offset),
            "shift": list(self.shift),
            "type": str(self.type),
            "phi_reference": self.phi_reference,
        }
        data |= {"min_pt_hw": dict(self.min_pt_hw)} if self.min_pt_hw else {}
        data |= {"codes": [code and code.to_dict() for code in self.codes]} if any(self.codes) else {}
        data |= {"left_out": list(self.left_out)} if self.left_out else {}
        return data | ({"through": str(self.through)} if self.through else {})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Scaling:
        """Read what ``to_dict`` gave."""
        return cls(
            tuple(int(v) for v in data["offset"]),
            tuple(int(v) for v in data["shift"]),
            FixedPoint.parse(data["type"]),
            data.get("phi_reference"),
            tuple(sorted((str(kind), int(count)) for kind, count in dict(data.get("min_pt_hw", {})).items())),
            tuple(Minifloat(**code) if code else None for code in data.get("codes", ())),
            tuple(int(column) for column in data.get("left_out", ())),
            FixedPoint.parse(data["through"]) if data.get("through") else None,
        )


def pt_thresholds(
    layout: ObjectLayout, min_pt_hw: Mapping[str, int], min_pt_gev: Mapping[str, float]
) -> tuple[tuple[str, int], ...]:
    """Bring pt thresholds into the form that ``Scaling`` holds.

    Args:
        layout: whose least significant bits turn GeV into counts.
        min_pt_hw: thresholds in hardware counts, by kind.
        min_pt_gev: thresholds in GeV, of other kinds.

    Returns:
        Kind and counts, by kind.

    Raises:
        LayoutError: a kind the layout has not, or a threshold in GeV that is not a whole number of counts.
    """
    counts = dict(min_pt_hw)
    for kind, value in min_pt_gev.items():
        slot = layout.slot(kind)
        lsb = slot.lsb[slot.features.index("pt")]
        counts[kind] = round(value / lsb)
        if abs(value / lsb - counts[kind]) > 1e-6:
            raise LayoutError(
                f"A pt threshold of {value:g} GeV for {kind!r} is {value / lsb:g} hardware counts of {lsb:g} GeV; "
                "give a whole number of counts, or min_pt_hw."
            )
    return tuple(sorted(counts.items()))


def matching_columns(layout: ObjectLayout, name: str) -> list[int]:
    """Find the columns of a ``feature``, or of a ``kind.feature``.

    Raises:
        LayoutError: the layout has none.
    """
    kind, _, feature = name.rpartition(".")
    found = [i for i, column in enumerate(layout.columns) if column.feature == feature and kind in ("", column.kind)]
    if not found:
        known = sorted({column.feature for column in layout.columns} | {f"{c.kind}.{c.feature}" for c in layout.columns})
        raise LayoutError(f"Layout {layout.name!r} has no columns {name!r}; {nearest(name, known)}")
    return found


def column_codes(layout: ObjectLayout, codes: Mapping[str, Minifloat]) -> tuple[Minifloat | None, ...]:
    """Return each column its code: that of its ``kind.feature``, else that of its ``feature``, else None; () where there is none at all.

    Raises:
        LayoutError: the layout has no such column.
    """
    if not codes:
        return ()
    found: list[Minifloat | None] = [None] * layout.n_columns
    for name in sorted(codes, key=lambda name: "." in name):
        for column in matching_columns(layout, name):
            found[column] = codes[name]
    return tuple(found)


def columns_left_out(layout: ObjectLayout, names: Iterable[str]) -> tuple[int, ...]:
    """Find the columns that are not read, ascending.

    Raises:
        LayoutError: the layout has no such column, or nothing would be read.
    """
    found = sorted({column for name in names for column in matching_columns(layout, name)})
    if len(found) == layout.n_columns:
        raise LayoutError(f"All columns of layout {layout.name!r} are left out; leave the network something to read.")
    return tuple(found)
