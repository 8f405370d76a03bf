"""Prepare raw files: any supported format becomes one dataset of hardware integers."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.config.data import SampleConfig
from l1ad.core.artefact import Draft
from l1ad.core.choices import ObjectSource
from l1ad.core.dataset import KIND, REQUIRED, DatasetWriter, Role, Sample
from l1ad.core.errors import ConfigError, InputError, L1adError, ToolFailedError
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.core.provenance import fingerprint
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.data.execute import cluster_for, execute, pieces
from l1ad.data.files import check_objects, common_format, resolve, same_sources, same_weights
from l1ad.data.formats import FileDescription, Format, Reading, recognise
from l1ad.data.part import PARTIAL, Job, PartSummary, prepare_part
from l1ad.data.readers import reader
from l1ad.data.select import Selection
from l1ad.data.split import count_duplicates
from l1ad.toolchain.progress import progress

#: Formats whose trigger bits are named in the configuration.
#: Folder of finished pieces in the dataset that is being made.
_PARTS = "parts"


@dataclass(frozen=True, slots=True)
class PrepareResult(StageResult):
    """What was prepared: events by sample and part, values outside their range, duplicates, what the files are and which were skipped."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A sample with its files."""

    sample: Sample
    weights: bool
    objects: ObjectSource
    files: tuple[FileDescription, ...]


def prepare(config: Config, *, force: bool = False, skip_bad: bool = False, scheduler: str | None = None) -> PrepareResult:
    """Turn a configuration's files into its dataset.

    Files are prepared in pieces of `PIECE_EVENTS`. Stopped at any time and run again, it goes on with the pieces that are not there
    yet and ends with the same dataset; so does a run one of whose workers died.

    Args:
        config: the configuration.
        force: do it again even if nothing has changed.
        skip_bad: leave out files that cannot be read, and list them, instead of refusing them.
        scheduler: where pieces are prepared: ``none`` here, ``local`` on all cores, a Dask scheduler's address; None takes ``local``
            where there are so many that it helps.

    Returns:
        What was made.

    Raises:
        InputError: a file is missing, damaged, of another format or holds impossible values; or all files were skipped.
        LayoutError: no such layout.
        ToolFailedError: a cluster lost its workers again and again.
    """
    layout = load_layout(config.layout_source)
    skipped: dict[str, str] = {}
    sources = _sources(config, skipped if skip_bad else None)
    inputs = {f"{s.sample.name}[{i}]": _fingerprint(file) for s in sources for i, file in enumerate(s.files)}
    settings = {"layout": layout.to_dict(), "data": config.data.plain(), "skip_bad": skip_bad}
    target = config.run / "dataset"

    def write(draft: Draft) -> Summary:
        with _nothing_after_a_mistake(draft.path):
            parts = _make_parts(draft, layout, sources, config, scheduler, skipped if skip_bad else None)
            _assemble(draft, layout, sources, parts, config, skipped)
            shutil.rmtree(draft.path / _PARTS)
        return {"skipped": skipped}

    code, seed = "l1ad.stages.prepare", config.data.seed
    return run_stage(
        PrepareResult, target, KIND, write, code=code, inputs=inputs, settings=settings, seed=seed, force=force, resumable=True
    )


def _fingerprint(file: FileDescription) -> str:
    """Digest a file, with those that belong to it."""
    own = fingerprint(file.path)
    return hashlib.sha256("".join([own, *map(fingerprint, file.parts)]).encode()).hexdigest() if file.parts else own


@contextmanager
def _nothing_after_a_mistake(folder: Path) -> Iterator[None]:
    """Remove what was written if the user has to mend something; after any other end it is kept, to go on with."""
    try:
        yield
    except ToolFailedError:
        raise
    except L1adError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _sources(config: Config, skipped: dict[str, str] | None) -> list[_Source]:
    if not config.data.background:
        raise ConfigError(f"Configuration {config.name!r} names no data to prepare; add data.background.")
    both = ((Role.BACKGROUND, config.data.background), (Role.SIGNAL, config.data.signals))
    named = [(Sample(name, role, entry.label or name), entry) for role, group in both for name, entry in group.items()]
    sources = [_source(sample, entry, config, skipped) for sample, entry in named]
    _refuse_nothing(any(source.files for source in sources), skipped)
    weighted = [
        source.files[0] for source in sources if source.files and source.weights and source.sample.role is Role.BACKGROUND
    ]
    for file in weighted[1:]:
        same_weights(weighted[0], file, "The background")
    return sources


