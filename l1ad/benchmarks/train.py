"""Measure quantisation-aware training against stock ``model.fit`` on the same QKeras model, data and batch size, in one run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.benchmarks.networks import bench_events
from l1ad.config import parse_config
from l1ad.core.errors import MismatchError
from l1ad.core.fixed import FloatArray
from l1ad.core.layout import load_layout
from l1ad.core.network import Activation
from l1ad.qkeras.runtime import tensorflow
from l1ad.training.events import Events
from l1ad.training.loop import FitSettings, Runner, fit
from l1ad.training.losses import loss_spec
from l1ad.training.plan import Plan, chip_types, plan_model
from l1ad.training.preprocessing import choose_scaling
from l1ad.training.pruning import NO_PRUNING
from l1ad.training.state import Parameters, TrainingState, initial_parameters
from l1ad.training.steps import Graph

#: What the project promises on two cores.
TARGETS = {"ratio": 3.0, "million_s": 300.0}
BATCH = 1024
#: Relative difference of the two first losses that float32 sums in another order may give.
TOLERANCE = 1e-3

CONFIG = """
name: bench
layout: l1topo44
data: {background: {made: none.h5}}
model: {kind: ae, hidden: [32, 16], latent: 3, weight_integer: 1, bias_integer: 2, activation_integer: 3}
score: {kind: latent_l2, cyclic_phi: false}
training: {loss: mse, recipe: plain}
"""


def run(
    *, events: int = 131_072, rounds: int = 5, own_epochs: int = 4, full_events: int = 1_000_000, full_epochs: int = 20
) -> dict[str, Any]:
    """Measure both on the encoder 44-32-16-3, quantised, with its float decoder.

    Both compile first. Then, round by round, a few compiled epochs and one stock epoch take turns, so that what else the machine does
    falls on both; the median of the rounds is given with the smallest and the largest.

    Args:
        events: events of the comparison.
        rounds: how often the two take turns.
        own_epochs: compiled epochs of a round.
        full_events: events of the long training; 0 leaves it out.
        full_epochs: its epochs.

    Returns:
        Rows of figures with their targets, and what the machine is.

    Raises:
        MismatchError: the two compute another loss from the same weights: nothing is measured that is wrong.
    """
    graph, data = _problem(events)
    start = initial_parameters(graph.plan, (1,))
    stock_loss, stock_epoch = _stock(graph, data, start)
    own_loss = _first_loss(graph, data, start)
    if abs(stock_loss - own_loss) > TOLERANCE * stock_loss:
        raise MismatchError(
            f"Stock QKeras starts at a loss of {stock_loss:.6g}, the compiled epoch at {own_loss:.6g}; they must be one model."
        )
    pairs = _rounds(_own(graph, data, start, own_epochs), stock_epoch, rounds)
    own, stock = (events * n / np.array(seconds) for n, seconds in zip((own_epochs, 1), zip(*pairs, strict=True), strict=True))
    rows = [
        _row("compiled epochs, 44-32-16-3", own, "events/s", None),
        _row("stock model.fit, the same QKeras model", stock, "events/s", None),
        _row("compiled epochs over stock model.fit", own / stock, "times", TARGETS["ratio"]),
    ]
    if full_events:
        seconds = _long(full_events, full_epochs)
        what = f"{full_events} events x {full_epochs} epochs, compilation included"
        row = _row(what, np.array([seconds]), "s", TARGETS["million_s"])
        rows.append(row | {"met": seconds <= TARGETS["million_s"]})
    return {"rows": rows, "machine": {"cores": os.cpu_count()}, "batch": BATCH, "rounds": rounds}


def _rounds(own: Callable[[], None], stock: Callable[[], None], rounds: int) -> list[tuple[float, float]]:
    """Time the two in turns and return the seconds of each in every round."""
    pairs = []
    for _ in range(rounds):
        began = time.perf_counter()
        own()
        middle = time.perf_counter()
        stock()
        pairs.append((middle - began, time.perf_counter() - middle))
    return pairs


def _row(what: str, values: FloatArray, unit: str, target: float | None) -> dict[str, Any]:
    """Return the median of a figure's rounds with the smallest and the largest."""
    value = float(np.median(values))
    spread = {"low": float(values.min()), "high": float(values.max())}
    return {
        "what": what,
        "value": value,
        **spread,
        "unit": unit,
        "target": target,
        "met": None if target is None else value >= target,
    }


