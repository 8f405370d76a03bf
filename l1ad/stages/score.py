"""Score any amount of events with the exact emulator, in flat memory; a run that was stopped continues with the next piece."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.config.data import DataConfig
from l1ad.core.artefact import MANIFEST, read_manifest
from l1ad.core.dataset import KIND as DATASET
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from l1ad.core.network import Network
from l1ad.core.provenance import fingerprint
from l1ad.core.stage import StageResult, Summary
from l1ad.core.stage_file import note_of, run_file_stage
from l1ad.core.trained import load_trained
from l1ad.data.execute import cluster_for, execute, pieces
from l1ad.data.files import resolve
from l1ad.data.formats import recognise
from l1ad.data.readers import reader
from l1ad.data.records import RECORD, ScoreJob, score_piece
from l1ad.emulator.kernel import Emulator
from l1ad.emulator.output import check_suffix, require_stored, writer
from l1ad.emulator.package import MASK_BITS
from l1ad.firmware.target import thresholds_note, with_configured_thresholds
from l1ad.toolchain.progress import progress

#: Events merged at a time.
_MERGED_EVENTS = 1 << 19
KIND = "scores"
#: Columns of the output that are kept of each event as they are.
_KEPT = ("file", "entry", "run", "event", "score_hw")


@dataclass(frozen=True, slots=True)
class ScoreResult(StageResult):
    """What was scored.

    Attributes:
        path: the output file.
        fresh: whether it was made now; else nothing had changed.
        summary: events, files, thresholds passed, values outside the hardware range.
    """

    FLAT: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the stage: the work folder has a file of records for each piece."""

    network: Network
    inputs: tuple[Path, ...]
    work: Path
    jobs: tuple[ScoreJob, ...]

    @property
    def pieces(self) -> list[tuple[ScoreJob, Path]]:
        """Each job with the file its records go to."""
        return [(job, self.work / f"{job.number}-{job.events.start}.records") for job in self.jobs]


def score(config: Config, files: Sequence[str], out: Path, *, force: bool = False, scheduler: str | None = None) -> ScoreResult:
    """Score files or prepared datasets.

    The output has, for each event: ``file`` and ``entry`` in it, ``run`` and ``event`` (-1 where the input has none), ``score_hw``
    (the integer), ``score`` (its value) and ``pass_<threshold>``. Beside it is a JSON file with what it was made from.
    Inputs are scored in pieces of `PIECE_EVENTS`; stopped at any time and run again, it goes on with the pieces that are not there
    yet and ends with the same output, and so does a run one of whose workers died.

    Args:
        config: the configuration, which gives the model and what happens to values outside the hardware range.
        files: dataset folders, files of any supported format, or patterns, relative to the present folder.
        out: the output, ``.h5``, ``.hdf5`` or ``.root``.
        force: do it again even if nothing has changed.
        scheduler: where pieces are scored: ``none`` here, ``local`` on all cores, a Dask scheduler's address; None takes ``local``
            where there are so many that it helps.

    Returns:
        What was scored.

    Raises:
        ArtefactError: there is no model, another process writes this output, or it cannot be written there or is not stored as written.
        InputError: an input is missing, damaged or of another layout; the output is no such file.
        LayoutError: values outside the hardware range, and the configuration says to refuse them.
        ToolFailedError: a cluster lost its workers again and again.
    """
    check_suffix(out)
    model = load_trained(config.run / "model")
    inputs = resolve(files, Path.cwd())
    network = with_configured_thresholds(model.network, config)
    if len(network.thresholds) > MASK_BITS:
        raise InputError(
            f"'l1ad score' gives up to {MASK_BITS} trigger bits, got {len(network.thresholds)} thresholds; give fewer."
        )
    settings = {
        "files": [str(path) for path in inputs],
        "out_of_range": config.data.out_of_range.value,
        "objects": config.data.objects.value,
        "thresholds": network.trigger_bits,
        **thresholds_note(config),
    }

    def write(work: Path, place: Path) -> Summary:
        return _score(network, inputs, work, config.data, scheduler, place) | thresholds_note(config)

    code, digests = "l1ad.stages.score", {"model": model.digest, **_digests(inputs)}
    return run_file_stage(ScoreResult, out, KIND, write, code=code, inputs=digests, settings=settings, force=force)


def _digests(inputs: Sequence[Path]) -> dict[str, str]:
    return {str(i): read_manifest(path, DATASET).digest if path.is_dir() else fingerprint(path) for i, path in _checked(inputs)}


