"""Make the sections that say what was trained on what, and what was proved about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from l1ad.core.agreement import Agreement
from l1ad.core.dataset import Dataset, Split
from l1ad.core.history import Curves
from l1ad.core.network import Dense, Network
from l1ad.reporting.document import (
    ABSENT,
    Block,
    Figure,
    Section,
    State,
    Table,
    Text,
    Verdict,
    number,
    number_columns,
    percent,
    text_columns,
)
from l1ad.reporting.drawing import Axes, Series, line_plot
from l1ad.reporting.runs import Run


def model_section(run: Run) -> Section | None:
    """Describe what was trained on what: samples, network, types, training curves; None where there is neither data nor model."""
    blocks: list[Block] = [Verdict(State.WARNING, text) for text in (*run.stale, *run.threshold_notes)]
    if run.dataset is not None:
        blocks.append(samples_table(run.dataset))
    if run.network is not None:
        sentences = (_network_sentence(run.network), *_threshold_sentences(run.network))
        blocks += [*map(Text, sentences), layers_table(run.network)]
    if run.history:
        phases = run.history.phases.items()
        blocks += [curve for phase, curves in phases if (curve := training_curve(phase, curves)) is not None]
    return Section("Data, network and training", tuple(blocks)) if blocks else None


def samples_table(dataset: Dataset) -> Table:
    """Count events and weights of every sample and part."""
    rows = []
    weight, index, split = (np.asarray(dataset.column(name)) for name in ("weight", "sample", "split"))
    for i, sample in enumerate(dataset.samples):
        chosen = index == i
        counts = [number(int(np.count_nonzero(chosen & (split == part)))) for part in Split]
        total = float(weight[chosen].sum())
        rows.append((sample.label or sample.name, sample.role.value, number(int(chosen.sum())), number(total, 6), *counts))
    note = f"Layout {dataset.layout.name}: {dataset.layout.n_columns} hardware integers an event. Signals are never trained on."
    columns = (*text_columns("Sample", "Role"), *number_columns("Events", "Sum of weights", "Training", "Validation", "Test"))
    return Table("Samples", columns, tuple(rows), note)


def _network_sentence(network: Network) -> str:
    weights = [layer.weight for layer in network.layers]
    zeros = sum(int(np.count_nonzero(weight == 0)) for weight in weights)
    total = sum(weight.size for weight in weights)
    return (
        f"Network {network.shape} with {number(total)} weights, {percent(zeros / total)} of them zero; input {network.scaling.type}; "
        f"score {network.score.kind.value} in {network.score.total}, computed on the chip."
    )


def _threshold_sentences(network: Network) -> tuple[str, ...]:
    """Return sentences with the pT below which the chip takes objects as absent; none where it takes all."""
    layout, found = network.layout, []
    for kind, count in network.scaling.min_pt_hw:
        slot = layout.slot(kind)
        gev = count * slot.lsb[slot.features.index("pt")]
        found.append(f"{kind} {number(count)} counts ({number(gev)} GeV)")
    return (f"Objects below these pT thresholds are absent for the chip: {', '.join(found)}.",) if found else ()


def layers_table(network: Network) -> Table:
    """List every layer with its types."""
    rows = tuple(_layer_row(layer) for layer in network.layers)
    columns = (*text_columns("Layer"), *number_columns("In", "Out"), *text_columns("Weights", "Biases", "Activation", "Output"))
    return Table("Layers and types", (*columns, *number_columns("Zero weights")), rows)


def _layer_row(layer: Dense) -> tuple[str, ...]:
    types = (str(layer.weight_type), str(layer.bias_type), layer.activation.value, str(layer.output))
    zeros = float(np.count_nonzero(layer.weight == 0)) / layer.weight.size
    return (layer.name, number(layer.n_in), number(layer.n_out), *types, percent(zeros))


def training_curve(phase: str, curves: Curves) -> Figure | None:
    """Draw loss and validation loss of one phase: the median over seeds, and the spread where there are several.

    The axis is logarithmic, since the first epoch's loss is many times the last one's; losses that reach 0 or less get a linear one.
    """
    series = []
    for colour, (name, epochs) in enumerate((("loss", curves.loss), ("validation", curves.validation))):
        values = np.array(epochs, dtype=np.float64)
        if values.ndim == 2 and values.size:
            low, high = (values.min(axis=1), values.max(axis=1)) if values.shape[1] > 1 else (None, None)
            middle = np.median(values, axis=1)
            series.append(Series(name, np.arange(1, len(values) + 1), middle, low, high, marker="o", colour=colour))
    seeds = len(curves.loss[0]) if curves.loss else 0
    many = f"; points are the median and bars the range of {seeds} seeds" if seeds > 1 else ""
    caption = f"Training, {phase}: loss of every epoch{many}."
    positive = all(np.min(one.y if one.low is None else one.low) > 0 for one in series)
    axes = Axes("epoch", "loss", title=phase, whole_x=True, log_y=positive)
    return line_plot(f"training-{phase}", caption, axes, series) if series else None


def exactness_section(run: Run) -> Section | None:
    """Show every comparison of integers, and what was proved about the ranges; None where there is nothing to show."""
    found = [(name, entry) for name, entries in run.agreements.items() for entry in entries]
    found += [(synthesis.name, entry) for synthesis in run.syntheses for entry in synthesis.agreements]
    blocks: list[Block] = []
    if found:
        blocks += [_exactness_verdict([entry for _, entry in found]), agreements_table(found)]
    if run.network is not None:
        blocks += ranges_blocks(run.network)
    return Section("Exactness", tuple(blocks)) if blocks else None


def _exactness_verdict(entries: Sequence[Agreement]) -> Verdict:
    different = sum(entry.n_different for entry in entries)
    total = sum(entry.n_events for entry in entries)
    if different or not all(entry.n_events for entry in entries):
        return Verdict(State.BAD, f"{number(different)} of {number(total)} compared scores differ.")
    return Verdict(State.GOOD, f"All {number(total)} compared scores are equal as integers.")


def agreements_table(found: Sequence[tuple[str, Agreement]]) -> Table:
    """List comparisons: the stage that made one, and what it found."""
    rows = []
    for stage, entry in found:
        numbers = (number(entry.n_events), number(entry.n_different), number(entry.max_ulp))
        rows.append((stage, f"{entry.left} = {entry.right}", *numbers, entry.parted_at or ABSENT))
    columns = (*text_columns("Stage", "Compared"), *number_columns("Events", "Different", "Largest difference [ulp]"))
    return Table("Integers compared, event by event", (*columns, *text_columns("They diverge at")), tuple(rows))


def ranges_blocks(network: Network) -> list[Block]:
    """Prove the range of every node over all hardware inputs and show it."""
    from l1ad.ranges import prove

    nodes = prove(network)
    wrapping = [node.node for node in nodes if node.can_wrap]
    verdict = Verdict(State.GOOD, "No node can wrap, whatever hardware integers arrive.")
    if wrapping:
        verdict = Verdict(State.WARNING if network.may_wrap else State.BAD, f"Nodes that can wrap: {', '.join(wrapping)}.")
    rows = tuple(
        (
            node.node,
            str(node.type) if node.type else "kept in full",
            number(node.low),
            number(node.high),
            str(node.minimal) if node.minimal else ABSENT,
            "can wrap" if node.can_wrap else "can saturate" if node.can_saturate else "cannot",
        )
        for node in nodes
    )
    columns = (
        *text_columns("Node", "Type"),
        *number_columns("Smallest code", "Largest code"),
        *text_columns("Narrowest type", "Overflow"),
    )
    note = "Codes before overflow handling, by interval arithmetic over all representable inputs."
    return [verdict, Table("Proved ranges", columns, rows, note)]
