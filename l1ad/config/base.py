"""Return the base of every section: strict, frozen, no unknown keys."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from l1ad.core.errors import L1adError
from l1ad.core.fixed import FixedPoint
from l1ad.core.formulas import Score

_TEXT_SCHEMA = WithJsonSchema({"type": "string"})


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values are not converted, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

    def plain(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return self.model_dump(mode="json")


def _parsed_type(value: Any) -> Any:
    """Read a type from its text; what is not text is left to the model, which refuses it."""
    if not isinstance(value, str):
        return value
    try:
        return FixedPoint.parse(value)
    except L1adError as error:
        raise ValueError(str(error)) from None


#: A fixed-point type, written as HLS does.
FixedType = Annotated[
    FixedPoint, BeforeValidator(_parsed_type, json_schema_input_type=str), PlainSerializer(str, return_type=str), _TEXT_SCHEMA
]


def one_of(choices: type[enum.Enum]) -> BeforeValidator:
    """Make what reads a member of an enumeration from its value; the valid values are the enumeration's."""
    values = tuple(choice.value for choice in choices)

    def parsed(value: Any) -> Any:
        if isinstance(value, choices):
            return value
        if value not in values:
            raise ValueError(f"input should be {', '.join(map(repr, values[:-1]))} or {values[-1]!r}")
        return choices(value)

    return BeforeValidator(parsed, json_schema_input_type=Literal[values])


#: The score on the chip.
ScoreKind = Annotated[Score, one_of(Score)]


def _one_or_many(value: Any) -> Any:
    """Put a single value into a tuple and make one of a list; anything else is left for the type's own check to refuse."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


#: One integer for all layers, or a list with one a layer.
PerLayer = Annotated[tuple[int, ...], BeforeValidator(_one_or_many, json_schema_input_type=int | tuple[int, ...])]


def _some(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths:
        raise ValueError("no file is named; give a path or a pattern")
    return paths


#: One path or pattern, or a list of them.
Paths = Annotated[
    tuple[str, ...],
    BeforeValidator(_one_or_many, json_schema_input_type=str | tuple[str, ...]),
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
    """Steps on columns beside offset and shift; a column is named by ``feature`` or by ``kind.feature``.

    Attributes:
        codes: minifloat codes of columns, as ``pt`` or ``jet.pt``; the more exact name wins.
        leave_out: columns that the chip does not read, as ``[eta, phi]``.
        through: type that the shifted value is cast to before the input type, where a firmware has one.
    """

    codes: dict[str, MinifloatConfig] = Field(default_factory=dict)
    leave_out: tuple[str, ...] = Field((), strict=False)
    through: FixedType | None = None
