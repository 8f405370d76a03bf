"""Verify that every implementation at hand gives the same integer, over data and adversarial events."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.agreement import AGREEMENT_FILE, Agreement, compare, merge, read_agreements
from l1ad.core.artefact import Draft, is_artefact, origin_of, read_manifest, writer_of
from l1ad.core.dataset import Dataset, load_dataset
from l1ad.core.errors import InputError, MismatchError
from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Network
from l1ad.core.plain import Origin, Plain, plain
from l1ad.core.stage import StageResult, run_stage
from l1ad.core.trained import load_trained
from l1ad.firmware.target import absent_inputs
from l1ad.ranges import RangeRow, float32_exact, prove
from l1ad.scores.events import comparison_events
from l1ad.scores.implementations import Found, find_implementations
from l1ad.toolchain.progress import progress

KIND = "verify"
#: Events handed to every implementation at a time.
BATCH = 1 << 19
#: Events the C simulation takes at most: about a minute.
CSIM_EVENTS = 2_000_000


@dataclass(frozen=True, slots=True)
class VerifySummary(Plain):
    """What the manifest says.

    Attributes:
        events: number of events.
        data_events: those of them that are data.
        implementations: by name, what is to be known of it.
        skipped: by name, why an implementation was not compared.
        float32_exact: whether float32 holds every sum.
        network_digest: digest of the network.
        ranges: proved range of every node.
        mismatches: differing events of all pairs.
    """

    events: int
    data_events: int
    implementations: Mapping[str, Any]
    skipped: Mapping[str, str]
    float32_exact: bool
    network_digest: str
    ranges: tuple[RangeRow, ...]
    mismatches: int


@dataclass(frozen=True, slots=True)
class VerifyResult(StageResult):
    """How far the implementations agree.

    Attributes:
        path: the artefact.
        fresh: whether it was made now; else nothing had changed.
        summary: events, arithmetic, ranges.
        agreements: every pair.
        skipped: by name, why an implementation was not compared.
    """

    FLAT: ClassVar[bool] = True

    agreements: tuple[Agreement, ...]
    skipped: Mapping[str, str]

    @classmethod
    def found(cls, path: Path, fresh: bool, summary: dict[str, Any]) -> VerifyResult:
        """Read what the artefact holds beside its summary."""
        known = VerifySummary.read(summary, origin_of(path, KIND))
        agreements = read_agreements(Origin(path / AGREEMENT_FILE, writer_of(KIND)))
        return cls(path, fresh, known.to_dict(), agreements, known.skipped)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return StageResult.to_dict(self) | {"agreements": plain(self.agreements)}


def verify(config: Config, *, events: int = 100_000, force: bool = False) -> VerifyResult:
    """Compare all implementations pairwise.

    Half of the events are data as long as there are any, the others range ends, rounding ties, sparse and dense events and random
    bits. The slow implementations take the first part of them.

    Args:
        config: the configuration.
        events: how many events.
        force: do it again even if nothing has changed.

    Returns:
        The pairwise agreements, all exact.

    Raises:
        ArtefactError: there is no model, or a project was made from another one.
        InputError: no events were asked for.
        MismatchError: two implementations differ; the artefact is written all the same.
    """
    if events < 1:
        raise InputError(f"Verifying needs at least one event, got {events!r}.")
    model = load_trained(config.run / "model")
    network, dataset = model.network, _open_dataset(config, model.network.layout)
    inputs = {"model": model.digest, "dataset": dataset.digest if dataset else "", **_projects(config)}
    absent = absent_inputs(config, network.layout)
    settings: dict[str, Any] = {"events": events, "rtl_events": config.synthesis.rtl_events, "absent": absent}
    target = config.run / "verify"

    def write(draft: Draft) -> VerifySummary:
        found = _find(config, network)
        agreements = _compare_all(found, network, dataset, events, absent)
        (draft.path / AGREEMENT_FILE).write_text(json.dumps(plain(agreements), indent=1), encoding="utf-8")
        return _summary(found, network, dataset, events, agreements)

    code = "l1ad.stages.verify"
    return _required(run_stage(VerifyResult, target, KIND, write, code=code, inputs=inputs, settings=settings, force=force))


def _open_dataset(config: Config, layout: ObjectLayout) -> Dataset | None:
    """Open the run's dataset, if there is one.

    Raises:
        InputError: it has another layout than the model.
    """
    path = config.run / "dataset"
    if not is_artefact(path, "dataset"):
        return None
    dataset = load_dataset(path)
    if dataset.layout != layout:
        raise InputError(
            f"Dataset {str(path)!r} has layout {dataset.layout.name!r}, the model {layout.name!r}; prepare the data the model was made for."
        )
    return dataset


def _projects(config: Config) -> dict[str, str]:
    """Digest what the simulations are made from; "" where there is nothing."""
    folders = {"hls_project": config.project, "synth_open": config.run / "synth_open"}
    return {name: read_manifest(path).digest if _is_made(path) else "" for name, path in folders.items()}


def _is_made(path: Path) -> bool:
    """Return whether a folder is an artefact of any kind."""
    return (path / "manifest.json").is_file()


def _find(config: Config, network: Network) -> Found:
    return find_implementations(
        network,
        config.project,
        config.run / "synth_open",
        csim_events=CSIM_EVENTS,
        rtl_events=config.synthesis.rtl_events,
    )


def _compare_all(found: Found, network: Network, dataset: Dataset | None, events: int, absent: Sequence[int]) -> list[Agreement]:
    parts: dict[tuple[str, str], list[Agreement]] = {}
    with progress(total=events, desc="verify", unit="event") as bar:
        for start in range(0, events, BATCH):
            stop = min(start + BATCH, events)
            codes = _codes(found, comparison_events(network, dataset, start, stop, absent), start)
            for (left, a), (right, b) in itertools.combinations(codes.items(), 2):
                common = min(len(a), len(b))
                agreement = compare(left, right, a[:common], b[:common], first_event=start)
                parts.setdefault((left, right), []).append(agreement)
            bar.update(stop - start)
    return [merge(part) for part in parts.values()]


def _codes(found: Found, x_hw: NDArray[Any], start: int) -> dict[str, IntArray]:
    """Let every implementation score a batch that begins at an event, or the part of it that is below its limit."""
    codes, stop = {}, start + len(x_hw)
    for implementation in found.implementations:
        end = stop if implementation.limit is None else min(stop, implementation.limit)
        if end > start:
            codes[implementation.name] = implementation.scores(x_hw[: end - start])
    return codes


def _summary(found: Found, network: Network, dataset: Dataset | None, events: int, agreements: list[Agreement]) -> VerifySummary:
    return VerifySummary(
        events=events,
        data_events=0 if dataset is None else min(dataset.n_events, (events + 1) // 2),
        implementations={i.name: i.note for i in found.implementations},
        skipped=dict(found.skipped),
        float32_exact=float32_exact(network),
        network_digest=network.digest,
        ranges=tuple(node.row for node in prove(network)),
        mismatches=sum(agreement.n_different for agreement in agreements),
    )


def _required(result: VerifyResult) -> VerifyResult:
    """Return the result back if every pair agrees."""
    if len(result.agreements) == 0:
        raise MismatchError(
            f"There was nothing to compare the specification with: {dict(result.skipped)!r}; build one of them first."
        )
    for agreement in result.agreements:
        agreement.require()
    return result