def _checked(inputs: Sequence[Path]) -> Iterator[tuple[int, Path]]:
    for i, path in enumerate(inputs):
        if path.is_dir() and not (path / MANIFEST).is_file():
            raise InputError(f"{str(path)!r} is a folder and no prepared dataset; give its files, or run 'l1ad prepare'.")
        if not path.exists():
            raise InputError(f"There is no file {str(path)!r} to score; check the path.")
        yield i, path


def _score(
    network: Network, inputs: tuple[Path, ...], work: Path, data: DataConfig, scheduler: str | None, out: Path
) -> dict[str, Any]:
    """Score every piece that has not been scored before, and write the output from all of them."""
    for unfinished in work.glob("*.writing"):
        unfinished.unlink()
    ranges = [(number, path, piece) for number, path in enumerate(inputs) for piece in _pieces(path)]
    cluster = cluster_for(scheduler, len(ranges))
    file, threads = work / "network.json", 0 if cluster is None else 1
    network.save(file)
    policy, objects = data.out_of_range, data.objects
    jobs = tuple(ScoreJob(file, path, number, piece, policy, threads, objects) for number, path, piece in ranges)
    run = _Run(network, inputs, work, jobs)
    Emulator(network)  # compiled here once, so that workers on this machine find it and a missing compiler is told at once
    with progress(total=sum(len(job.events) for job in run.jobs), desc="score", unit="event") as bar:
        tallies = execute(score_piece, run.pieces, cluster, lambda i: bar.update(len(run.jobs[i].events)))
    outside: Counter[str] = Counter()
    for tally in tallies:
        outside.update(cast(dict[str, int], tally))
    return _merge(run, dict(outside), out)


def _pieces(path: Path) -> list[range]:
    if path.is_dir():
        return pieces(load_dataset(path).n_events)
    description = reader(recognise(path).name).describe(path)
    return pieces(description.n_events, description.block)


def _merge(run: _Run, outside: dict[str, int], out: Path) -> dict[str, Any]:
    """Write the output from the finished pieces, beside it first, then, read back, in its place."""
    temporary = run.work / f"output{out.suffix}"
    passed = dict.fromkeys((threshold.name for threshold in run.network.thresholds), 0)
    events = [0] * len(run.inputs)
    with writer(temporary, _dtypes(run.network), _about(run)) as append:
        for number, columns in _columns_of(run):
            append(columns)
            events[number] += len(columns["score_hw"])
            passed = {name: count + int(columns[f"pass_{name}"].sum()) for name, count in passed.items()}
    require_stored(temporary, (columns for _, columns in _columns_of(run)), out)
    note_of(out).unlink(missing_ok=True)  # it describes the output that is replaced now
    temporary.replace(out)
    inputs = [{"file": str(path), "events": count} for path, count in zip(run.inputs, events, strict=True)]
    summary: dict[str, Any] = {"events": sum(events), "passed": passed, "step": run.network.score.total.step}
    return summary | {"inputs": inputs, "network_digest": run.network.digest, "out_of_range": outside}


def _columns_of(run: _Run) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
    """Return the output's columns batch by batch, each with the number of its input."""
    for job, piece in run.pieces:
        for records in _batches(piece):
            yield job.number, _columns(run.network, records)


def _batches(piece: Path) -> Iterator[NDArray[Any]]:
    with piece.open("rb") as file:
        while len(records := np.fromfile(file, dtype=RECORD, count=_MERGED_EVENTS)):
            yield records


def _dtypes(network: Network) -> dict[str, np.dtype[Any]]:
    return (
        {name: RECORD[name] for name in _KEPT}
        | {"score": np.dtype("<f8")}
        | {f"pass_{t.name}": np.dtype(bool) for t in network.thresholds}
    )


def _columns(network: Network, records: NDArray[Any]) -> dict[str, NDArray[Any]]:
    kept = {name: np.ascontiguousarray(records[name]) for name in _KEPT}
    passes = {f"pass_{t.name}": (records["bits"] >> np.uint64(i)) & np.uint64(1) != 0 for i, t in enumerate(network.thresholds)}
    return kept | {"score": network.score.total.from_int(kept["score_hw"])} | passes


def _about(run: _Run) -> dict[str, str]:
    return {
        "network_digest": run.network.digest,
        "score": run.network.score.kind.value,
        "score_type": str(run.network.score.total),
        "files": "\n".join(str(path) for path in run.inputs),
        "thresholds": json.dumps(run.network.trigger_bits),
    }
