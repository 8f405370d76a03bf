"""Answer in five figures what is asked first of a design: is it exact, does it fit, how long does it take, what does it catch, what does it cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from l1ad.core.artefact import is_artefact, read_manifest
from l1ad.core.plain import Origin
from l1ad.core.resources import Level
from l1ad.reporting.compared import STUDY_FILE, MetRecord, RateRecord
from l1ad.reporting.comparison import Entry
from l1ad.reporting.document import ABSENT, KeyFigure, State, number, percent
from l1ad.reporting.runs import Run
from l1ad.scores.performance import Performance
from l1ad.scores.targets import Kind

#: Levels from the most telling down; a simulated latency alone says nothing of resources.
_TELLING = (Level.ROUTED, Level.PLACED, Level.LOGIC, Level.CSYNTH, Level.OPEN)
_STUDY = Path("studies") / "met"


def key_figures(run: Run, entries: Sequence[Entry], performance: Performance | None = None) -> tuple[KeyFigure, ...]:
    """Return the five figures of a run; what has not been done is a dash and the command that does it.

    Args:
        run: what the run has left behind.
        entries: its rows of the comparison.
        performance: how the scores do that stand for it; None where there are none.
    """
    entry = _most_telling(entries)
    return (_exact(run), _fits(entry), _latency(entry), _efficiency(run, performance), _lut(entry))


def study_digests(run: Run) -> dict[str, str]:
    """Digest of the study that a figure comes from, by name; none where it is not there."""
    folder = run.path / _STUDY
    return {f"{run.name}/{_STUDY}": read_manifest(folder).digest} if is_artefact(folder, "study") else {}


def _most_telling(entries: Sequence[Entry]) -> Entry | None:
    by_level = {entry.level: entry for entry in entries}
    return next((by_level[level.value] for level in _TELLING if level.value in by_level), None)


def _exact(run: Run) -> KeyFigure:
    found = [one for entries in run.agreements.values() for one in entries]
    found += [one for synthesis in run.syntheses for one in synthesis.agreements]
    if not found:
        return KeyFigure("Exact?", ABSENT, "not compared yet: l1ad csim", State.NOTE, "exactness")
    different, events = sum(one.n_different for one in found), sum(one.n_events for one in found)
    if different or not all(one.n_events for one in found):
        return KeyFigure("Exact?", "no", f"{number(different)} of {number(events)} scores differ", State.BAD, "exactness")
    return KeyFigure("Exact?", "yes", f"0 of {number(events)} compared scores differ", State.GOOD, "exactness")


def _fits(entry: Entry | None) -> KeyFigure:
    if entry is None:
        return KeyFigure("Fits?", ABSENT, "not synthesised yet: l1ad synth", State.NOTE, "resources-and-latency")
    shares = [entry.lut_of_part, entry.ff_of_part, entry.dsp_of_part, entry.bram18_of_part, entry.lut_of_budget]
    known = [share for share in shares if share is not None]
    if not known:
        return KeyFigure("Fits?", ABSENT, "the part's resources are not known", State.NOTE, "resources-and-latency")
    fits = max(known) <= 1.0
    of = "budget" if entry.lut_of_budget is not None else "part"
    text = f"{percent(entry.lut_of_budget if of == 'budget' else entry.lut_of_part)} of the {of}'s LUT"
    return KeyFigure("Fits?", "yes" if fits else "no", text, State.GOOD if fits else State.BAD, "resources-and-latency")


def _latency(entry: Entry | None) -> KeyFigure:
    if entry is None or entry.latency_ns is None:
        return KeyFigure("Latency", ABSENT, "not synthesised yet: l1ad synth", State.NOTE, "resources-and-latency")
    share = entry.latency_of_budget
    state = State.NOTE if share is None else State.GOOD if share <= 1.0 else State.BAD
    text = f"{entry.level}; no budget is public" if share is None else f"{entry.level}; {percent(share)} of the budget"
    return KeyFigure("Latency", f"{number(entry.latency_ns)} ns", text, state, "resources-and-latency")


def _lut(entry: Entry | None) -> KeyFigure:
    if entry is None or entry.lut is None:
        return KeyFigure("LUT", ABSENT, "not synthesised yet: l1ad synth", State.NOTE, "resources-and-latency")
    text = f"{entry.level}, by {entry.tool}"
    if entry.logic_cells is not None:
        text += f"; {number(entry.logic_cells)} logic cells"
    if entry.level == Level.OPEN.value:
        text += f"; {_routed(entry)}"
    return KeyFigure("LUT", number(entry.lut), text, State.NOTE, "resources-and-latency")


def _routed(entry: Entry) -> str:
    """Say where the routed count is expected; how that was found stands with the report's notes."""
    if entry.lut_low is None or entry.lut_high is None:
        return "an estimate without an interval: synthesise again"
    return f"routed, {number(entry.lut_low)} to {number(entry.lut_high)} are expected"


def _efficiency(run: Run, performance: Performance | None) -> KeyFigure:
    """Compare with the best simple cut at an equal rate, as the study ``met`` found it for the model that is there now."""
    comparison = _comparison(run)
    if comparison is None or len(comparison.selections) < 2:
        return _uncompared(performance)
    score, *cuts = comparison.selections
    best = max(cuts, key=lambda cut: cut.mean[0])
    pure = "pure " if comparison.kind is Kind.PURE else ""
    low, high = (100.0 * end for end in score.mean[1:])
    text = (
        f"mean at {number(comparison.rate_khz)} kHz {pure}rate, {number(low)} to {number(high)} % with 68 %; "
        f"the best cut, {best.name}: {percent(best.mean[0])}"
    )
    better = score.mean[0] > best.mean[0]
    return KeyFigure(
        f"{pure}efficiency".capitalize(), percent(score.mean[0]), text, State.GOOD if better else State.WARNING, "physics"
    )


def _uncompared(performance: Performance | None) -> KeyFigure:
    """Return the efficiency at the working point, beyond the menu where the data have one, without any cut beside it."""
    missing = "not compared with simple cuts yet: l1ad study met"
    points = [] if performance is None else [target for target in performance.targets if target.khz is not None]
    mean = performance.mean(points[-1]) if performance is not None and points else None
    if mean is None:
        return KeyFigure("Efficiency", ABSENT, missing, State.NOTE, "physics")
    low, high = 100.0 * mean.low, 100.0 * mean.high
    text = f"mean at {mean.target.label}, {number(low)} to {number(high)} % with 68 %; {missing}"
    pure = "pure " if mean.target.kind is Kind.PURE else ""
    return KeyFigure(f"{pure}efficiency".capitalize(), percent(mean.value), text, State.NOTE, "physics")


def _comparison(run: Run) -> RateRecord | None:
    folder = run.path / _STUDY
    if not is_artefact(folder, "study") or "model" not in run.manifests:
        return None
    if read_manifest(folder).inputs.get("model") != run.manifests["model"].digest:
        return None
    place = Origin(folder / STUDY_FILE, "'l1ad study met'")
    found = MetRecord.read(place.json(), place)
    return next(iter((*found.pure, *found.total)), None)
