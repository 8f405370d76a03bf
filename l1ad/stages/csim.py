"""Run the C simulation over the dataset: exactly equal to QKeras and to the reference, physically close to float."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.config.physics import judged_by
from l1ad.core.agreement import AGREEMENT_FILE, Agreement, compare
from l1ad.core.artefact import Draft, origin_of, writer_of
from l1ad.core.dataset import Dataset
from l1ad.core.errors import MismatchError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.core.plain import Origin, Plain, plain
from l1ad.core.scoreset import ScoreSet, Source, decades
from l1ad.core.stage import StageResult, run_stage
from l1ad.core.trained import TrainedModel, load_trained
from l1ad.firmware.target import absent_inputs
from l1ad.hls.csim import Csim
from l1ad.hls.project import HlsProject, load_project
from l1ad.hls.top import template_digest
from l1ad.physics.judge import judge_of
from l1ad.ranges import float32_exact
from l1ad.scores.closeness import Closeness, Tolerances, compare_scores
from l1ad.scores.events import comparison_events, data_of_run
from l1ad.spec import reference
from l1ad.toolchain.progress import progress
from l1ad.toolchain.timing import timed

KIND = "csim"
#: A log, so that it does not enter the artefact's digest: equal runs take different times.
TIMING = "timing.log"
_CHUNK = 262_144
#: Events that are made for a run without data whose configuration says no number.
MADE_EVENTS = 100_000


@dataclass(frozen=True, slots=True)
class CsimPhysics(Plain):
    """How far FLOAT and CSIM are apart: AUC and mean efficiencies by source, flips by rate, a sentence for each tolerance not kept."""

    auc: Mapping[str, Any]
    efficiency: Mapping[str, Any]
    background_flips: Mapping[str, Any]
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CsimSummary(Plain):
    """What the manifest says.

    Attributes:
        n_events: events compared.
        n_different: events on which two implementations differ.
        digest: of the network.
        route: how it was converted.
        events: where the events are from.
        qkeras_arithmetic: what QKeras computed in; None where it cannot express the network.
        agreements: every comparison.
        physics: FLOAT against CSIM; None without data or float reference.
    """

    n_events: int
    n_different: int
    digest: str
    route: str
    events: str
    qkeras_arithmetic: str | None
    agreements: tuple[Agreement, ...]
    physics: CsimPhysics | None


@dataclass(frozen=True, slots=True)
class CsimResult(StageResult):
    """How the C simulation compares.

    Attributes:
        path: the artefact.
        fresh: whether it was run now; else nothing had changed.
        summary: agreements, physics and what QKeras computed in.
        n_events: events compared.
        n_different: events on which two implementations differ (0, or the stage would have failed).
        timing: seconds and events per second of the run that made the artefact.
    """

    n_events: int
    n_different: int
    timing: Mapping[str, float]

    @classmethod
    def found(cls, path: Path, fresh: bool, summary: dict[str, Any]) -> CsimResult:
        """Read what the artefact holds beside its summary."""
        known = CsimSummary.read(summary, origin_of(path, KIND))
        timing = Origin(path / TIMING, writer_of(KIND)).json()
        return cls(path, fresh, summary, known.n_events, known.n_different, timing)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return StageResult.to_dict(self) | {
            "n_events": self.n_events,
            "n_different": self.n_different,
            "timing": dict(self.timing),
        }


def csim(config: Config, *, force: bool = False) -> CsimResult:
    """Simulate a configuration's HLS project over its dataset and compare; without data, over made events (``MADE_EVENTS`` by default).

    Args:
        config: the configuration.
        force: run again even if nothing has changed.

    Returns:
        How the implementations compare.

    Raises:
        ArtefactError: no model or project, none of the data that the configuration names, or a project made from another model.
        LayoutError: the dataset is of another layout.
        ToolMissingError: there is no C++ compiler.
        ToolFailedError: the top does not compile.
        MismatchError: an event on which two implementations differ, or physics beyond the tolerances.
    """
    trained = load_trained(config.run / "model")
    dataset = data_of_run(config, trained.network.layout)
    project = load_project(config.project).require_network(trained.network)
    target = config.run / KIND
    inputs = {"model": trained.digest, "hls_project": project.digest, "templates": template_digest()}
    inputs |= {"dataset": dataset.digest} if dataset else {}
    settings = {"csim": config.csim.plain(), "firmware": config.firmware.plain()}
    settings |= {"judged": judged_by(config.rates, config.studies)} if dataset else {}

    def write(draft: Draft) -> CsimSummary:
        return _run(draft.path, config, dataset, trained, project)

    code = "l1ad.stages.csim"
    result = run_stage(CsimResult, target, KIND, write, code=code, inputs=inputs, settings=settings, force=force)
    _require_physics(CsimSummary.read(result.summary, origin_of(target, KIND)))
    return result


def _require_physics(summary: CsimSummary) -> None:
    violations = () if summary.physics is None else summary.physics.violations
    if violations:
        raise MismatchError(
            f"FLOAT and CSIM are further apart than the configuration allows: {'; '.join(violations)}. Train longer, use wider types, or "
            "change the tolerances under 'csim'."
        )


def _run(folder: Path, config: Config, dataset: Dataset | None, trained: TrainedModel, project: HlsProject) -> CsimSummary:
    rows, x_hw = _events(config, dataset, trained.network)
    timing: dict[str, float] = {}
    simulation = Csim(project, threads=config.csim.threads)
    with timed(timing, "compile_s"):
        simulation.prepare()
    with timed(timing, "csim_s"):
        scores, bits = _simulate(simulation, x_hw)
    timing["csim_events_per_s"] = len(rows) / max(timing["csim_s"], 1e-9)
    sets = {Source.CSIM: scores}
    with timed(timing, "reference_s"):
        expected = reference.scores(trained.network, x_hw)
    qkeras = _qkeras(trained.network, x_hw, timing)
    if qkeras is not None:
        sets[Source.QKERAS] = qkeras
    agreements = _agreements(project.network, x_hw, scores, bits, expected, qkeras)
    for agreement in agreements:
        _located(agreement, simulation, x_hw).require()
    physics = None if dataset is None else _compare_float(folder, config, dataset, trained, rows, sets)
    _write_json(folder / AGREEMENT_FILE, plain(agreements))
    _write_json(folder / "physics.json", physics)
    _write_json(folder / TIMING, timing)
    return CsimSummary(
        n_events=len(rows),
        n_different=sum(agreement.n_different for agreement in agreements),
        digest=trained.network.digest,
        route=project.route,
        events="the dataset's" if dataset else "made: range ends, rounding ties, sparse and random ones",
        qkeras_arithmetic=_arithmetic(trained.network) if qkeras is not None else None,
        agreements=tuple(agreements),
        physics=None if physics is None else _short(physics),
    )


def _events(config: Config, dataset: Dataset | None, network: Network) -> tuple[IntArray, NDArray[Any]]:
    """Return the events' numbers in the dataset and their hardware integers; without data, events as 'l1ad verify' makes them."""
    if dataset is None:
        x_hw = comparison_events(network, None, 0, config.csim.events or MADE_EVENTS, absent_inputs(config, network.layout))
        return np.arange(len(x_hw), dtype=np.int64), x_hw
    rows = _chosen_rows(dataset.n_events, config.csim.events)
    return rows, np.asarray(dataset.x_hw) if len(rows) == dataset.n_events else np.asarray(dataset.x_hw[rows])


