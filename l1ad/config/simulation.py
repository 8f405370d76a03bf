"""Describe what the event source makes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from l1ad.config.base import Section

_Events = Annotated[int, Field(ge=1)]


class EnhancedBiasConfig(Section):
    """Selection of background crossings by enhanced bias; a kept crossing has the weight ``1 / probability``: ``min(1, max(floor, h ** power))``.

    Attributes:
        full_gev: by Level-1 quantity (jet, jet4, tau, egamma, muon, muon2, met, ht, sum_pt), the value from which on every crossing is kept;
            ``h`` is the largest quantity divided by its own.
        floor: least probability; above 0, so that no corner is blind.
        power: how fast the probability falls below the full values.
    """

    full_gev: dict[str, Annotated[float, Field(gt=0)]]
    floor: float = Field(0.01, gt=0, le=1)
    power: float = Field(4.0, gt=0)


class PreselectionConfig(EnhancedBiasConfig):
    """Selection, in the same way, of the background crossings that are put through the detector, by their particles above 2 GeV.

    Attributes:
        full_gev: by quantity of the particles (met, ht, collision: greatest sum of one collision, particle and muon: the stiffest), the value
            from which on every crossing is detected.
        floor: least probability; above 0.
        power: how fast the probability falls below the full values.
    """

    floor: float = Field(0.03, gt=0, le=1)
    power: float = Field(5.0, gt=0)


class SimulationConfig(Section):
    """The simulation; processes are those of docs/simulation.md.

    Attributes:
        pileup: mean number of inelastic collisions in a crossing.
        energy_tev: centre-of-mass energy.
        seed: seed of everything.
        background: events of each process of the weighted zero bias; all QCD slices and minimum bias are needed.
        signals: events of each signal.
        pool: minimum-bias collisions that pile-up is drawn from.
        pool_serves: crossings that draw from one pool before a fresh one takes over; None for one pool for all.
        enhanced_bias: which crossings of the background are kept; None for all.
        preselection: which crossings of the background are detected at all; None for all.
        shared: by process, crossings that one hard collision is laid into, each with its own pile-up (at most 64).
        batch: events of a batch; a run that was stopped continues after the last whole batch.
        multiparton: whether hard collisions have multiparton interactions (else two soft collisions are overlaid).
        tau_spin: whether tau decays keep their spin correlations (slow).
        menu_khz: total rate the Level-1 menu is tuned to, or None for its thresholds as they are.
        crossing_khz: rate of bunch crossings.
        formats: file formats to write beside the dataset.
        processes: how many run at once, or None for all cores.
    """

    pileup: float = Field(60.0, gt=0, le=300)
    energy_tev: float = Field(13.6, gt=1, le=100)
    seed: int = Field(1, ge=0)
    background: dict[str, _Events] = Field(
        default_factory=lambda: {
            "minbias": 60_000,
            "qcd1": 12_000,
            "qcd2": 9_000,
            "qcd3": 6_000,
            "qcd4": 4_500,
            "qcd5": 3_000,
            "qcd6": 1_500,
            "qcd7": 1_000,
            "w_lnu": 5_000,
            "z_ll": 3_000,
            "tt": 1_500,
        }
    )
    signals: dict[str, _Events] = Field(
        default_factory=lambda: {"ztautau": 5_000, "ttbar": 5_000, "hh_bbtautau": 5_000, "a_4l": 5_000}
    )
    pool: int = Field(16_000, ge=100)
    pool_serves: int | None = Field(None, ge=1_000)
    enhanced_bias: EnhancedBiasConfig | None = None
    preselection: PreselectionConfig | None = None
    shared: dict[str, Annotated[int, Field(ge=1, le=64)]] = Field(default_factory=dict)
    batch: int = Field(2_000, ge=1)
    multiparton: bool = False
    tau_spin: bool = False
    menu_khz: float | None = Field(None, gt=0)
    crossing_khz: float = Field(28_607.0, gt=0)
    formats: tuple[Literal["gelato", "fortymhz", "nanoaod", "cicada"], ...] = Field((), strict=False)
    processes: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _whole_zero_bias(self) -> SimulationConfig:
        wanted = {"minbias", *(f"qcd{i}" for i in range(1, 8))}
        missing = sorted(wanted - set(self.background))
        if self.background and missing:
            raise ValueError(
                f"background needs minimum bias and every QCD slice for its weights; {', '.join(missing)} are missing"
            )
        return self
