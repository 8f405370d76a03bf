"""Prepare raw files: any supported format becomes one dataset of hardware integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.artefact import Draft, code_digest, is_current, read_manifest, stage_key, writing
from l1ad.config import Config
from l1ad.config.data import SampleConfig
from l1ad.dataset import KIND, REQUIRED, DatasetWriter, Role, Sample, Split
from l1ad.datasets.chunk import EventChunk, OutOfRange, RangeTally, fit
from l1ad.datasets.files import common_format, fingerprint, resolve
from l1ad.datasets.formats import FileDescription, Format, reader
from l1ad.datasets.split import assign, count_duplicates, event_keys
from l1ad.errors import InputError
from l1ad.layout import ObjectLayout, load_layout

CHUNK_EVENTS = 65_536


@dataclass(frozen=True, slots=True)
class PrepareResult:
    """Say what was prepared.

    Attributes:
        path: the dataset.
        fresh: whether it was made now; else nothing had changed.
        summary: events by sample and part, values outside their range, duplicates, what the files are.
    """

    path: Path
    fresh: bool
    summary: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return asdict(self) | {"path": str(self.path)}


@dataclass(frozen=True, slots=True)
class _Source:
    """Hold a sample with its files."""

    sample: Sample
    format: Format
    files: tuple[FileDescription, ...]


def prepare(config: Config, *, force: bool = False) -> PrepareResult:
    """Turn a configuration's files into its dataset.

    Args:
        config: the configuration.
        force: do it again even if nothing has changed.

    Returns:
        What was made.

    Raises:
        InputError: a file is missing, damaged, of another format or holds impossible values.
        LayoutError: no such layout.
    """
    layout = load_layout(str(config.path(config.layout)) if config.layout.endswith((".yaml", ".yml")) else config.layout)
    named = _named_samples(config)
    files = {sample.name: resolve(entry.files, config.folder) for sample, entry in named}
    sources = [_source(sample, files[sample.name], config) for sample, _ in named]
    inputs = {f"{name}[{i}]": fingerprint(path) for name, paths in files.items() for i, path in enumerate(paths)}
    settings = {"layout": layout.to_dict(), "data": config.data.plain()}
    target = config.run / "dataset"
    key = stage_key(KIND, inputs, settings, config.data.seed, code_digest("l1ad.stages.prepare"))
    if not force and is_current(target, KIND, key):
        return PrepareResult(target, False, read_manifest(target).summary)
    with writing(target, KIND, key=key, inputs=inputs, config=settings, seed=config.data.seed) as draft:
        _write(draft, layout, sources, config)
    return PrepareResult(target, True, read_manifest(target).summary)


def _named_samples(config: Config) -> list[tuple[Sample, SampleConfig]]:
    both = ((Role.BACKGROUND, config.data.background), (Role.SIGNAL, config.data.signals))
    return [(Sample(name, role, entry.label or name), entry) for role, group in both for name, entry in group.items()]


def _source(sample: Sample, paths: Sequence[Path], config: Config) -> _Source:
    wanted = None if config.data.format == "auto" else Format.parse(config.data.format)
    format_ = common_format(paths, wanted, sample.name)
    descriptions = tuple(reader(format_).describe(path) for path in paths)
    empty = next((file for file in descriptions if file.n_events == 0), None)
    if empty is not None:
        raise InputError(f"{str(empty.path)!r} has no events; take it out of sample {sample.name!r}.")
    return _Source(sample, format_, descriptions)


def _common_columns(sources: Sequence[_Source]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the columns that every file has (a missing weight counts as 1), and the menu they share."""
    files = [file for source in sources for file in source.files]
    shared = set.intersection(*(set(file.columns) for file in files))
    menus = {file.menu_items for file in files}
    if "menu" in shared and len(menus) > 1:
        raise InputError(f"The files were made with {len(menus)} different trigger menus; prepare those of one menu together.")
    columns = (*REQUIRED, *sorted(shared - set(REQUIRED)))
    return columns, next(iter(menus)) if "menu" in shared else ()


