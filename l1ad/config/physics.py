"""Describe simulation, rates, studies and search."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from l1ad.config.base import Section


class SimulationConfig(Section):
    """Say what the event source makes."""

    pileup: float = Field(60.0, ge=0)
    seed: int = Field(1, ge=0)


class RatesConfig(Section):
    """Say how rates are counted.

    Attributes:
        bunches: filled bunches; each turns 11.245 kHz, and their crossings are the rate that all weights together stand for.
        crossing_khz: rate of bunch crossings instead of the bunches', e.g. 40000.
        target_khz: rates that thresholds are wanted for, total and pure.
        background: which background events count: those kept for testing, or all, also those trained on.
        pileup_bins: number of bins of pile-up, of equal weight.
        run_bins: at most so many groups of consecutive runs.
    """

    bunches: int = Field(2544, ge=1, le=3564)
    crossing_khz: float | None = Field(None, gt=0)
    target_khz: tuple[Annotated[float, Field(gt=0)], ...] = Field((0.1, 1.0, 10.0), strict=False, min_length=1)
    background: Literal["test", "all"] = "test"
    pileup_bins: int = Field(6, ge=2, le=50)
    run_bins: int = Field(20, ge=2, le=200)


class StudiesConfig(Section):
    """Say how large the studies are."""

    seeds: int = Field(8, ge=2)