def _chosen_rows(n_events: int, wanted: int) -> IntArray:
    """Choose all events, or that many spread evenly over the dataset, so that every sample takes part."""
    if wanted == 0 or wanted >= n_events:
        return np.arange(n_events, dtype=np.int64)
    return np.arange(wanted, dtype=np.int64) * n_events // wanted


def _simulate(simulation: Csim, x_hw: NDArray[Any]) -> tuple[IntArray, NDArray[np.bool_]]:
    parts = []
    with progress(total=len(x_hw), desc="csim", unit=" events", unit_scale=True, leave=False) as bar:
        for start in range(0, len(x_hw), _CHUNK):
            parts.append(simulation.run(x_hw[start : start + _CHUNK]))
            bar.update(len(parts[-1][0]))
    if not parts:
        raise MismatchError("The dataset holds no event, so nothing can be compared; prepare one that does.")
    return np.concatenate([scores for scores, _ in parts]), np.concatenate([bits for _, bits in parts])


def _agreements(
    network: Network,
    x_hw: NDArray[Any],
    scores: IntArray,
    bits: NDArray[np.bool_],
    expected: IntArray,
    qkeras: IntArray | None,
) -> list[Agreement]:
    """Compare simulated scores with QKeras and the reference, and the trigger bits with the comparison of the simulated scores."""
    found = [] if qkeras is None else [compare("QKERAS", "CSIM", qkeras, scores)]
    found.append(compare("REFERENCE", "CSIM", expected, scores))
    if network.thresholds:
        wanted = reference.bits(network, scores, x_hw).astype(np.int64)
        found.append(compare("score >= threshold", "CSIM trigger bits", wanted, bits.astype(np.int64)))
    return found


