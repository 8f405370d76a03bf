"""Score any amount of events with the exact emulator, in flat memory; a run that was stopped continues with the next file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.artefact import MANIFEST, code_digest, read_manifest, stage_key
from l1ad.config import Config
from l1ad.dataset import KIND as DATASET
from l1ad.dataset import load_dataset
from l1ad.datasets.chunk import EventChunk, OutOfRange, RangeTally, fit
from l1ad.datasets.files import fingerprint, resolve
from l1ad.datasets.formats import Format, reader, recognise
from l1ad.emulator.kernel import Emulator
from l1ad.emulator.output import check_suffix, writer
from l1ad.errors import InputError
from l1ad.hls.target import with_configured_thresholds
from l1ad.network import Network
from l1ad.trained import TrainedModel, load_trained

#: Events read at a time from a file, and from a dataset, whose memory-mapped rows cost nothing to read.
FILE_EVENTS = 65_536
DATASET_EVENTS = 1 << 19
#: What is kept of each event until all files are done.
RECORD = np.dtype([("file", "<u4"), ("entry", "<i8"), ("run", "<i8"), ("event", "<i8"), ("score_hw", "<i8")])


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Say what was scored.

    Attributes:
        path: the output file.
        fresh: whether it was made now; else nothing had changed.
        summary: events, files, thresholds passed, values outside the hardware range.
    """

    path: Path
    fresh: bool
    summary: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {"path": str(self.path), "fresh": self.fresh, **self.summary}


@dataclass(slots=True)
class _Job:
    """Hold one run of the stage."""

    emulator: Emulator
    policy: OutOfRange
    inputs: tuple[Path, ...]
    work: Path
    tally: RangeTally = field(default_factory=RangeTally)

    @property
    def network(self) -> Network:
        return self.emulator.network


def score(config: Config, files: Sequence[str], out: Path, *, force: bool = False) -> ScoreResult:
    """Score files or prepared datasets.

    The output has, for each event: ``file`` and ``entry`` in it, ``run`` and ``event`` (-1 where the input has none), ``score_hw``
    (the integer), ``score`` (its value) and ``pass_<threshold>``. Beside it is a JSON file with what it was made from.

    Args:
        config: the configuration, which gives the model and what happens to values outside the hardware range.
        files: dataset folders, files of any supported format, or patterns, relative to the present folder.
        out: the output, ``.h5``, ``.hdf5`` or ``.root``.
        force: do it again even if nothing has changed.

    Returns:
        What was scored.

    Raises:
        ArtefactError: there is no model.
        InputError: an input is missing, damaged or of another layout; the output is no such file.
        LayoutError: values outside the hardware range, and the configuration says to refuse them.
    """
    check_suffix(out)
    model = load_trained(config.run / "model")
    inputs = resolve(files, Path.cwd())
    network = with_configured_thresholds(model.network, config)
    key = _key(config, model, network, inputs)
    note = out.with_name(out.name + ".json")
    if not force and out.is_file() and _noted(note).get("key") == key:
        return ScoreResult(out, False, _noted(note)["summary"])
    job = _Job(Emulator(network), OutOfRange(config.data.out_of_range), inputs, _work_folder(out, key))
    _score_inputs(job)
    summary = _merge(job, out)
    note.write_text(json.dumps({"key": key, "summary": summary}, indent=1), encoding="utf-8")
    shutil.rmtree(job.work)
    return ScoreResult(out, True, summary)


def _key(config: Config, model: TrainedModel, network: Network, inputs: Sequence[Path]) -> str:
    digests = {
        str(i): read_manifest(path, DATASET).digest if path.is_dir() else fingerprint(path) for i, path in _checked(inputs)
    }
    settings = {
        "files": [str(path) for path in inputs],
        "out_of_range": config.data.out_of_range,
        "thresholds": network.trigger_bits,
    }
    return stage_key("scores", {"model": model.digest, **digests}, settings, None, code_digest("l1ad.stages.score"))


def _checked(inputs: Sequence[Path]) -> Iterator[tuple[int, Path]]:
    for i, path in enumerate(inputs):
        if path.is_dir() and not (path / MANIFEST).is_file():
            raise InputError(f"{str(path)!r} is a folder and no prepared dataset; give its files, or run 'l1ad prepare'.")
        if not path.exists():
            raise InputError(f"There is no file {str(path)!r} to score; check the path.")
        yield i, path


