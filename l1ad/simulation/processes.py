"""List the physics processes that can be generated, with the Pythia 8 settings of each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ConfigError, nearest

MINIMUM_BIAS = "minbias"

_HADRONIC_TAU = ("15:offIfAny = 11 13",)
_DIHIGGS = (
    "Higgs:useBSM = on",
    "HiggsBSM:gg2H2 = on",
    "35:m0 = 400.",
    "35:mMin = 255.",
    "35:mMax = 1000.",
    "35:doForceWidth = on",
    "35:mWidth = 80.",
    "25:m0 = 125.",
)
# A second h of the same mass lets one decay to b quarks and the other to taus without rejecting events.
_SECOND_HIGGS = (
    "45:new = hbb void 1 0 0 125.0 0.004 124.5 125.5 0.0",
    "45:isResonance = true",
    "45:addChannel = 1 1.0 100 5 -5",
)


@dataclass(frozen=True, slots=True)
class Process:
    """Describe one process.

    Attributes:
        name: short name, used for samples and files.
        description: what it is, with masses.
        settings: Pythia 8 settings, one statement each.
        run_number: run number its events get, unique per process.
        background: whether it is part of zero bias.
        pthat_gev: range of the hard scatter's transverse momentum for a slice, else None.
        source: where masses and cuts come from.
    """

    name: str
    description: str
    settings: tuple[str, ...]
    run_number: int
    background: bool = False
    pthat_gev: tuple[float, float] | None = None
    source: str = ""


def _qcd(index: int, low: float, high: float) -> Process:
    limit = () if high == float("inf") else (f"PhaseSpace:pTHatMax = {high:g}",)
    return Process(
        name=f"qcd{index}",
        description=f"QCD 2 to 2, pT-hat {low:g} to {high:g} GeV",
        settings=("HardQCD:all = on", f"PhaseSpace:pTHatMin = {low:g}", *limit),
        run_number=100 + index,
        background=True,
        pthat_gev=(low, high),
    )


QCD_EDGES_GEV = (20.0, 30.0, 45.0, 70.0, 110.0, 180.0, 350.0, float("inf"))
_PUBLISHED = "40 MHz data set, arXiv:2107.02157, section 'Physics content'"
_OWN = "own choice, not a published sample"

_BACKGROUNDS = (
    Process(MINIMUM_BIAS, "inelastic proton collisions", ("SoftQCD:inelastic = on",), 100, background=True),
    *(_qcd(i + 1, low, high) for i, (low, high) in enumerate(pairwise(QCD_EDGES_GEV))),
    Process(
        "w_lnu",
        "W to e, µ or τ and neutrino",
        ("WeakSingleBoson:ffbar2W = on", "24:onMode = off", "24:onIfAny = 11 13 15"),
        120,
        background=True,
    ),
    Process(
        "z_ll",
        "Z/γ* (m > 20 GeV) to e, µ or τ pairs",
        ("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 11 13 15", "PhaseSpace:mHatMin = 20."),
        121,
        background=True,
    ),
    Process("tt", "tt̄, all decays", ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on"), 122, background=True),
)

_SIGNALS = (
    Process(
        "ztautau",
        "Z/γ* (m > 60 GeV) to τ pairs, all τ decays",
        ("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 15", "PhaseSpace:mHatMin = 60."),
        201,
        source=_OWN,
    ),
    Process("ttbar", "tt̄, all decays", ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on"), 202, source=_OWN),
    Process(
        "hh_bbtautau",
        "HH to bb̄ττ, both τ hadronic, through a 400 GeV scalar of 80 GeV width",
        (
            *_DIHIGGS,
            *_SECOND_HIGGS,
            "35:addChannel = 1 0.5 100 25 45",
            "35:onMode = off",
            "35:onIfMatch = 25 45",
            "25:onMode = off",
            "25:onIfAny = 15",
            *_HADRONIC_TAU,
        ),
        203,
        source=_OWN,
    ),
    Process(
        "hh_4b",
        "HH to 4 b, through a 400 GeV scalar of 80 GeV width",
        (*_DIHIGGS, "35:onMode = off", "35:onIfMatch = 25 25", "25:onMode = off", "25:onIfAny = 5"),
        204,
        source=_OWN,
    ),
    Process(
        "zz_4l",
        "ZZ/γ* (m > 12 GeV each) to e and µ pairs",
        ("WeakDoubleBoson:ffbar2gmZgmZ = on", "23:mMin = 12.", "23:onMode = off", "23:onIfAny = 11 13"),
        205,
        source=_OWN,
    ),
    Process(
        "a_4l",
        "A of 50 GeV to two off-shell Z, each to an e or µ pair",
        (
            "HiggsSM:gg2H = on",
            "25:m0 = 50.",
            "25:onMode = off",
            "25:onIfMatch = 23 23",
            "23:mMin = 1.",
            "23:onMode = off",
            "23:onIfAny = 11 13",
        ),
        206,
        source=_PUBLISHED,
    ),
    Process(
        "lq_btau",
        "pair of leptoquarks of 80 GeV, each to b τ",
        (
            "LeptoQuark:gg2LQLQbar = on",
            "LeptoQuark:qqbar2LQLQbar = on",
            "42:0:products = 5 -15",
            "42:m0 = 80.",
            "42:mMin = 60.",
            "42:mMax = 100.",
        ),
        207,
        source=_PUBLISHED,
    ),
    Process(
        "h0_tautau",
        "scalar h0 of 60 GeV to τ pairs",
        ("HiggsSM:gg2H = on", "25:m0 = 60.", "25:onMode = off", "25:onIfAny = 15"),
        208,
        source=_PUBLISHED,
    ),
    Process(
        "hpm_taunu",
        "charged scalar of 60 GeV to τ and neutrino",
        ("Higgs:useBSM = on", "HiggsBSM:ffbar2H+- = on", "37:m0 = 60.", "37:onMode = off", "37:onIfAny = 15"),
        209,
        source=_PUBLISHED,
    ),
)

PROCESSES = {process.name: process for process in (*_BACKGROUNDS, *_SIGNALS)}
SIGNALS = tuple(process.name for process in _SIGNALS)
QCD_SLICES = tuple(process.name for process in _BACKGROUNDS if process.pthat_gev is not None)


def find_process(name: str) -> Process:
    """Find a process by its name.

    Raises:
        ConfigError: there is no such process.
    """
    if name not in PROCESSES:
        raise ConfigError(f"There is no process {name!r}; {nearest(name, PROCESSES)}")
    return PROCESSES[name]


def are_processes(runs: NDArray[Any]) -> bool:
    """Return whether run numbers are those that simulated processes get, so that they are not runs of a machine."""
    return set(np.unique(runs).tolist()) <= {process.run_number for process in PROCESSES.values()}