def _problem(events: int) -> tuple[Graph, Events]:
    config, layout = parse_config(CONFIG, "bench", Path()), load_layout("l1topo44")
    x_hw = bench_events(layout, events)
    data = Events(x_hw, np.ones(events))
    plan = plan_model(config, layout)
    choice = choose_scaling(config.scaling, plan.input_type, layout, x_hw, data.weight)
    loss = loss_spec(config.training, plan.score, False, layout, choice.scaling, choice.columns)
    return Graph(plan, loss, layout, choice.scaling, chip_types([plan]), 0.0), data


def _settings(epochs: int) -> FitSettings:
    return FitSettings(epochs, BATCH, 1e-3, False, (1,), NO_PRUNING, "benchmark")


def _first_loss(graph: Graph, data: Events, start: Parameters) -> float:
    """Compute the loss before training: a learning rate of almost nothing leaves the weights where they are."""
    few = Events(data.x_hw[:BATCH], data.weight[:BATCH])
    settings = FitSettings(1, BATCH, 1e-30, False, (1,), NO_PRUNING, "first loss")
    return fit(graph, few, few, settings, start).history["validation"][0][0]


def _own(graph: Graph, data: Events, start: Parameters, epochs: int) -> Callable[[], None]:
    """Compile, and give what trains some epochs; shuffling and the state's way in and out of TensorFlow are in it."""
    few = Events(data.x_hw[:BATCH], data.weight[:BATCH])
    runner = Runner(tensorflow(), graph, data, few, _settings(epochs))
    states = [runner.epoch(TrainingState.start(start), 0)]

    def train() -> None:
        for _ in range(epochs):
            states[0] = runner.epoch(states[0], states[0].epoch)

    return train


def _long(events: int, epochs: int) -> float:
    graph, data = _problem(events)
    began = time.perf_counter()
    fit(graph, data, Events(data.x_hw[:BATCH], data.weight[:BATCH]), _settings(epochs), initial_parameters(graph.plan, (1,)))
    return time.perf_counter() - began


def _stock(graph: Graph, data: Events, start: Parameters) -> tuple[float, Callable[[], None]]:
    """Return stock Keras' first loss and what trains one epoch; one has been trained, which compiles."""
    tf = tensorflow()
    scaled = graph.scaling.apply_float(graph.layout, np.asarray(data.x_hw, dtype=np.int64))
    x = graph.scaling.type.quantise(scaled).astype(np.float32)
    model = stock_model(graph.plan, start)
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3), loss="mse")
    loss = float(model.evaluate(x[:BATCH], x[:BATCH], batch_size=BATCH, verbose=0))

    def train() -> None:
        model.fit(x, x, batch_size=BATCH, epochs=1, verbose=0)

    train()
    return loss, train


def stock_model(plan: Plan, start: Parameters) -> Any:
    """Build the training graph as a stock QKeras model: quantised encoder, float decoder.

    Args:
        plan: the graph.
        start: its first weights.
    """
    tf = tensorflow()
    from qkeras import QActivation, QDense, quantized_bits, quantized_relu

    def bits(type_: Any) -> Any:
        return quantized_bits(type_.width, type_.integer - 1, alpha=1)

    values = entry = tf.keras.Input((plan.layers[0].n_in,))
    values = QActivation(bits(plan.input_type))(values)
    for layer in plan.layers:
        relu = layer.activation is Activation.RELU
        if layer.types is None:
            values = tf.keras.layers.Dense(layer.n_out, activation="relu" if relu else None, name=layer.name)(values)
            continue
        types = layer.types
        values = QDense(layer.n_out, kernel_quantizer=bits(types.weight), bias_quantizer=bits(types.bias), name=layer.name)(
            values
        )
        output = quantized_relu(types.output.width, types.output.integer) if relu else bits(types.output)
        values = QActivation(output)(values)
    model = tf.keras.Model(entry, values)
    for i, layer in enumerate(plan.layers):
        model.get_layer(layer.name).set_weights([start.weights[i][0], start.biases[i][0, 0]])
    return model
