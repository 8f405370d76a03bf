"""Report on any number of runs: one page, one comparison table, and the same numbers as Markdown, CSV, JSON and LaTeX."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar

from l1ad.config import Config
from l1ad.config.physics import judged_by
from l1ad.core.artefact import Draft, origin_of
from l1ad.core.board import load_anchors
from l1ad.core.errors import InputError
from l1ad.core.plain import Origin, Plain, plain
from l1ad.core.stage import StageResult, run_stage
from l1ad.physics import stability_page
from l1ad.physics.judge import Judge, judge_at
from l1ad.physics.rates_record import RATES_FILE, RatesRecord, RatesSummary
from l1ad.physics.veto import Veto, veto_of
from l1ad.reporting.comparison import (
    NAMES,
    Entry,
    differences,
    entries_of,
    find_baseline,
    levels_in,
    require_within,
    to_csv,
)
from l1ad.reporting.condition import parse_condition
from l1ad.reporting.document import Block, Figure, Page, Section, number
from l1ad.reporting.headline import key_figures, study_digests
from l1ad.reporting.model_sections import exactness_section, model_section
from l1ad.reporting.physics_sections import physics_section
from l1ad.reporting.render import write_page
from l1ad.reporting.resource_sections import other_anchors_table, resources_section
from l1ad.reporting.runs import Run, load_run
from l1ad.scores.performance import Performance

KIND = "report"
#: Score sets from the most firmware-like to the least; the first that is there stands for the model in the comparison.
_PREFERENCE = ("csim", "emulator", "rtl", "qkeras", "float")
Performances = Mapping[str, tuple[Performance, ...]]
Judges = Mapping[str, Judge | None]


@dataclass(frozen=True, slots=True)
class ReportSummary(Plain):
    """What the manifest says: the rows of the comparison."""

    comparison: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class ReportResult(StageResult):
    """What the report holds.

    Attributes:
        path: the artefact; ``report.html`` is in it.
        fresh: whether it was made now; else nothing had changed.
        summary: the comparison.
    """

    FLAT: ClassVar[bool] = True
    PAGE: ClassVar[str | None] = "report.html"

    @property
    def entries(self) -> tuple[Mapping[str, Any], ...]:
        """The comparison's rows as plain data."""
        return tuple(entry.to_dict() for entry in self.comparison)

    @property
    def comparison(self) -> tuple[Entry, ...]:
        """The comparison's rows."""
        return ReportSummary.read(self.summary, origin_of(self.path, KIND)).comparison


def report(
    runs: Config | Path | Sequence[Config | Path],
    *,
    force: bool = False,
    output: Path | None = None,
    baseline: str | None = None,
    fail_if: str | None = None,
) -> ReportResult:
    """Write the report of one or more runs.

    Args:
        runs: configurations, run folders, folders of one synthesis, or vendor reports.
        force: write it again even if nothing has changed.
        output: the report's folder; by default ``report`` in the first run.
        baseline: name of the run that the others are compared with.
        fail_if: a limit such as ``lut > 5000 or latency_ns > 25``; the names are those of ``comparison.Entry``.

    Returns:
        Where the report is, and the comparison.

    Raises:
        ArtefactError: a place that holds no run and no report.
        InputError: an impossible condition or baseline, or scores of another dataset.
        LimitError: the limit is exceeded; the report is written all the same.
    """
    places = [runs] if isinstance(runs, Config | Path) else list(runs)
    if not places:
        raise InputError("A report needs at least one run, got none; give a configuration or a run folder.")
    condition = parse_condition(fail_if, NAMES) if fail_if is not None else None
    loaded = _named(tuple(load_run(place) for place in places))
    result = _made(loaded, output or _default_output(loaded[0]), baseline, force)
    if condition is not None:
        require_within(result.comparison, condition)
    return result