def _source(sample: Sample, entry: SampleConfig, config: Config, skipped: dict[str, str] | None) -> _Source:
    files: list[FileDescription] = []
    weights = (entry.weights or config.data.weights) == "file"
    objects = entry.objects or config.data.objects
    for path in resolve(entry.files, config.folder):
        try:
            formats = {file.path: file.format for file in files[:1]} | {path: recognise(path)}
            description = _described(path, common_format(formats, config.data.format, sample.name), sample)
            check_objects(description, objects)
            same_sources(files[0] if files else description, description, sample.name, objects)
            if weights:
                same_weights(files[0] if files else description, description, f"Sample {sample.name!r}")
            files.append(description)
        except L1adError as error:
            if skipped is None:
                raise
            skipped[str(path)] = str(error)
    return _Source(sample, weights, objects, tuple(files))


def _described(path: Path, format_: Format, sample: Sample) -> FileDescription:
    description = reader(format_.name).describe(path)
    if description.n_events == 0:
        raise InputError(f"{str(path)!r} has no events; remove it from sample {sample.name!r}.")
    return description


def _refuse_nothing(some: bool, skipped: Mapping[str, str] | None) -> None:
    if not some:
        first = next(iter((skipped or {}).values()), "")
        raise InputError(f"None of the {len(skipped or {})} files can be used; the first was refused because: {first}")


