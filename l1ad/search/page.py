"""Show a scan: the front with published designs, how good the fast estimate was, which parameters matter, every trial."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.config.scan import OBJECTIVES
from l1ad.core.board import load_anchors
from l1ad.core.resources import Level
from l1ad.reporting.comparison import pareto
from l1ad.reporting.document import (
    Block,
    Figure,
    Page,
    Section,
    State,
    Table,
    Verdict,
    number,
    number_columns,
    percent,
    text_columns,
)
from l1ad.reporting.drawing import Axes, Series, bar_plot, line_plot
from l1ad.reporting.resource_sections import anchors_of, other_anchors_table
from l1ad.search.space import Space
from l1ad.search.storage import Trial

#: Trials below which importances say nothing.
_ENOUGH_TRIALS = 20
_UNITS = {"efficiency": "efficiency", "lut": "LUT", "latency_ns": "latency"}


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """All that the page shows.

    Attributes:
        name: the configuration's name.
        objectives: what the front trades.
        efficiency: of what, ``mixed`` or ``signals``.
        fraction: background fraction of the working point.
        reference: the rarity teacher's own efficiency there.
        trials: every trial.
        front: those that none beats by the estimates.
        proved: what the open flow found, by number of a trial.
        unproved: why it found nothing, by number.
    """

    name: str
    objectives: tuple[str, ...]
    efficiency: str
    fraction: float
    reference: float
    trials: Sequence[Trial]
    front: Sequence[Trial]
    proved: Mapping[int, Mapping[str, Any]]
    unproved: Mapping[int, str]

    @property
    def final(self) -> list[Trial]:
        """Proved trials that none beats in efficiency and LUTs of the open flow, ascending in LUTs."""
        known = [trial for trial in self.front if trial.number in self.proved]
        points = [(float(self.proved[t.number]["lut"]), float(t.found["efficiency"])) for t in known]
        return [known[i] for i in pareto(points)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "spec_version": 2,
            "name": self.name,
            "objectives": list(self.objectives),
            "efficiency": self.efficiency,
            "fraction": self.fraction,
            "reference_efficiency": self.reference,
            "trials": [trial.to_dict() for trial in self.trials],
            "front": [trial.number for trial in self.front],
            "proved": {str(number): dict(found) for number, found in self.proved.items()},
            "unproved": {str(number): reason for number, reason in self.unproved.items()},
            "final_front": [trial.number for trial in self.final],
            "calibration": calibration(self),
        }


def make_page(outcome: Outcome, space: Space) -> Page:
    """Make the page.

    Args:
        outcome: what was found.
        space: what was proposed from.
    """
    blocks: list[Block] = [Verdict(*_finding(outcome)), *_failures(outcome)]
    sections = [Section("Finding", tuple(blocks))]
    if outcome.front:
        sections.append(Section("Front", (_front_figure(outcome), _front_table(outcome), *_unproved(outcome))))
        sections.append(Section("Fast estimate against the open flow", _calibration_blocks(outcome)))
        sections.append(Section("What matters", tuple(_importance_blocks(outcome, space))))
    sections.append(Section("Trials", (_trials_table(outcome, space),), folded=True))
    others = other_anchors_table(load_anchors(), (Level.OPEN,))
    sections.append(Section("Published designs at other levels or of other tasks", tuple(others), folded=True))
    what = " and ".join(_UNITS[name] for name in outcome.objectives)
    return Page(f"{outcome.name}: scan", f"Which networks does no other beat in {what}?", tuple(sections))


def _finding(outcome: Outcome) -> tuple[State, str]:
    done = [trial for trial in outcome.trials if trial.reason is None]
    if not done:
        reason = next((trial.reason for trial in outcome.trials), "none was tried")
        return State.BAD, f"None of {len(outcome.trials)} trials gave a network: {reason}"
    best = max(done, key=lambda trial: trial.found["efficiency"])
    share = best.found["efficiency"] / outcome.reference if outcome.reference > 0 else float("nan")
    text = (
        f"{len(outcome.front)} of {len(done)} networks are beaten by none; the best lets {percent(best.found['efficiency'])} % of the "
        f"{_wanted(outcome)} through at a background fraction of {number(outcome.fraction)}, {percent(share)} % of what its teacher does."
    )
    if outcome.final:
        least, most = (outcome.proved[outcome.final[i].number]["lut"] for i in (0, -1))
        text += (
            f" Synthesised by the open flow, {len(outcome.final)} of them are a front from {number(least)} to {number(most)} LUT."
        )
    return State.NOTE, text


def _wanted(outcome: Outcome) -> str:
    return "signals" if outcome.efficiency == "signals" else "events mixed from background"


def _failures(outcome: Outcome) -> list[Block]:
    failed = [trial for trial in outcome.trials if trial.reason is not None]
    text = f"{len(failed)} trials failed; the first one, {failed[0].number}, because: {failed[0].reason}" if failed else ""
    return [Verdict(State.WARNING, text)] if failed else []


def _unproved(outcome: Outcome) -> list[Block]:
    return [Verdict(State.WARNING, f"Trial {n} is not proved: {reason}") for n, reason in outcome.unproved.items()]


def _front_figure(outcome: Outcome) -> Figure:
    done = [trial for trial in outcome.trials if trial.reason is None]
    x, y = [t.found["lut"] for t in done], [100 * t.found["efficiency"] for t in done]
    series = [Series("trials (estimate)", x, y, line="", marker=".", colour=3)]
    proved = [t for t in outcome.front if t.number in outcome.proved]
    if proved:
        low, high = [[100 * pick(t.found["efficiencies"]) for t in proved] for pick in (min, max)]
        luts = [outcome.proved[t.number]["lut"] for t in proved]
        values = [100 * t.found["efficiency"] for t in proved]
        series.append(Series("synthesised, with the spread over seeds", luts, values, low, high, line="", marker="o", colour=0))
        line = [(outcome.proved[t.number]["lut"], 100 * t.found["efficiency"]) for t in outcome.final]
        series.append(Series("front", [p[0] for p in line], [p[1] for p in line], line="--", colour=8))
    marks = {anchor.name: float(anchor.lut) for anchor in anchors_of(Level.OPEN, load_anchors()) if anchor.lut}
    reference = f" The teacher itself has {percent(outcome.reference)} %."
    caption = f"Part of the {_wanted(outcome)} let through at a background fraction of {number(outcome.fraction)}, against LUTs.{reference}"
    return line_plot("front", caption, Axes("LUT", "efficiency [%]", log_x=True), series, marks)


def _front_table(outcome: Outcome) -> Table:
    rows, links, final = [], {}, {trial.number for trial in outcome.final}
    for place, trial in enumerate(outcome.front):
        found, proof = trial.found, outcome.proved.get(trial.number, {})
        if proof:
            links[place] = f"points/{trial.number:05d}/report.html"
        low, high = min(found["efficiencies"]), max(found["efficiencies"])
        share = found["efficiency"] / outcome.reference if outcome.reference > 0 else None
        rows.append(
            (
                str(trial.number),
                _network(trial),
                *(percent(value) for value in (found["efficiency"], low, high, share)),
                *(percent(proof.get(name)) for name in ("test_efficiency", "signal_efficiency")),
                number(round(found["lut"])),
                *(number(proof.get(name)) for name in ("lut", "latency_ns", "n_different")),
                number(found["weights"]),
            )
        )
    titles = (
        "Efficiency [%]",
        "lowest seed [%]",
        "highest seed [%]",
        "of the teacher [%]",
        "Unseen background [%]",
        "Signals [%]",
    )
    more = ("LUT (estimate)", "LUT (open flow)", "Latency [ns]", "Different", "Weights ≠ 0")
    note = (
        "In bold what none beats in efficiency and LUTs of the open flow; the number of a trial leads to its report. Efficiencies are medians over "
        "seeds on background that the training saw and on events mixed from background that it did not; 'unseen background' is the kept network's on the "
        "test part alone, which neither training nor search looked at; signals are shown and decide nothing. 'Different' counts events of which two of "
        "reference, emulator, QKeras, C simulation, RTL and netlist disagree."
    )
    if outcome.efficiency == "signals":
        note = note.replace("signals are shown and decide nothing", "signals decide, as the configuration asks")
    marked = frozenset(i for i, trial in enumerate(outcome.front) if trial.number in final)
    columns = (*text_columns("Trial", "Network"), *number_columns(*titles, *more))
    return Table("Networks that no other beats", columns, tuple(rows), note, marked, links)


def _network(trial: Trial) -> str:
    """Return in one line what a network is."""
    p = trial.parameters
    shape = "-".join(map(str, json.loads(p["hidden"])))
    parts = [f"{shape} hidden"]
    names = {"weight_bits": "weights {} bits", "weight_digits": "{} digits", "activation_bits": "activations {} bits"}
    names |= {"mantissa_bits": "mantissa {}", "input_bits": "inputs {} bits"}
    parts += [text.format(p[key] or "any") for key, text in names.items() if key in p]
    last = trial.shrink[-1] if trial.shrink else p.get("sparsity", 0.0)
    return ", ".join([*parts, f"{100 * last:.0f} % pruned{' in rounds' if trial.shrink else ''}"])


def calibration(outcome: Outcome) -> dict[str, Any]:
    """Compare the fast estimate with the open flow over the proved points: correlation, and mean and largest relative error.

    Args:
        outcome: what was found.

    Returns:
        By ``lut`` and ``latency_ns``; None for the correlation of fewer than three points.
    """
    found: dict[str, Any] = {}
    proved = [trial for trial in outcome.front if trial.number in outcome.proved]
    for name in ("lut", "latency_ns"):
        pairs = np.array([(t.found[name], outcome.proved[t.number][name]) for t in proved], dtype=np.float64).reshape(-1, 2)
        pairs = pairs[pairs[:, 1] > 0]
        if not len(pairs):
            continue
        errors = pairs[:, 0] / pairs[:, 1] - 1.0
        varied = len(pairs) > 2 and bool(np.ptp(pairs, axis=0).all())
        found[name] = {
            "n": len(pairs),
            "correlation": float(np.corrcoef(pairs.T)[0, 1]) if varied else None,
            "mean_error": float(errors.mean()),
            "spread": float(errors.std()),
            "largest_error": float(np.abs(errors).max()),
        }
    return found


def _calibration_blocks(outcome: Outcome) -> tuple[Block, ...]:
    found = calibration(outcome)
    if not found:
        return (Verdict(State.WARNING, "No point was synthesised, so the estimates are not checked."),)
    rows = tuple(
        (
            _UNITS[name],
            number(c["n"]),
            number(c["correlation"]),
            *(percent(c[k]) for k in ("mean_error", "spread", "largest_error")),
        )
        for name, c in found.items()
    )
    columns = (
        *text_columns("Estimate of"),
        *number_columns("Points", "Correlation", "Mean error [%]", "Spread [%]", "Largest [%]"),
    )
    note = "While searching, LUTs and delay are those of alkaid's adder graphs in calibrated units; points of the front are synthesised."
    return (Table("Estimate less open flow", columns, rows, note),)


def importances(trials: Sequence[Trial], space: Space) -> dict[str, dict[str, float]]:
    """Return how much each parameter moves each objective (PED-ANOVA, Watanabe et al., arXiv:2304.10255): shares of 1, by objective and key.

    Args:
        trials: the trials; those that failed or were shrunk do not count.
        space: what was proposed from.

    Returns:
        Nothing where there are too few trials.
    """
    import optuna

    known = [trial for trial in trials if trial.reason is None and not trial.shrink and space.contains(trial.parameters)]
    if len(known) < _ENOUGH_TRIALS:
        return {}
    varied = [key for key in space.keys if len({trial.parameters[key] for trial in known}) > 1]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the evaluator being new, and of objectives that many trials share
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        for name, more in OBJECTIVES.items():
            study = optuna.create_study(direction="maximize" if more else "minimize")
            study.add_trials([_frozen(trial, space, name) for trial in known])
            found[name] = optuna.importance.get_param_importances(study, evaluator=evaluator, params=varied)
    return found


def _frozen(trial: Trial, space: Space, objective: str) -> Any:
    import optuna

    parameters, value = dict(trial.parameters), trial.found[objective]
    return optuna.trial.create_trial(params=parameters, distributions=space.distributions(), value=value)


def _importance_blocks(outcome: Outcome, space: Space) -> list[Block]:
    found = importances(outcome.trials, space)
    if not found:
        return [
            Verdict(State.NOTE, f"With fewer than {_ENOUGH_TRIALS} networks nothing is said about the parameters' importance.")
        ]
    keys = sorted({key for shares in found.values() for key in shares}, key=lambda key: -found["efficiency"].get(key, 0.0))
    groups: dict[str, Sequence[float | None]] = {_UNITS[n]: [shares.get(key) for key in keys] for n, shares in found.items()}
    caption = (
        "Importance of each parameter for each objective: its part of the variance among good trials (PED-ANOVA), of 1 in all."
    )
    return [bar_plot("importances", caption, Axes("importance", ""), keys, groups)]


def _trials_table(outcome: Outcome, space: Space) -> Table:
    rows = []
    for trial in outcome.trials:
        values = [str(trial.parameters[k]) if k in space.choices else number(trial.parameters[k]) for k in space.keys]
        if trial.reason is None:
            f = trial.found
            measured = (percent(f["efficiency"]), number(round(f["lut"])), number(f["latency_ns"]), "")
        else:
            measured = (number(None), number(None), number(None), trial.reason)
        rows.append((str(trial.number), *values, ", ".join(number(s) for s in trial.shrink), *measured))
    columns = (
        *text_columns("Trial", *space.keys, "shrink"),
        *number_columns("Efficiency [%]", "LUT (estimate)", "Latency (estimate) [ns]"),
        *text_columns("Failed because"),
    )
    marked = frozenset(i for i, trial in enumerate(outcome.trials) if trial in outcome.front)
    return Table("All trials, those of the front in bold", columns, tuple(rows), "", marked)