def _named(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Return runs of equal names different ones."""
    counts: dict[str, int] = {}
    named = []
    for run in runs:
        counts[run.name] = counts.get(run.name, 0) + 1
        named.append(run if counts[run.name] == 1 else replace(run, name=f"{run.name}-{counts[run.name]}"))
    return tuple(named)


def _default_output(run: Run) -> Path:
    """Put the report into a run's folder, or beside a single synthesis or report file."""
    is_run = run.path.is_dir() and not (run.path / "manifest.json").is_file()
    return (run.path if is_run else run.path.resolve().parent) / "report"


def _made(runs: tuple[Run, ...], target: Path, baseline: str | None, force: bool) -> ReportResult:
    inputs = {name: digest for run in runs for name, digest in (run.digests | study_digests(run)).items()}
    settings = {
        "baseline": baseline,
        "runs": [run.name for run in runs],
        "rates": [judged_by(run.rates, run.studies) for run in runs],
        "resources": _resources_digest(),
    }

    def write(draft: Draft) -> ReportSummary:
        return _write(draft.path, runs, baseline)

    code = "l1ad.stages.report"
    return run_stage(ReportResult, target, KIND, write, code=code, inputs=inputs, settings=settings, force=force)


def _write(folder: Path, runs: tuple[Run, ...], baseline: str | None) -> ReportSummary:
    judges = {run.name: _judge(run) for run in runs}
    performances = {run.name: _performances(run, judges[run.name]) for run in runs}
    entries = tuple(e for run in runs for e in entries_of(run, _representative(performances[run.name])))
    reference = find_baseline(entries, baseline) if baseline is not None else None
    write_page(_page(runs, judges, performances, entries, reference), folder, "report")
    (folder / "report.csv").write_text(to_csv(entries, reference), encoding="utf-8")
    data = _data(runs, performances, entries, reference)
    (folder / "report.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return ReportSummary(entries)


def _resources_digest() -> str:
    """Digest the templates and published numbers, which are not code."""
    digest = hashlib.sha256()
    for folder in ("reporting/templates", "boards"):
        for name, content in _files_in(resources.files("l1ad") / folder):
            digest.update(name.encode() + content)
    return digest.hexdigest()


def _files_in(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    """Read the files of a folder and those below it, in order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files_in(entry)
        else:
            yield entry.name, entry.read_bytes()


def _judge(run: Run) -> Judge | None:
    """Return what a run's scores are judged by; None without data."""
    if run.dataset is None:
        return None
    return judge_at(run.dataset, run.rates, run.studies, _veto(run) if run.config is None else veto_of(run.config, run.dataset))


def _veto(run: Run) -> Veto | None:
    """Return the menu that vetoed when a folder's rates were counted; None where all of it did, or they were not."""
    manifest = run.manifests.get("rates")
    return None if manifest is None else RatesSummary.read(manifest.summary, origin_of(run.path / "rates", "rates")).veto


def _performances(run: Run, judge: Judge | None) -> tuple[Performance, ...]:
    return () if judge is None else tuple(judge.performance(scores) for scores in run.scores)


def _representative(performances: Sequence[Performance]) -> Performance | None:
    by_source = {performance.source: performance for performance in performances}
    return next((by_source[source] for source in _PREFERENCE if source in by_source), None)


def _page(
    runs: Sequence[Run], judges: Judges, performances: Performances, entries: Sequence[Entry], baseline: Sequence[Entry] | None
) -> Page:
    anchors = load_anchors()
    resources = resources_section(entries, baseline, runs, anchors)
    sections = [resources] if resources is not None and len(runs) > 1 else []
    for run in runs:
        sections += _run_sections(run, judges[run.name], performances[run.name], len(runs) > 1)
    if resources is not None and len(runs) == 1:
        sections.append(resources)
    others = other_anchors_table(anchors, levels_in(entries))
    if resources is not None and others:
        sections.append(Section("Published designs at other levels or of other tasks", tuple(others), folded=True))
    title = f"{runs[0].name}: from trigger objects to firmware" if len(runs) == 1 else f"{len(runs)} runs compared"
    keys = key_figures(runs[0], entries, _representative(performances[runs[0].name])) if len(runs) == 1 else ()
    return Page(title, _lead(runs, entries), tuple(sections), _footer(runs), keys)


def _run_sections(run: Run, judge: Judge | None, performances: tuple[Performance, ...], several: bool) -> list[Section]:
    made = [model_section(run)]
    if judge is not None and performances:
        made.append(physics_section(judge.dataset, run.scores, performances, judge.taken))
    made += [_rates_section(run), exactness_section(run)]
    present = [section for section in made if section is not None]
    if not several:
        return present
    return [replace(section, title=f"{run.name}: {section.title}", blocks=_renamed(section, run.name)) for section in present]


def _rates_section(run: Run) -> Section | None:
    """Show whether the thresholds that ``l1ad rates`` found hold."""
    place = Origin(run.path / "rates" / RATES_FILE, "'l1ad rates'")
    if "rates" not in run.manifests or not place.file.is_file():
        return None
    return stability_page.report_section(RatesRecord.read(place.json(), place))


def _renamed(section: Section, run: str) -> tuple[Block, ...]:
    """Make figure names unique between runs."""
    return tuple(replace(b, name=f"{run}-{b.name}") if isinstance(b, Figure) else b for b in section.blocks)


def _lead(runs: Sequence[Run], entries: Sequence[Entry]) -> str:
    names = ", ".join(run.name for run in runs)
    levels = ", ".join(f"{entry.run} by {entry.tool} ({entry.level})" for entry in entries)
    numbers = f"Resource numbers: {levels}." if levels else "There is no resource report yet; 'l1ad synth' makes one."
    return f"Report on {names}. {numbers}"


def _footer(runs: Sequence[Run]) -> tuple[str, ...]:
    lines = []
    for run in runs:
        for name, manifest in run.manifests.items():
            lines.append(
                f"{run.name}/{name}: {manifest.kind}, digest {manifest.digest[:16]}, form {number(manifest.spec_version)}"
            )
    versions = {f"{k} {v}" for run in runs for manifest in run.manifests.values() for k, v in manifest.versions.items()}
    return (*lines, "Made with " + ", ".join(sorted(versions)) + ".") if versions else tuple(lines)


def _data(
    runs: Sequence[Run], performances: Performances, entries: Sequence[Entry], baseline: Sequence[Entry] | None
) -> dict[str, Any]:
    rows = [e.to_dict() | ({"differences": differences(e, baseline)} if baseline else {}) for e in entries]
    details = {
        run.name: {
            "digests": run.digests,
            "performance": [performance.to_dict() for performance in performances[run.name]],
            "stale": list(run.stale),
            "agreements": {name: plain(found) for name, found in run.agreements.items()},
            "syntheses": {
                s.name: {"reports": [r.to_dict() for r in s.reports], "agreements": plain(s.agreements)} for s in run.syntheses
            },
        }
        for run in runs
    }
    return {"spec_version": 1, "comparison": rows, "runs": details}
