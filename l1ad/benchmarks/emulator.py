"""Measure the emulator: throughput, one event per call, growth and memory, and the peers on the same network in the same run."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.benchmarks.networks import bench_events, bench_network
from l1ad.benchmarks.timing import timed, timed_in_turns
from l1ad.core.errors import MismatchError
from l1ad.core.network import Network, Score
from l1ad.emulator.kernel import Emulator
from l1ad.spec import reference
from l1ad.toolchain import GXX, FoundTool, Tool, require
from l1ad.toolchain import run as run_tool

#: What the project promises on two cores; of one thread with AVX2, half of it.
TARGETS = {"encoder": 40e6, "encoder_avx2": 12.5e6, "autoencoder": 10e6, "hls4ml": 1000.0, "alkaid": 50.0, "single_us": 2.0}
#: Events of one timed call: a few milliseconds, so that some run falls between the machine's other work.
BATCH = 1 << 15
#: Events of one call where several emulators take turns.
SHORT_BATCH = 1 << 12
#: Events of one call when the growth is measured, as 'l1ad score' makes them: few calls, so that few wait for a preempted thread.
GROWTH_BATCH = 1 << 19
SIZES = (1_000_000, 4_000_000, 16_000_000)

CALLS = """
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <vector>
extern "C" int l1ad_score_int16(const int16_t*, int64_t, int64_t*, int);
int main() {
  const long columns = COLUMNS, rows = 1000;
  std::vector<int16_t> x(columns * rows);
  FILE* file = std::fopen("events.bin", "rb");
  if (!file || std::fread(x.data(), 2, x.size(), file) != x.size()) return 2;
  int64_t score, sum = 0;
  double best = 1e30;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const auto began = std::chrono::steady_clock::now();
    for (long i = 0; i < rows; ++i) {
      l1ad_score_int16(x.data() + i * columns, 1, &score, 1);
      sum += score;
    }
    const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / rows;
    best = ns < best ? ns : best;
  }
  std::printf("%.1f %lld", best, (long long)sum);
}
"""


def run(
    *, seconds: float = 1.0, peers: bool = True, sizes: tuple[int, ...] = SIZES, march: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Measure everything, or the throughput with certain instructions.

    Args:
        seconds: how long each throughput is measured.
        peers: whether hls4ml and alkaid are measured too (a minute of compiling and tracing).
        sizes: numbers of events whose time and memory show the growth.
        march: instructions, as ``Emulator`` takes them: then only the throughput with each of these is measured, in turns.

    Returns:
        Rows of figures with their targets and the instructions used, the growth, and what the machine is.

    Raises:
        MismatchError: an implementation gives another score: nothing is measured that is wrong.
        ConfigError: the machine does not have the instructions asked for.
        ToolMissingError: there is no C++ compiler.
    """
    encoder = bench_network("l1topo44", (32, 16, 3), Score.LATENT_L2)
    autoencoder = bench_network("gelato60", (32, 16, 3, 16, 32, 60), Score.MASKED_MSE)
    if march:
        rows = [row for network in (encoder, autoencoder) for row in by_instructions(network, march, seconds)]
        return {"rows": rows, "machine": {"cores": os.cpu_count()}, "batch": SHORT_BATCH}
    rows = [_throughput("encoder", encoder, seconds), _throughput("autoencoder", autoencoder, seconds), _single(encoder)]
    if peers:
        rows += _peers(encoder, rows[0]["value"], seconds)
    return {"rows": rows, "growth": growth(encoder, sizes), "machine": {"cores": os.cpu_count()}, "batch": BATCH}


def _row(what: str, value: float, unit: str, target: float, *, at_most: bool = False, **more: Any) -> dict[str, Any]:
    met = value <= target if at_most else value >= target
    return {"what": what, "value": value, "unit": unit, "target": target, "met": met, **more}


def _throughput(name: str, network: Network, seconds: float) -> dict[str, Any]:
    x = bench_events(network.layout, BATCH)
    both, one = Emulator(network), Emulator(network, threads=1)
    _check(network, x[:2000], both.scores)
    timing, single = timed(lambda: both.scores(x), seconds=seconds), timed(lambda: one.scores(x), seconds=seconds / 2)
    what = f"emulator, {network.shape} with {network.score.kind.value}"
    return _row(
        what,
        timing.rate(BATCH),
        "events/s",
        TARGETS[name],
        median=timing.median_rate(BATCH),
        one_thread=single.rate(BATCH),
        repeats=timing.repeats,
        instructions=both.instructions,
    )


def by_instructions(network: Network, march: tuple[str, ...], seconds: float) -> list[dict[str, Any]]:
    """Measure the throughput of one network with several choices of instructions, of one thread.

    They take turns in batches of less than a millisecond, so that what else the machine does falls on all of them.

    Args:
        network: the network.
        march: the choices.
        seconds: how long each is measured.
    """
    x = bench_events(network.layout, SHORT_BATCH)
    emulators = [Emulator(network, threads=1, march=one) for one in march]
    for emulator in emulators:
        _check(network, x[:2000], emulator.scores)
    timings = timed_in_turns([functools.partial(emulator.scores, x) for emulator in emulators], seconds=seconds)
    what = f"one thread, {network.shape} with {network.score.kind.value}"
    rows = []
    for one, emulator, timing in zip(march, emulators, timings, strict=True):
        target = TARGETS["encoder_avx2"] if emulator.instructions == "AVX2" and network.score.kind is Score.LATENT_L2 else None
        rate = timing.rate(len(x))
        more = {"target": target, "met": None if target is None else rate >= target}
        rows.append(
            {"what": what, "march": one, "instructions": emulator.instructions, "value": rate, "unit": "events/s", **more}
        )
    return rows


