"""Give the base of every section: strict, frozen, no unknown keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from l1ad.core.errors import L1adError
from l1ad.core.fixed import FixedPoint


class Section(BaseModel):
    """Be a part of the configuration: unknown keys are refused, values are not converted, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

    def plain(self) -> dict[str, Any]:
        """Give plain data for a manifest."""
        return self.model_dump(mode="json")


def _type_text(text: str) -> str:
    try:
        return str(FixedPoint.parse(text))
    except L1adError as error:
        raise ValueError(str(error)) from None


#: A fixed-point type as text, checked and in its normal form; ``FixedPoint.parse`` makes the value.
TypeText = Annotated[str, AfterValidator(_type_text)]


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, int | str) and not isinstance(value, bool) else value


#: One integer for all layers, or a list with one a layer.
PerLayer = Annotated[
    tuple[int, ...], BeforeValidator(lambda value: tuple(_one_or_many(value)), json_schema_input_type=int | tuple[int, ...])
]


def _some(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths:
        raise ValueError("no file is named; give a path or a pattern")
    return paths


#: One path or pattern, or a list of them.
Paths = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: tuple(_one_or_many(value)), json_schema_input_type=str | tuple[str, ...]),
    AfterValidator(_some),
]


def require_one_unit(min_pt_hw: Mapping[str, int], min_pt_gev: Mapping[str, float]) -> None:
    """Refuse a kind of object that has pt thresholds in both units.

    Raises:
        ValueError: names the kind; the configuration's reader adds file and key.
    """
    both = sorted(set(min_pt_hw) & set(min_pt_gev))
    if both:
        raise ValueError(f"{both[0]!r} has a threshold in min_pt_hw and in min_pt_gev; give one")


class MinifloatConfig(Section):
    """Describe a minifloat code: linear below ``2 ** linear_bits`` counts, then ``2 ** mantissa_bits`` steps an octave.

    Attributes:
        linear_bits: counts below ``2 ** linear_bits`` are coded linearly.
        mantissa_bits: bits kept behind the leading one.
        octaves: factors of two that the code spans, the linear part being the first.
    """

    linear_bits: int = Field(6, ge=0, le=30)
    mantissa_bits: int = Field(2, ge=0, le=12)
    octaves: int = Field(8, ge=1, le=31)


class InputSteps(Section):
    """Say what happens to columns besides offset and shift; a column is named by ``feature`` or by ``kind.feature``.

    Attributes:
        codes: minifloat codes of columns, as ``pt`` or ``jet.pt``; the more exact name wins.
        leave_out: columns that the chip does not read, as ``[eta, phi]``.
        through: type that the shifted value is cast to before the input type, where a firmware has one.
    """

    codes: dict[str, MinifloatConfig] = Field(default_factory=dict)
    leave_out: tuple[str, ...] = Field((), strict=False)
    through: TypeText | None = None