def _noted(note: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _work_folder(out: Path, key: str) -> Path:
    """Make the folder of finished inputs; what an earlier attempt at the same thing left is used, anything else goes."""
    work = out.parent / f".{out.name}.{key[:16]}.partial"
    for stale in out.parent.glob(f".{out.name}.*.partial"):
        if stale != work:
            shutil.rmtree(stale, ignore_errors=True)
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot write beside {str(out)!r}: {error.strerror or error}; choose another output.") from None
    return work


def _score_inputs(job: _Job) -> None:
    """Score every input that has not been scored before, each into a file of records."""
    from tqdm import tqdm

    for i, path in enumerate(tqdm(job.inputs, desc="score", unit="file", disable=None)):
        part, counted = job.work / f"{i}.records", job.work / f"{i}.json"
        if part.is_file():
            job.tally.outside = _added(job.tally.outside, _noted(counted))
            continue
        tally = RangeTally()
        temporary = part.with_suffix(".writing")
        with temporary.open("wb") as file:
            for records in _records(job, i, path, tally):
                file.write(records.tobytes())
        counted.write_text(json.dumps(tally.outside), encoding="utf-8")
        temporary.rename(part)
        job.tally.outside = _added(job.tally.outside, tally.outside)


def _added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {name: left.get(name, 0) + right.get(name, 0) for name in {**left, **right}}


def _records(job: _Job, number: int, path: Path, tally: RangeTally) -> Iterator[NDArray[Any]]:
    entry = 0
    for x_hw, run, event in _dataset_events(job, path) if path.is_dir() else _file_events(job, path, tally):
        records = np.empty(len(x_hw), dtype=RECORD)
        records["file"] = number
        records["entry"] = entry + np.arange(len(x_hw))
        records["run"], records["event"] = run, event
        records["score_hw"] = job.emulator.scores(x_hw)
        entry += len(x_hw)
        yield records


def _dataset_events(job: _Job, path: Path) -> Iterator[tuple[NDArray[Any], Any, Any]]:
    dataset = load_dataset(path)
    if dataset.layout != job.network.layout:
        raise InputError(
            f"Dataset {str(path)!r} has layout {dataset.layout.name!r}, the emulator was built for {job.network.layout.name!r}; "
            "prepare the data with that layout."
        )
    columns = {name: dataset.column(name) if name in dataset.columns else None for name in ("run", "event")}
    for start in range(0, dataset.n_events, DATASET_EVENTS):
        part = slice(start, start + DATASET_EVENTS)
        run, event = (-1 if values is None else values[part] for values in columns.values())
        yield dataset.x_hw[part], run, event


def _file_events(job: _Job, path: Path, tally: RangeTally) -> Iterator[tuple[NDArray[Any], Any, Any]]:
    format_: Format = recognise(path)
    layout = job.network.layout
    for chunk in reader(format_).chunks(path, layout, FILE_EVENTS):
        x_hw = fit(chunk, layout, job.policy, tally, str(path))
        yield x_hw, _column(chunk, "run"), _column(chunk, "event")


def _column(chunk: EventChunk, name: str) -> Any:
    return chunk.columns.get(name, -1)


def _merge(job: _Job, out: Path) -> dict[str, Any]:
    """Write the output from the finished inputs, beside it first, then in its place."""
    temporary = job.work / f"output{out.suffix}"
    passed = dict.fromkeys((threshold.name for threshold in job.network.thresholds), 0)
    events = []
    with writer(temporary, _dtypes(job.network), _about(job)) as append:
        for i in range(len(job.inputs)):
            part = job.work / f"{i}.records"
            events.append(part.stat().st_size // RECORD.itemsize)
            for records in _batches(part):
                columns = _columns(job.network, records)
                append(columns)
                passed = {name: count + int(columns[f"pass_{name}"].sum()) for name, count in passed.items()}
    temporary.replace(out)
    inputs = [{"file": str(path), "events": count} for path, count in zip(job.inputs, events, strict=True)]
    summary: dict[str, Any] = {"events": sum(events), "passed": passed, "step": job.network.score.total.step}
    return summary | {"inputs": inputs, "network_digest": job.network.digest, "out_of_range": job.tally.outside}


def _batches(part: Path) -> Iterator[NDArray[Any]]:
    if part.stat().st_size:
        records = np.memmap(part, dtype=RECORD, mode="r")
        for start in range(0, len(records), DATASET_EVENTS):
            yield np.asarray(records[start : start + DATASET_EVENTS])


def _dtypes(network: Network) -> dict[str, np.dtype[Any]]:
    kept = {name: RECORD[name] for name in RECORD.names or ()}
    return kept | {"score": np.dtype("<f8")} | {f"pass_{t.name}": np.dtype(bool) for t in network.thresholds}


def _columns(network: Network, records: NDArray[Any]) -> dict[str, NDArray[Any]]:
    kept = {name: np.ascontiguousarray(records[name]) for name in RECORD.names or ()}
    passes = {f"pass_{t.name}": kept["score_hw"] >= t.value for t in network.thresholds}
    return kept | {"score": network.score.total.from_int(kept["score_hw"])} | passes


def _about(job: _Job) -> dict[str, str]:
    return {
        "network_digest": job.network.digest,
        "score": job.network.score.kind.value,
        "score_type": str(job.network.score.total),
        "files": "\n".join(str(path) for path in job.inputs),
        "thresholds": json.dumps(job.network.trigger_bits),
    }
