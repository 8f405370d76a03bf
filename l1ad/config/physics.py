"""Describe rates, studies and search."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from l1ad.config.base import Section


class RatesConfig(Section):
    """Counting of rates.

    Attributes:
        bunches: filled bunches; each turns 11.245 kHz, and their crossings are the rate that all weights together stand for.
        crossing_khz: rate of bunch crossings instead of the bunches', e.g. 40000.
        target_khz: rates for which thresholds are derived, total and pure; left out, those of 0.1, 1 and 10 that the data resolve.
        background: which background events count: those kept for testing, or all, also those trained on.
        pileup_bins: number of bins of pile-up, of equal weight.
        run_bins: at most so many groups of consecutive runs, and of consecutive luminosity blocks.
        prescales: prescale table (CSV, XML or JSON) that says which seeds of the data veto in pure rates: those with prescale 1.
        prescale_column: name of the table's column, as ``2p0E34``.
        follow: what thresholds are made to follow besides, so that their rate does not: of ``met``, ``ht`` and ``multiplicity``; the chip
            takes a linear function of them, in integers, from the score.
        anomaly_seeds: names or patterns of the anomaly seeds themselves, which never veto.
    """

    bunches: int = Field(2544, ge=1, le=3564)
    crossing_khz: float | None = Field(None, gt=0)
    target_khz: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(None, strict=False, min_length=1)
    background: Literal["test", "all"] = "test"
    pileup_bins: int = Field(6, ge=2, le=50)
    run_bins: int = Field(20, ge=2, le=200)
    prescales: str | None = None
    prescale_column: str | None = None
    follow: tuple[Literal["met", "ht", "multiplicity"], ...] = Field((), strict=False)
    anomaly_seeds: tuple[str, ...] = Field(("L1_AXO*", "L1_CICADA*"), strict=False)

    @model_validator(mode="after")
    def _table_and_column(self) -> RatesConfig:
        if (self.prescales is None) != (self.prescale_column is None):
            raise ValueError("prescales and prescale_column go together: a table is read by the name of one of its columns")
        return self


class ShapeConfig(Section):
    """Name one network of the capacity study.

    Attributes:
        hidden: widths of the encoder's hidden layers.
        latent: width of the bottleneck.
    """

    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(strict=False)
    latent: int = Field(ge=1)


class SpaceConfig(Section):
    """Search space of the hyper-parameters.

    Attributes:
        latent: smallest and largest bottleneck.
        first_hidden: choices for the first hidden layer.
        second_hidden: choices for the second; 0 leaves it out.
        learning_rate: smallest and largest.
        beta: smallest and largest weight of the Kullback-Leibler term.
        epochs: smallest and largest number of epochs.
        extremes: whether the compression study first tries networks that are meant to fail.
    """

    latent: tuple[int, int] = Field((1, 12), strict=False)
    first_hidden: tuple[int, ...] = Field((8, 16, 32, 64), strict=False, min_length=1)
    second_hidden: tuple[int, ...] = Field((0, 8, 16, 32), strict=False, min_length=1)
    learning_rate: tuple[float, float] = Field((3e-4, 1e-2), strict=False)
    beta: tuple[float, float] = Field((0.05, 5.0), strict=False)
    epochs: tuple[int, int] = Field((2, 6), strict=False)
    extremes: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> SpaceConfig:
        for name in ("latent", "learning_rate", "beta", "epochs"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} needs a smallest and a largest value above 0, got {low:g} and {high:g}")
        return self


class StudiesConfig(Section):
    """Size of the studies.

    Attributes:
        seeds: trainings of the volatility study, and of each network that is compared with another one.
        recipe: recipe of trainings in studies, see ``training.recipe``; the volatility study compares both.
        epochs: float epochs of trainings in studies.
        events: background events that trainings in studies take at most.
        fpr: background fraction at which efficiencies are quoted beside the working point.
        rate_khz: the working point: rate, total and pure, at which networks are judged and the score is compared with cuts.
        displays: number of event displays.
        control_sample: what the control study trains on.
        shapes: networks of the capacity study.
        hlt_layout: layout of the software trigger's objects, for the domain study.
        subsets: background subsets for the stability of the latent representation.
        trials: trainings of the hyper-parameter search.
        space: what the search proposes from.
        seed: decides everything that is drawn.
    """

    seeds: int = Field(8, ge=2, le=64)
    recipe: Literal["plain", "robust"] = "plain"
    epochs: int = Field(6, ge=1)
    events: int = Field(40_000, ge=100)
    fpr: float = Field(1e-3, gt=0, lt=1)
    rate_khz: float = Field(1.0, gt=0)
    displays: int = Field(4, ge=1, le=20)
    control_sample: str = "ztautau"
    shapes: tuple[ShapeConfig, ...] = Field(
        (
            ShapeConfig(hidden=(32, 16), latent=3),
            ShapeConfig(hidden=(128, 64, 32), latent=3),
            ShapeConfig(hidden=(128, 64, 32), latent=8),
        ),
        strict=False,
        min_length=2,
    )
    hlt_layout: str = "hlt48"
    subsets: int = Field(5, ge=2, le=50)
    trials: int = Field(20, ge=2)
    space: SpaceConfig = SpaceConfig()
    seed: int = Field(1, ge=0)


def judged_by(rates: RatesConfig, studies: StudiesConfig) -> dict[str, Any]:
    """Return plain data of what decides where scores are judged: for the keys of stages that judge."""
    return {"rate_khz": studies.rate_khz, "fpr": studies.fpr, "rates": rates.plain()}
