"""Name the columns of an event: which trigger object, which feature, which hardware type.

A layout is data: a YAML file, shipped in ``l1ad/layouts`` or given by path. Column ``jet[3].pt_hw`` of a ``(n_events, n_columns)``
array is the transverse momentum of the fourth jet in hardware counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from l1ad.core.errors import ConfigError, LayoutError, nearest, one_line
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.identifier import require_different, require_name, require_port_name, shortened
from l1ad.core.yaml_text import parse_yaml

FEATURES = ("pt", "eta", "phi")
#: Columns of a layout at most; those of the field have 44 to 252.
MOST_COLUMNS = 8192
_LARGEST = 999_999_999


@dataclass(frozen=True, slots=True)
class Column:
    """Describe one column: object kind, its rank in the event, feature and hardware type."""

    kind: str
    rank: int
    feature: str
    type: FixedPoint
    lsb: float

    @property
    def name(self) -> str:
        """The name used in tables, as ``jet[3].pt_hw``."""
        return f"{self.kind}[{self.rank}].{self.feature}_hw"

    @property
    def port(self) -> str:
        """The name used for a firmware port, as ``jet_pt_3``."""
        return f"{self.kind}_{self.feature}_{self.rank}"


@dataclass(frozen=True, slots=True)
class ObjectSlot:
    """Describe the places an event has for one kind of trigger object.

    Attributes:
        kind: name of the object, as ``jet``.
        multiplicity: how many places.
        features: what is stored of each, in column order: of ``pt``, ``eta``, ``phi``.
        types: hardware integer type of each feature.
        lsb: physical value of one hardware count of each feature: GeV for pt, 1 for eta, rad for phi.
        phi_period: counts in a full turn of phi, or None when the slot has no phi.
    """

    kind: str
    multiplicity: int
    features: tuple[str, ...]
    types: tuple[FixedPoint, ...]
    lsb: tuple[float, ...]
    phi_period: int | None = None

    def __post_init__(self) -> None:
        require_port_name(self.kind, "The kind of a slot", LayoutError)

    @property
    def n_columns(self) -> int:
        """The number of columns this slot takes."""
        return self.multiplicity * len(self.features)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        features = {
            name: {"type": str(type_), "lsb": lsb} for name, type_, lsb in zip(self.features, self.types, self.lsb, strict=True)
        }
        data: dict[str, Any] = {"kind": self.kind, "multiplicity": self.multiplicity, "features": features}
        return data if self.phi_period is None else data | {"phi_period": self.phi_period}


@dataclass(frozen=True, slots=True)
class ObjectLayout:
    """Describe all columns of an event, in order.

    Attributes:
        slots: the objects.
        columns: every column, in order.
        storage: the smallest signed NumPy integer type that holds every column.
    """

    name: str
    slots: tuple[ObjectSlot, ...]
    source: str = ""
    columns: tuple[Column, ...] = field(init=False, repr=False, compare=False)
    storage: np.dtype[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_name(self.name, "The name of a layout", LayoutError)
        if self.n_columns > MOST_COLUMNS:
            raise LayoutError(f"Layout {self.name!r} has {self.n_columns} columns, more than {MOST_COLUMNS}; use fewer objects.")
        # Worked out once: readers ask for them with every few thousand events.
        object.__setattr__(self, "columns", tuple(self._iterate()))
        object.__setattr__(self, "storage", self._storage())

    @property
    def n_columns(self) -> int:
        """The number of columns of an event."""
        return sum(slot.n_columns for slot in self.slots)

    @property
    def n_objects(self) -> int:
        """The number of object places of an event."""
        return sum(slot.multiplicity for slot in self.slots)

    def _iterate(self) -> Iterator[Column]:
        for slot in self.slots:
            for rank in range(slot.multiplicity):
                for feature, type_, lsb in zip(slot.features, slot.types, slot.lsb, strict=True):
                    yield Column(slot.kind, rank, feature, type_, lsb)

    @property
    def names(self) -> tuple[str, ...]:
        """Every column's name, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def ports(self) -> tuple[str, ...]:
        """Every column's firmware port name, in order; an object that occurs once carries no number (``met_phi``)."""
        single = {slot.kind for slot in self.slots if slot.multiplicity == 1}
        return tuple(f"{c.kind}_{c.feature}" if c.kind in single else c.port for c in self.columns)

    @property
    def words(self) -> tuple[str, ...]:
        """Name of every object's firmware port where ports are packed, in order: ``jet_3``, or ``met`` where there is one."""
        return tuple(
            slot.kind if slot.multiplicity == 1 else f"{slot.kind}_{rank}"
            for slot in self.slots
            for rank in range(slot.multiplicity)
        )

    def index(self, name: str) -> int:
        """Find a column by its name.

        Raises:
            LayoutError: no such column.
        """
        if name not in self.names:
            raise LayoutError(f"Layout {self.name!r} has no column {name!r}; {nearest(name, self.names)}")
        return self.names.index(name)

    def slot(self, kind: str) -> ObjectSlot:
        """Find a slot by its object kind.

        Raises:
            LayoutError: no such object.
        """
        for slot in self.slots:
            if slot.kind == kind:
                return slot
        raise LayoutError(f"Layout {self.name!r} has no object {kind!r}; {nearest(kind, [s.kind for s in self.slots])}")

    def slot_columns(self, kind: str) -> slice:
        """Return the slice of columns that a slot takes."""
        slot = self.slot(kind)
        start = sum(before.n_columns for before in self.slots[: self.slots.index(slot)])
        return slice(start, start + slot.n_columns)

    def feature_columns(self, feature: str, kind: str | None = None) -> IntArray:
        """Return the indices of all columns of one feature, optionally of one object kind."""
        return np.array(
            [i for i, c in enumerate(self.columns) if c.feature == feature and kind in (None, c.kind)],
            dtype=np.int64,
        )

    @property
    def object_index(self) -> IntArray:
        """For each column the number of the object place it belongs to, shape ``(n_columns,)``."""
        sizes = [len(slot.features) for slot in self.slots for _ in range(slot.multiplicity)]
        return np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)

    @property
    def presence_column(self) -> IntArray:
        """For each column the column whose being non-zero says that the object is there (its pt), shape ``(n_columns,)``."""
        first: dict[int, int] = {}
        for i, (column, place) in enumerate(zip(self.columns, self.object_index, strict=True)):
            if column.feature == "pt":
                first[int(place)] = i
        return np.array([first[int(place)] for place in self.object_index], dtype=np.int64)

    def phi_period(self, column: int) -> int | None:
        """Return the counts in a full turn for a phi column, None for any other column."""
        described = self.columns[column]
        return self.slot(described.kind).phi_period if described.feature == "phi" else None

    def _storage(self) -> np.dtype[Any]:
        types = [type_ for slot in self.slots for type_ in slot.types]
        low, high = min((t.min_int for t in types), default=0), max((t.max_int for t in types), default=0)
        sizes = [np.iinfo(dtype) for dtype in (np.int16, np.int32)]
        return next((info.dtype for info in sizes if info.min <= low and high <= info.max), np.dtype(np.int64))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, of the form that ``parse_layout_dict`` reads."""
        return {"name": self.name, "source": self.source, "slots": [slot.to_dict() for slot in self.slots]}

    def check(self, x_hw: NDArray[np.integer[Any]], where: str) -> None:
        """Refuse an array that does not fit this layout.

        Args:
            x_hw: integers, expected shape ``(n_events, n_columns)``.
            where: what the array is, for the message.

        Raises:
            LayoutError: wrong rank, width or dtype, or a value outside its column's hardware range.
        """
        if x_hw.ndim != 2 or x_hw.shape[1] != self.n_columns:
            raise LayoutError(
                f"{where}: layout {self.name!r} needs shape (n_events, {self.n_columns}), got {x_hw.shape!r}; "
                "choose the layout the data were made for."
            )
        if not np.issubdtype(x_hw.dtype, np.integer):
            raise LayoutError(
                f"{where}: hardware values must be integers, got dtype {x_hw.dtype}; convert them with 'l1ad prepare'."
            )
        self._check_range(x_hw, where)

    def _check_range(self, x_hw: NDArray[np.integer[Any]], where: str) -> None:
        if not len(x_hw):
            return
        low, high = x_hw.min(axis=0), x_hw.max(axis=0)
        for i, column in enumerate(self.columns):
            if low[i] < column.type.min_int or high[i] > column.type.max_int:
                outside = int(np.count_nonzero((x_hw[:, i] < column.type.min_int) | (x_hw[:, i] > column.type.max_int)))
                raise LayoutError(
                    f"{where}: {outside} values of {column.name} are outside the hardware range "
                    f"[{column.type.min_int}, {column.type.max_int}] (they span [{low[i]}, {high[i]}]); "
                    "set data.out_of_range to 'clip' or 'wrap' if that is what the hardware does."
                )


def shipped_layouts() -> tuple[str, ...]:
    """List the names of the layouts that come with the package."""
    folder = resources.files("l1ad") / "layouts"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_layout(name: str) -> ObjectLayout:
    """Read a layout that is shipped, or one from a YAML file.

    Args:
        name: a shipped layout's name, or a path that ends in ``.yaml``.

    Raises:
        LayoutError: no such layout, or its file says something impossible.
    """
    if name.endswith((".yaml", ".yml")):
        try:
            return parse_layout(Path(name).read_text(encoding="utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({one_line(error)})"
            shipped = ", ".join(shipped_layouts())
            raise LayoutError(f"Layout file {name!r} {what}; give a path or one of the shipped names: {shipped}.") from None
    if name not in shipped_layouts():
        raise LayoutError(f"There is no layout {name!r}; {nearest(name, shipped_layouts())}")
    text = (resources.files("l1ad") / "layouts" / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_layout(text, f"{name}.yaml")


def parse_layout(text: str, where: str) -> ObjectLayout:
    """Make a layout from YAML text.

    Args:
        text: ``name``, ``source`` and a list ``slots`` of ``kind``, ``multiplicity``, optional ``phi_period`` and a mapping
            ``features`` of feature to ``{type, lsb}``.
        where: the file's name, for messages.

    Raises:
        LayoutError: the text does not describe a layout.
    """
    try:
        data = parse_yaml(text)
    except yaml.YAMLError as error:
        raise LayoutError(f"{where} is not a layout: {error}; see l1ad/layouts/l1topo44.yaml for the form.") from None
    return parse_layout_dict(data, where)


def parse_layout_dict(data: Any, where: str) -> ObjectLayout:
    """Make a layout from plain data; the form and the errors are those of ``parse_layout``."""
    try:
        slots = tuple(_slot(entry) for entry in data["slots"])
        layout = ObjectLayout(data["name"], slots, str(data.get("source", "")))
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise LayoutError(
            f"{where} is not a layout: {type(error).__name__} {error}; see l1ad/layouts/l1topo44.yaml for the form."
        ) from None
    except (ConfigError, LayoutError) as error:
        raise LayoutError(f"{where} is not a layout: {error}") from None
    layout = _validated(layout, where)
    for names in (layout.ports, layout.words):
        require_different(names, f"{where}: layout {layout.name!r} has two ports called", LayoutError)
    return layout


def _slot(entry: Mapping[str, Any]) -> ObjectSlot:
    features = entry["features"]
    return ObjectSlot(
        kind=entry["kind"],
        multiplicity=_whole(entry, "multiplicity"),
        features=tuple(features),
        types=tuple(FixedPoint.parse(feature["type"]) for feature in features.values()),
        lsb=tuple(float(feature["lsb"]) for feature in features.values()),
        phi_period=_whole(entry, "phi_period") if "phi_period" in entry else None,
    )


def _whole(entry: Mapping[str, Any], key: str) -> int:
    value = entry[key]
    if not isinstance(value, int) or isinstance(value, bool) or not -_LARGEST <= value <= _LARGEST:
        raise LayoutError(f"{key} must be a whole number of at most 9 digits, got {shortened(value)}.")
    return value


def _validated(layout: ObjectLayout, where: str) -> ObjectLayout:
    kinds = [slot.kind for slot in layout.slots]
    if not kinds or len(set(kinds)) != len(kinds):
        raise LayoutError(f"{where}: a layout needs at least one slot and each kind once, got {kinds!r}.")
    for slot in layout.slots:
        if set(slot.features) - set(FEATURES) or "pt" not in slot.features:
            raise LayoutError(
                f"{where}: features of {slot.kind!r} must be of {FEATURES!r} and include 'pt', got {slot.features!r}."
            )
        if slot.multiplicity < 1:
            raise LayoutError(f"{where}: multiplicity of {slot.kind!r} must be at least 1, got {slot.multiplicity!r}.")
        if not all(np.isfinite(lsb) and lsb > 0 for lsb in slot.lsb):
            raise LayoutError(f"{where}: lsb of {slot.kind!r} must be finite and above 0, got {slot.lsb!r}.")
        if slot.phi_period is not None and slot.phi_period < 1:
            raise LayoutError(f"{where}: phi_period of {slot.kind!r} must be at least 1, got {slot.phi_period!r}.")
        if "phi" in slot.features and slot.phi_period is None:
            raise LayoutError(f"{where}: {slot.kind!r} has phi and no phi_period (hardware counts in a full turn); add it.")
        if any(type_.fractional != 0 for type_ in slot.types):
            raise LayoutError(
                f"{where}: hardware types of {slot.kind!r} must be integers such as 'uint<13>', got {[str(t) for t in slot.types]!r}."
            )
    return layout
