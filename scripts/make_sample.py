"""Make the sample that the repository ships: Pythia 8 zero bias and signals in both HDF5 layouts.

    python scripts/make_sample.py [--work FOLDER] [--out data/sample] [--scale 1.0]

Batches go to the work folder; a run that was stopped continues there. Takes about ten minutes on two cores.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from l1ad.simulation import export
from l1ad.simulation.enhanced_bias import EnhancedBias
from l1ad.simulation.preselection import PARTICLE_QUANTITIES
from l1ad.simulation.processes import MINIMUM_BIAS, QCD_SLICES
from l1ad.simulation.production import Plan, produce

#: Crossings; where a collision is shared, it is laid into so many of them.
BACKGROUND = {
    MINIMUM_BIAS: 5_312_000,
    **dict(zip(QCD_SLICES, (2_700_000, 1_300_000, 360_000, 100_000, 32_000, 12_000, 4_000), strict=True)),
    "w_lnu": 12_000,
    "z_ll": 8_000,
    "tt": 2_000,
}
SHARED = {"qcd1": 45, "qcd2": 13, "qcd3": 4, "qcd4": 2}
#: Which crossings are worth the detector's time, and which of the detected ones are kept.
PRESELECTION = EnhancedBias(
    {"met": 70.0, "ht": 560.0, "collision": 105.0, "particle": 22.0, "muon": 8.0},
    floor=0.03,
    power=5.0,
    known=PARTICLE_QUANTITIES,
)
ENHANCED = EnhancedBias(
    {"jet": 95.0, "jet4": 42.0, "tau": 75.0, "muon": 13.0, "muon2": 6.0, "met": 68.0, "ht": 360.0, "sum_pt": 540.0},
    floor=0.03,
    power=8.0,
)
POOL = 60_000
SIGNALS = {
    "ztautau": 6_000,
    "ttbar": 5_000,
    "hh_bbtautau": 5_000,
    "a_4l": 6_000,
    "h0_tautau": 2_000,
    "lq_btau": 2_000,
    "hpm_taunu": 2_000,
}
#: Calorimeter energies of the GELATO files are in steps of half a GeV, to keep the files small.
STEP_GEV = 0.5
WRITERS = {"gelato": partial(export.write_gelato, step_gev=STEP_GEV), "fortymhz": export.write_fortymhz}


def main() -> None:
    """Produce what is missing, then write all files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/sample_work"), help="where batches are kept")
    parser.add_argument("--out", type=Path, default=Path("data/sample"), help="where the files go")
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of the events to make")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    events = {name: max(int(number * options.scale), 1) for name, number in (BACKGROUND | SIGNALS).items()}
    plan = Plan(
        events=events,
        pool=max(int(POOL * options.scale), 2_000),
        shared=SHARED,
        preselection=PRESELECTION,
        enhanced=ENHANCED,
    )
    produce(plan, options.work, options.processes)
    options.out.mkdir(parents=True, exist_ok=True)
    write(plan, options.work, options.out)


def write(plan: Plan, work: Path, out: Path) -> None:
    """Write every sample in every layout."""
    samples = {"background": export.zero_bias(plan, work, tuple(BACKGROUND))}
    samples |= {name: export.signal(plan, work, name) for name in SIGNALS}
    for name, sample in samples.items():
        for layout, writer in WRITERS.items():
            path = out / f"{layout}_{name}.h5"
            writer(path, sample)
            print(f"{path}: {sample.n_events} events, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
