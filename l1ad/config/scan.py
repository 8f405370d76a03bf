"""Describe the scan: the space of networks, how it is searched, and what is asked of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from l1ad.config.base import Section

Width = Annotated[int, Field(ge=1)]
Part = Annotated[float, Field(ge=0, lt=1)]
Shape = Annotated[tuple[Width, ...], Field(strict=False, min_length=1)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
#: What a trial can be judged by, and whether more of it is better.
OBJECTIVES = {"efficiency": True, "lut": False, "latency_ns": False}


class ScanSpaceConfig(Section):
    """From what the scan proposes networks; a key left out is filled in from layout and configuration, see docs/scan.md.

    Attributes:
        hidden: choices for the widths of the hidden layers, each a list.
        latent: choices for the number of outputs, for scores of more than one.
        weight_bits: choices for the width of all weights.
        weight_digits: choices for the most signed digits of a weight; 0 for any number.
        activation_bits: choices for the width of hidden outputs.
        output_bits: choices for the width of the last layer's output.
        input_bits: choices for the width of the input type, where inputs have no minifloat codes.
        mantissa_bits: choices for the mantissa of pT's minifloat code; the input type follows.
        octaves: choices for the octaves of that code; the input type follows.
        leave_out: choices for the columns that are not read, each a list of names such as ``eta`` or ``jet.phi``.
        sparsity: smallest and largest part of the weights that is pruned.
        teacher: choices for what the networks learn from.
        beta: smallest and largest weight of the Kullback-Leibler term, where networks or teachers are variational.
        learning_rate: smallest and largest.
    """

    hidden: tuple[Shape, ...] | None = Field(None, strict=False, min_length=1)
    latent: tuple[Width, ...] | None = Field(None, strict=False, min_length=1)
    weight_bits: tuple[Width, ...] | None = Field(None, strict=False, min_length=1)
    weight_digits: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(None, strict=False, min_length=1)
    activation_bits: tuple[Width, ...] | None = Field(None, strict=False, min_length=1)
    output_bits: tuple[Width, ...] | None = Field(None, strict=False, min_length=1)
    input_bits: tuple[Width, ...] | None = Field(None, strict=False, min_length=1)
    mantissa_bits: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(None, strict=False, min_length=1)
    octaves: tuple[Width, ...] | None = Field(None, strict=False, min_length=1)
    leave_out: tuple[Names, ...] | None = Field(None, strict=False, min_length=1)
    sparsity: tuple[Part, Part] | None = Field(None, strict=False)
    teacher: tuple[Literal["rarity", "ensemble"], ...] | None = Field(None, strict=False, min_length=1)
    beta: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = Field(None, strict=False)
    learning_rate: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = Field(None, strict=False)

    @model_validator(mode="after")
    def _ordered(self) -> ScanSpaceConfig:
        for name in type(self).model_fields:
            values = getattr(self, name)
            if name in INTERVALS and values is not None and values[0] > values[1]:
                raise ValueError(f"{name} needs a smallest and a largest value, got {values[0]:g} and {values[1]:g}")
            if name not in INTERVALS and values is not None and len(set(values)) < len(values):
                raise ValueError(f"{name} names a choice twice: {plain(values)!r}")
        return self


#: Keys that are a smallest and a largest value; all others are lists of choices. Of the first, those that are searched on a logarithmic scale.
INTERVALS = frozenset({"sparsity", "beta", "learning_rate"})
LOGARITHMIC = frozenset({"beta", "learning_rate"})


def plain(values: object) -> object:
    """Turn tuples into lists, as YAML writes them."""
    return [plain(one) for one in values] if isinstance(values, tuple) else values


class ScanConfig(Section):
    """How many networks are tried, how they are proposed and what is asked of them.

    Attributes:
        trials: how many networks are tried in all; more than were tried goes on.
        strategy: ``tuner`` models what was tried (Optuna's multi-objective TPE), ``random`` draws evenly, ``front`` changes one or two
            parameters of networks on the present front, ``shrink`` prunes these further and trains them again.
        objectives: what a front trades: of ``efficiency``, ``lut`` and ``latency_ns``, at least one.
        efficiency: of what: ``mixed``, events mixed from background, or ``signals``, the mean over the dataset's signals.
        fraction: background fraction of the working point; left out, that of 1 kHz, or the smallest that the data measure.
        seeds: networks of each trial; the efficiency is their median.
        candidates: quantised networks of each seed, of which one is kept, as ``training.candidates``.
        batch: trials that are proposed at a time, each from what was known before them all.
        startup: trials drawn evenly before the tuner begins.
        points: networks of the front that are synthesised, at most, and shown equal in every implementation; 0 for none.
        seed: decides everything that is drawn.
        storage: folder of the trials, relative to the configuration file; by default ``scan_trials`` in the run's folder.
        space: what is proposed from.
    """

    trials: int = Field(20, ge=1)
    strategy: Literal["tuner", "random", "front", "shrink"] = "tuner"
    objectives: tuple[Literal["efficiency", "lut", "latency_ns"], ...] = Field(
        ("efficiency", "lut", "latency_ns"), strict=False, min_length=1
    )
    efficiency: Literal["mixed", "signals"] = "mixed"
    fraction: float | None = Field(None, gt=0, lt=0.5)
    seeds: int = Field(2, ge=1, le=64)
    candidates: int = Field(1, ge=1, le=16)
    batch: int = Field(8, ge=1, le=256)
    startup: int = Field(16, ge=1)
    points: int = Field(16, ge=0)
    seed: int = Field(1, ge=0)
    storage: str | None = None
    space: ScanSpaceConfig = ScanSpaceConfig()

    @model_validator(mode="after")
    def _once(self) -> ScanConfig:
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"objectives names one twice: {list(self.objectives)!r}")
        return self