def _check(network: Network, x_hw: NDArray[Any], scores: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    wrong = int(np.count_nonzero(scores(x_hw) != reference.scores(network, x_hw)))
    if wrong:
        raise MismatchError(
            f"A measured implementation differs from the specification in {wrong} of {len(x_hw)} events; run 'l1ad verify'."
        )


def _single(network: Network) -> dict[str, Any]:
    """Time one event per call from C++."""
    emulator = Emulator(network, threads=1)
    with tempfile.TemporaryDirectory(prefix="l1ad_bench_") as text:
        folder = Path(text)
        bench_events(network.layout, 1000).astype(np.int16).tofile(folder / "events.bin")
        (folder / "calls.cpp").write_text(CALLS.replace("COLUMNS", str(network.n_inputs)), encoding="utf-8")
        linked = [str(emulator.path), f"-Wl,-rpath,{emulator.path.parent}"]
        run_tool(require(GXX), ["-O2", "-std=c++17", "calls.cpp", "-o", "calls", *linked], cwd=folder, log=folder / "compile.log")
        nanoseconds = float(_output(folder / "calls", folder).split()[0])
    return _row("one event per call from C++", nanoseconds / 1000, "us", TARGETS["single_us"], at_most=True)


def _output(program: Path, folder: Path) -> str:
    found = FoundTool(Tool("calls", (program.name,), (), "time calls", ""), program, (str(program),))
    return run_tool(found, [], cwd=folder, log=folder / "calls.log", step="Timing single calls").text()


def _peers(network: Network, own: float, seconds: float) -> list[dict[str, Any]]:
    hls4ml, alkaid = hls4ml_rate(network, seconds), alkaid_rate(network, seconds)
    return [
        _row("emulator over hls4ml predict", own / hls4ml, "times", TARGETS["hls4ml"], peer=hls4ml),
        _row("emulator over alkaid's interpreter", own / alkaid, "times", TARGETS["alkaid"], peer=alkaid),
    ]


def hls4ml_rate(network: Network, seconds: float) -> float:
    """Measure hls4ml's ``predict`` on the network without its score, in events per second.

    Args:
        network: the network.
        seconds: how long.
    """
    x_hw = bench_events(network.layout, 4096)
    scaled = network.scaling.apply_float(network.layout, np.asarray(x_hw, dtype=np.int64))
    x = np.ascontiguousarray(network.scaling.type.quantise(scaled), dtype=np.float32)
    wanted = reference.evaluate(network, x_hw)[f"{network.layers[-1].name}.output"]
    with tempfile.TemporaryDirectory(prefix="l1ad_bench_") as folder, _quiet():
        model = _hls4ml_model(network, Path(folder))
        got = np.rint(np.ldexp(np.asarray(model.predict(x), dtype=np.float64), network.layers[-1].output.fractional))
        _require_equal("hls4ml", got, wanted)
        return timed(lambda: model.predict(x), seconds=seconds).rate(len(x))


def _hls4ml_model(network: Network, folder: Path) -> Any:
    from l1ad.qkeras.build import build_qkeras
    from l1ad.qkeras.runtime import tensorflow

    tensorflow()
    import hls4ml

    keras = build_qkeras(network)
    config = hls4ml.utils.config_from_keras_model(keras, granularity="name", backend="Vitis")
    config["LayerName"]["entry"]["Precision"]["result"] = str(network.scaling.type)
    model = hls4ml.converters.convert_from_keras_model(
        keras, output_dir=str(folder), backend="Vitis", hls_config=config, io_type="io_parallel", bit_exact=True
    )
    model.compile()
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what hls4ml prints, and its warnings about Keras, from the user."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def alkaid_rate(network: Network, seconds: float) -> float:
    """Measure alkaid's interpreter on the network with its score, all threads, in events per second.

    Only the interpreter's own calls count, not the shuffling of arrays between the modules.

    Args:
        network: the network.
        seconds: how long.
    """
    from l1ad.rtl.trace import trace_network

    design = trace_network(network)
    x_hw = bench_events(network.layout, 8192)
    values = {port: np.asarray(x_hw[:, i], dtype=np.float64) for i, port in enumerate(network.layout.ports)}
    total = 0.0
    for stage in design.stages:
        data = np.stack([values[net.name] for net in stage.inputs], axis=1)
        out = stage.logic.predict(data)
        values |= {net.name: out[:, i] for i, net in enumerate(stage.outputs)}
        total += timed(functools.partial(stage.logic.predict, data), seconds=seconds / len(design.stages)).best_s
    got = np.rint(np.ldexp(values["score"], network.score.total.fractional))
    _require_equal("alkaid", got, reference.scores(network, x_hw))
    return len(x_hw) / total


def _require_equal(peer: str, got: NDArray[Any], wanted: NDArray[Any]) -> None:
    wrong = int(np.count_nonzero(got.reshape(wanted.shape) != wanted))
    if wrong:
        raise MismatchError(
            f"{peer} gives {wrong} of {wanted.size} other values than the specification; its speed would mean nothing."
        )


def growth(network: Network, sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """Score three numbers of events in batches; give the time, and the memory that the process took more.

    Args:
        network: the network.
        sizes: numbers of events.
    """
    import psutil

    process = psutil.Process()
    emulator = Emulator(network)
    x = bench_events(network.layout, GROWTH_BATCH)
    emulator.scores(x)
    rows = []
    for size in sizes:
        before = process.memory_info().rss
        most, began = before, time.perf_counter()
        for start in range(0, size, GROWTH_BATCH):
            emulator.scores(x[: min(GROWTH_BATCH, size - start)])
            most = max(most, process.memory_info().rss)
        spent = time.perf_counter() - began
        rows.append({"events": size, "seconds": spent, "events_per_s": size / spent, "more_memory_mb": (most - before) / 2**20})
    return rows
