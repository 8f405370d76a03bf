"""Describe simulation, rates, studies and search."""

from __future__ import annotations

from pydantic import Field

from l1ad.config.base import Section


class SimulationConfig(Section):
    """Say what the event source makes."""

    pileup: float = Field(60.0, ge=0)
    seed: int = Field(1, ge=0)


class RatesConfig(Section):
    """Say how rates are counted: ``bunches`` filled bunches turn 11.245 kHz each."""

    bunches: int = Field(2544, ge=1, le=3564)
    target_khz: tuple[float, ...] = Field((0.1, 1.0, 10.0), strict=False)


class StudiesConfig(Section):
    """Say how large the studies are."""

    seeds: int = Field(8, ge=2)
