"""Give the base of every section: strict, frozen, no unknown keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

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
#: One path or pattern, or a list of them.
Paths = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: tuple(_one_or_many(value)), json_schema_input_type=str | tuple[str, ...])
]


def require_one_unit(min_pt_hw: Mapping[str, int], min_pt_gev: Mapping[str, float]) -> None:
    """Refuse a kind of object that has pt thresholds in both units.

    Raises:
        ValueError: names the kind; the configuration's reader adds file and key.
    """
    both = sorted(set(min_pt_hw) & set(min_pt_gev))
    if both:
        raise ValueError(f"{both[0]!r} has a threshold in min_pt_hw and in min_pt_gev; give one")
