"""Measure the data path: preparing against the libraries' own reading, memory at ten times the size, and simulation speed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from l1ad.core.errors import ToolFailedError
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.data.nanoaod_writer import NanoAodWriter
from l1ad.data.readers.fortymhz import FortyMhzWriter

#: What issue 6 of the project asks for.
TARGETS = {
    "hdf5_ratio": 1.5,
    "root_ratio": 1.5,
    "peak_mb": 1500.0,
    "zero_bias_minutes_per_million": 10.0,
    "hard_minutes_per_50k": 6.0,
}
#: A million weighted zero-bias events: those of configs/zero_bias_1m.yaml.
MILLION = {
    "minbias": 920_000,
    "qcd1": 16_000,
    "qcd2": 14_000,
    "qcd3": 11_000,
    "qcd4": 8_000,
    "qcd5": 6_000,
    "qcd6": 3_000,
    "qcd7": 2_000,
    "w_lnu": 10_000,
    "z_ll": 6_000,
    "tt": 4_000,
}
_BLOCK = 20_000

#: Runs one call in its own process and says how long it took, by the clock and in processor time of all its threads, and how much memory
#: the process had at most.
_MEASURE = """
import json, resource, sys, time
from l1ad.benchmarks import data
call = getattr(data, sys.argv[1])
call(sys.argv[2], 1, sys.argv[3])
began, worked = time.perf_counter(), time.process_time()
call(sys.argv[2], None, sys.argv[3])
taken = {"s": time.perf_counter() - began, "cpu_s": time.process_time() - worked}
print(json.dumps(taken | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def run(*, n_events: int = 200_000, simulated: int = 2_000, repeats: int = 3) -> dict[str, Any]:
    """Measure reading, preparing and simulating.

    Args:
        n_events: events of the files read; the large ones have ten times as many.
        simulated: events to simulate of zero bias and of hard processes; 0 leaves simulation out.
        repeats: how often each time is taken, reading and preparing in turn; the median counts.

    Returns:
        Seconds by the clock and of the processor (which other work on the machine hardly changes), ratios and memory, each beside its target.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "hdf5": _format(Path(folder), "hdf5", _write_hdf5, ("read_hdf5", "prepare_hdf5"), n_events, repeats),
            "root": _format(Path(folder), "root", _write_root, ("read_root", "prepare_root"), n_events, repeats),
        }
        if simulated:
            results["simulation"] = simulation(simulated)
    return results | {"targets": TARGETS}


def _format(
    folder: Path, name: str, write: Callable[[Path, int], None], calls: tuple[str, str], n_events: int, repeats: int
) -> dict[str, Any]:
    small, large = folder / f"small.{name}", folder / f"large.{name}"
    write(small, n_events)
    write(large, 10 * n_events)
    pairs = [[_measure(call, small) for call in calls] for _ in range(repeats)]
    read_s, prepare_s = (median(pair[i]["s"] for pair in pairs) for i in range(2))
    read_cpu_s, prepare_cpu_s = (median(pair[i]["cpu_s"] for pair in pairs) for i in range(2))
    big_read, big = (_measure(call, large) for call in calls)
    large.unlink()
    return {
        "n_events": n_events,
        "read_s": read_s,
        "prepare_s": prepare_s,
        "ratio": prepare_s / read_s,
        "read_cpu_s": read_cpu_s,
        "prepare_cpu_s": prepare_cpu_s,
        "cpu_ratio": prepare_cpu_s / read_cpu_s,
        "ratio_ten_times": big["s"] / big_read["s"],
        "cpu_ratio_ten_times": big["cpu_s"] / big_read["cpu_s"],
        "peak_mb": max(pair[1]["peak_mb"] for pair in pairs),
        "peak_mb_ten_times": big["peak_mb"],
        "events_per_s": n_events / prepare_s,
    }


def _measure(call: str, path: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:  # removing what was written is not part of the time
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, call, str(path), folder], capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise ToolFailedError(f"Measuring {call!r} failed: {done.stderr.strip().splitlines()[-1:]}.")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def read_hdf5(path: str, limit: int | None, folder: str) -> None:
    """Read the columns that preparing needs with h5py alone."""
    import h5py

    with h5py.File(path) as file:
        particles = file["Particles"]
        step = particles.chunks[0]
        for first in range(0, limit or len(particles), step):
            particles[first : first + step]
            for name in ("EvtId", "RunId", "EventWeight"):
                file[name][first : first + step]


def read_root(path: str, limit: int | None, folder: str) -> None:
    """Read the branches that preparing needs with uproot alone."""
    import uproot

    names = [f"L1{stem}_{value}" for stem in ("Jet", "EG", "Mu") for value in ("hwPt", "hwEta", "hwPhi", "bx")]
    names += ["L1EtSum_hwPt", "L1EtSum_hwPhi", "L1EtSum_bx", "L1EtSum_etSumType", "run", "event", "genWeight", "Pileup_nTrueInt"]
    with uproot.open(path) as file:
        for _ in file["Events"].iterate(names, step_size=65_536, entry_stop=limit, library="ak"):
            pass


def prepare_hdf5(path: str, limit: int | None, folder: str) -> None:
    """Prepare a file of the 40 MHz form."""
    _prepare(path, "fortymhz57", limit, folder)


def prepare_root(path: str, limit: int | None, folder: str) -> None:
    """Prepare a NanoAOD-like file."""
    _prepare(path, "axol1tl57", limit, folder)


def _prepare(path: str, layout: str, limit: int | None, folder: str) -> None:
    from l1ad.config import parse_config
    from l1ad.stages.prepare import prepare

    text = f"""
name: bench{limit or ""}
layout: {layout}
runs: {folder}
data: {{background: {{zb: {path}}}, max_events: {limit or "null"}}}
model: {{kind: vae}}
score: {{kind: latent_l2}}
"""
    prepare(parse_config(text, "bench", Path(folder)))


def _write_hdf5(path: Path, n_events: int) -> None:
    layout = load_layout("fortymhz57")
    with FortyMhzWriter(path, layout) as writer:
        for first in range(0, n_events, _BLOCK):
            size = min(_BLOCK, n_events - first)
            writer.append(
                _counts(layout, size, first), {k: v for k, v in _columns(size, first).items() if k not in ("pileup", "menu")}
            )


def _write_root(path: Path, n_events: int) -> None:
    layout = load_layout("axol1tl57")
    with NanoAodWriter(path) as writer:
        for first in range(0, n_events, _BLOCK):
            size = min(_BLOCK, n_events - first)
            writer.append(_counts(layout, size, first), _columns(size, first))


def _columns(size: int, first: int) -> dict[str, Any]:
    return {
        "run": np.ones(size, dtype=np.int64),
        "event": first + np.arange(size),
        "weight": np.ones(size, dtype=np.float32),
        "pileup": np.full(size, 50.0, dtype=np.float32),
        "menu": np.zeros(size, dtype=np.uint64),
    }


def _counts(layout: ObjectLayout, size: int, seed: int) -> dict[str, Any]:
    """Draw objects as often as zero bias has them, with falling spectra."""
    rng = np.random.default_rng(seed)
    mean = {"met": 50.0, "jet": 3.0, "muon": 0.1, "electron": 0.5, "eg": 0.5}
    counts = {}
    for slot in layout.slots:
        number = (size, slot.multiplicity)
        there = np.arange(slot.multiplicity) < rng.poisson(mean[slot.kind], size)[:, None]
        energy = np.minimum(2 + rng.exponential(40, number).astype(np.int64), slot.types[0].max_int)
        period = slot.phi_period or 1
        eta = rng.integers(-50, 51, number) if slot.kind != "met" else np.zeros(number, dtype=np.int64)
        counts[slot.kind] = (
            np.stack([-np.sort(-energy, axis=1), eta, rng.integers(0, period, number)], axis=2) * there[:, :, None]
        )
    return counts


def simulation(n_events: int) -> dict[str, Any]:
    """Time batches in this process, after compiling; two processes do twice as much, which the minutes take for granted.

    Args:
        n_events: minimum-bias and top events; of every other process a quarter.

    Returns:
        Events per second and core of weighted zero bias and of top pairs, and the minutes that a million (`MILLION`) and 50 000 take on
        two cores.
    """
    from l1ad.simulation.production import Plan, make_pool, simulate_batch

    plan = Plan(events={}, pool=2_000, pileup=50.0)
    pool = make_pool(plan)
    simulate_batch(plan, _task("minbias", 2), pool)
    seconds = {}
    for process in MILLION:
        number = n_events if process in ("minbias", "tt") else max(n_events // 4, 1)
        began = time.perf_counter()
        simulate_batch(plan, _task(process, number), pool)
        seconds[process] = (time.perf_counter() - began) / number
    zero_bias_s, top_s = sum(MILLION[process] * each for process, each in seconds.items()), 50_000 * seconds["tt"]
    return {
        "n_events": n_events,
        "pileup": plan.pileup,
        "cores": 2,
        "events_per_s_and_core": {process: 1.0 / each for process, each in seconds.items()},
        "zero_bias_events_per_s_and_core": sum(MILLION.values()) / zero_bias_s,
        "zero_bias_minutes_per_million": zero_bias_s / 2 / 60,
        "hard_events_per_s_and_core": 1.0 / seconds["tt"],
        "hard_minutes_per_50k": top_s / 2 / 60,
    }


def _task(process: str, n_events: int) -> Any:
    from l1ad.simulation.production import Task

    return Task(process, 0, n_events)