def _write(draft: Draft, layout: ObjectLayout, sources: Sequence[_Source], config: Config) -> None:
    columns, menu = _common_columns(sources)
    samples = tuple(source.sample for source in sources)
    tally = RangeTally()
    counts: dict[str, dict[str, int]] = {sample.name: {} for sample in samples}
    with DatasetWriter(draft.path, layout, samples, columns, menu) as writer:
        for index, x_hw, values in _events(sources, layout, columns, config, tally):
            writer.append(x_hw, **values)
            _count(counts[samples[index].name], values["split"])
    draft.summary |= {
        "n_events": writer.n_events,
        "layout": layout.name,
        "events": counts,
        "out_of_range": tally.outside,
        "out_of_range_policy": config.data.out_of_range,
        "duplicates": count_duplicates(draft.path, writer.n_events) if {"run", "event"} <= set(columns) else None,
        "columns": list(columns),
        "menu_items": list(menu),
        "files": [_file_summary(file) for source in sources for file in source.files],
    }


def _count(counts: dict[str, int], split: NDArray[np.uint8]) -> None:
    for part in Split:
        counts[part.name.lower()] = counts.get(part.name.lower(), 0) + int(np.count_nonzero(split == part))


def _file_summary(file: FileDescription) -> dict[str, Any]:
    return {"name": file.path.name, "format": file.format.value, "n_events": file.n_events, "notes": list(file.notes)}


def _events(
    sources: Sequence[_Source], layout: ObjectLayout, columns: tuple[str, ...], config: Config, tally: RangeTally
) -> Iterator[tuple[int, NDArray[Any], dict[str, NDArray[Any]]]]:
    """Give chunk after chunk: the sample's index, hardware integers, columns."""
    from tqdm import tqdm

    total = sum(_wanted(source, config) for source in sources)
    with tqdm(total=total, desc="prepare", unit="event", disable=None) as bar:
        for index, source in enumerate(sources):
            seen = 0
            for file, chunk in _chunks(source, layout, _wanted(source, config)):
                x_hw = fit(chunk, layout, OutOfRange(config.data.out_of_range), tally, str(file.path))
                yield index, x_hw, _columns(chunk, index, source.sample, seen, columns, config, file)
                seen += chunk.n_events
                bar.update(chunk.n_events)


def _wanted(source: _Source, config: Config) -> int:
    total = sum(file.n_events for file in source.files)
    return min(total, config.data.max_events or total)


def _chunks(source: _Source, layout: ObjectLayout, wanted: int) -> Iterator[tuple[FileDescription, EventChunk]]:
    left = wanted
    for file in source.files:
        for chunk in reader(source.format).chunks(file.path, layout, CHUNK_EVENTS):
            if left <= 0:
                return
            if chunk.n_events > left:
                chunk = chunk.first_events(left)
            left -= chunk.n_events
            yield file, chunk


def _columns(
    chunk: EventChunk, index: int, sample: Sample, seen: int, wanted: tuple[str, ...], config: Config, file: FileDescription
) -> dict[str, NDArray[Any]]:
    n_events = chunk.n_events
    values = {name: chunk.columns[name] for name in wanted if name in chunk.columns}
    values["sample"] = np.full(n_events, index, dtype=np.uint8)
    values["weight"] = _weights(chunk, file)
    values["split"] = np.full(n_events, Split.TEST, dtype=np.uint8)
    if sample.role is Role.BACKGROUND:
        identified = "run" in chunk.columns and "event" in chunk.columns
        run = chunk.columns["run"] if identified else np.full(n_events, index)
        event = chunk.columns["event"] if identified else np.arange(seen, seen + n_events)
        share = config.data.split
        values["split"] = assign(event_keys(run, event), config.data.seed, share.train, share.validation)
    return values


def _weights(chunk: EventChunk, file: FileDescription) -> NDArray[np.float64]:
    weights = np.asarray(chunk.columns.get("weight", np.ones(chunk.n_events)), dtype=np.float64)
    bad = ~np.isfinite(weights) | (weights < 0)
    if bad.any():
        event = int(np.argmax(bad))
        raise InputError(
            f"{str(file.path)!r}: event {chunk.first + event} has weight {weights[event]}; weights must be finite and not negative."
        )
    return weights