def _qkeras(network: Network, x_hw: NDArray[Any], timing: dict[str, float]) -> IntArray | None:
    """Score with QKeras; None for a network that QKeras cannot express (then the reference stands alone)."""
    from l1ad.qkeras.build import refusal
    from l1ad.qkeras.evaluate import qkeras_scores

    if refusal(network) is not None:
        return None
    with timed(timing, "qkeras_s"):
        return qkeras_scores(network, x_hw)


def _arithmetic(network: Network) -> str:
    return "float32" if float32_exact(network) else "float64"


def _located(agreement: Agreement, simulation: Csim, x_hw: NDArray[Any]) -> Agreement:
    """Find the first node at which the C simulation leaves the reference, on the first differing event."""
    if not agreement.first:
        return agreement
    event = agreement.first[0][0]
    nodes = reference.evaluate(simulation.network, x_hw[event : event + 1])
    traced = simulation.trace(x_hw[event : event + 1])
    for name, values in traced.items():
        wanted = nodes.get(name)
        if wanted is not None and not np.array_equal(wanted, values):
            index = int(np.argmax(np.ravel(wanted) != np.ravel(values)))
            return replace(agreement, parted_at=f"{name}[{index}]: {np.ravel(wanted)[index]} against {np.ravel(values)[index]}")
    where = (
        "none of the C simulation's nodes, which are the reference's"
        if agreement.left == "QKERAS"
        else "the optimised build only"
    )
    return replace(agreement, parted_at=where)


def _compare_float(
    folder: Path, config: Config, dataset: Dataset, trained: TrainedModel, rows: IntArray, sets: dict[Source, IntArray]
) -> dict[str, Any] | None:
    """Save all scores; compare FLOAT with CSIM where the model has a float reference, and draw them."""
    step = trained.network.score.total.step
    saved = {
        source: ScoreSet(source, values, step, rows, dataset.digest, trained.network.digest) for source, values in sets.items()
    }
    if trained.reference is not None:
        from l1ad.scores.float_reference import float_scores

        values = float_scores(trained.reference, np.asarray(dataset.x_hw[rows]))
        saved[Source.FLOAT] = ScoreSet(Source.FLOAT, values, None, rows, dataset.digest, trained.digest)
    for scores in saved.values():
        scores.save(folder)
    if Source.FLOAT not in saved:
        return None
    draw_scatter(folder / "scatter.png", saved[Source.FLOAT], saved[Source.CSIM])
    tolerances = Tolerances(config.csim.max_auc_loss, config.csim.max_efficiency_loss, config.csim.max_flips)
    judge = judge_of(config, dataset, config.csim.false_positive_rate)
    found: Closeness = compare_scores(dataset, saved[Source.FLOAT], saved[Source.CSIM], tolerances, judge.targets, judge.taken)
    return found.to_dict() | {"tolerances": asdict(tolerances)}


def _short(physics: dict[str, Any]) -> CsimPhysics:
    """Keep what a summary shows: AUC by source and signal, flips, violations."""
    auc = {
        source: {signal["name"]: signal["auc"]["value"] for signal in physics[source]["signals"]} for source in ("float", "csim")
    }
    means = {source: physics[source]["means"] for source in ("float", "csim")}
    return CsimPhysics(auc, means, physics["background_flips"], tuple(physics["violations"]))


def draw_scatter(path: Path, left: ScoreSet, right: ScoreSet) -> None:
    """Draw one score against the other, as a density on logarithmic axes.

    Args:
        path: the picture.
        left: on the horizontal axis.
        right: on the vertical axis; of the same events.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    x, y = decades(left.as_float), decades(right.as_float)
    drawn = axes.hexbin(x, y, gridsize=80, bins="log", mincnt=1, linewidths=0.0)
    ends = [float(min(0.0, x.min(), y.min())), float(max(x.max(), y.max()))]
    axes.plot(ends, ends, color="0.4", linewidth=0.8)
    axes.set_xlabel(rf"$\pm\log_{{10}}(1 + |\mathrm{{score}}|)$, {left.source.value}")
    axes.set_ylabel(rf"$\pm\log_{{10}}(1 + |\mathrm{{score}}|)$, {right.source.value}")
    figure.colorbar(drawn, label="events")
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