def _common_columns(sources: Sequence[_Source], config: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that every file has (a missing weight counts as 1), and the menu they share."""
    files = [file for source in sources for file in source.files]
    bits = {"menu", "pass_l1"} if config.data.menu else set()
    shared = set.intersection(*(set(file.columns) | (bits if file.format.named_bits else set()) for file in files))
    _refuse_lost_menu([file for file in files if not file.format.named_bits and "menu" not in file.columns], config)
    menus = {config.data.menu if file.format.named_bits else file.menu_items for file in files}
    if "menu" in shared and len(menus) > 1:
        raise InputError(f"The files were made with {len(menus)} different trigger menus; prepare those of one menu together.")
    return (*REQUIRED, *sorted(shared - set(REQUIRED))), next(iter(menus)) if "menu" in shared else ()


def _refuse_lost_menu(without: Sequence[FileDescription], config: Config) -> None:
    if config.data.menu and without:
        raise InputError(
            f"data.menu names trigger bits, and {str(without[0].path)!r} of format {without[0].format.name!r} has none that it could name; "
            "leave data.menu out, or prepare CMS files by themselves."
        )


def _jobs(layout: ObjectLayout, sources: Sequence[_Source], config: Config) -> list[Job]:
    data = config.data
    cuts = data.select
    selection = Selection.of(layout, cuts.min_pt_gev, cuts.sort_by_pt, cuts.pileup_above, cuts.train_on == "failing_l1")
    columns, _ = _common_columns(sources, config)
    by_run = all(
        "run" in file.columns
        for source in sources
        for file in source.files
        if source.sample.role is Role.BACKGROUND and "event" in file.columns
    )
    jobs = []
    for number, source in enumerate(sources):
        first, left = 0, data.max_events or sum(file.n_events for file in source.files)
        for file in source.files:
            seeds = data.menu if file.format.named_bits else ()
            reading = Reading(seeds, selection.moves_objects, cuts.incomplete == "drop", source.objects)
            split = (data.seed, data.split.train, data.split.validation, data.split.block)
            jobs += [
                Job(
                    file.path,
                    file.format.name,
                    piece,
                    first,
                    number,
                    source.sample.role,
                    layout,
                    columns,
                    data.out_of_range,
                    selection,
                    by_run,
                    source.weights,
                    reading,
                    *split,
                )
                for piece in pieces(min(left, file.n_events), file.block)
            ]
            first, left = first + file.n_events, max(left - file.n_events, 0)
    return jobs


def _make_parts(
    draft: Draft,
    layout: ObjectLayout,
    sources: Sequence[_Source],
    config: Config,
    scheduler: str | None,
    skipped: dict[str, str] | None,
) -> list[tuple[Job, Path, PartSummary]]:
    jobs = _jobs(layout, sources, config)
    for unfinished in draft.path.glob(f"{_PARTS}/*{PARTIAL}"):
        shutil.rmtree(unfinished, ignore_errors=True)
    work = [(job, draft.path / _PARTS / str(number)) for number, job in enumerate(jobs)]
    cluster = cluster_for(scheduler, len(jobs))
    with progress(total=sum(len(job.events) for job in jobs), desc="prepare", unit="event") as bar:
        keep = skipped is not None
        results = execute(prepare_part, work, cluster, lambda i: bar.update(len(jobs[i].events)), keep_errors=keep)
    bad: dict[Path, str] = {}
    for job, result in zip(jobs, results, strict=True):
        if isinstance(result, L1adError):
            bad.setdefault(job.path, str(result))
    bad |= _without_objects(sources, jobs, results, keep, bad)
    parts = [
        (job, folder, result)
        for (job, folder), result in zip(work, results, strict=True)
        if isinstance(result, PartSummary) and job.path not in bad
    ]
    if skipped is not None:
        skipped |= {str(path): reason for path, reason in bad.items()}
    _refuse_nothing(bool(parts), skipped)
    _refuse_emptied(sources, parts)
    return parts


def _without_objects(
    sources: Sequence[_Source],
    jobs: Sequence[Job],
    results: Sequence[PartSummary | L1adError],
    keep_errors: bool,
    bad: Collection[Path],
) -> dict[Path, str]:
    """Find files of whose events none has an object, as a file that was never filled; refuse them unless errors are kept."""
    seen: dict[Path, bool] = {}
    for job, result in zip(jobs, results, strict=True):
        if isinstance(result, PartSummary) and job.path not in bad:
            seen[job.path] = seen.get(job.path, False) or result.occupied
    files = {file.path: (file, source.objects) for source in sources for file in source.files}
    empty = {path: _empty_sentence(*files[path]) for path, occupied in seen.items() if not occupied}
    if empty and not keep_errors:
        raise InputError(next(iter(empty.values())))
    return empty


def _empty_sentence(file: FileDescription, objects: ObjectSource) -> str:
    both = len({entry.emulated for entry in file.objects}) == 2 and objects is not ObjectSource.EMULATED
    return (
        f"{str(file.path)!r} has no object of the layout in any of the events read; is it the right file, was it filled, and are the "
        "thresholds of data.select right?" + " It has emulated objects too, which 'data.objects: emulated' reads." * both
    )


def _refuse_emptied(sources: Sequence[_Source], parts: Sequence[tuple[Job, Path, PartSummary]]) -> None:
    """Refuse a sample of which the selection left no event."""
    for number, source in enumerate(sources):
        kept = [part for job, _, part in parts if job.sample == number]
        if kept and not any(part.n_events for part in kept):
            cut, lost = sum(part.deselected for part in kept), sum(part.incomplete for part in kept)
            raise InputError(
                f"No event of sample {source.sample.name!r} is left: data.select removed {cut} and {lost} were incomplete; loosen the cuts, or "
                "leave the sample out."
            )


def _assemble(
    draft: Draft,
    layout: ObjectLayout,
    sources: Sequence[_Source],
    parts: Sequence[tuple[Job, Path, PartSummary]],
    config: Config,
    skipped: Collection[str],
) -> None:
    columns, menu = _common_columns(sources, config)
    samples = tuple(source.sample for source in sources)
    with DatasetWriter(draft.path, layout, samples, columns, menu) as writer:
        for _, folder, part in parts:
            writer.append_files(folder, part.n_events)
    outside: Counter[str] = Counter()
    events = {sample.name: Counter({"train": 0, "validation": 0, "test": 0}) for sample in samples}
    for job, _, part in parts:
        outside.update(part.out_of_range)
        events[samples[job.sample].name].update(part.events)
    draft.summary |= {
        "n_events": writer.n_events,
        "layout": layout.name,
        "events": {name: dict(counts) for name, counts in events.items()},
        "deselected": sum(part.deselected for _, _, part in parts),
        "incomplete": sum(part.incomplete for _, _, part in parts),
        "out_of_range": dict(outside),
        "out_of_range_policy": config.data.out_of_range.value,
        "duplicates": count_duplicates(draft.path, draft.path / _PARTS / "keys", writer.n_events, by_run="run" in columns)
        if "event" in columns
        else None,
        "columns": list(columns),
        "menu_items": list(menu),
        "files": [_file_summary(file) for source in sources for file in source.files if str(file.path) not in skipped],
    }


def _file_summary(file: FileDescription) -> dict[str, Any]:
    return {"name": file.path.name, "format": file.format.name, "n_events": file.n_events, "notes": list(file.notes)}
