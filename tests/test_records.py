"""Artefacts of form 1, as they were written in November 2026, are read as records; a key that is renamed is noticed, never shown as absent."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from l1ad.core.agreement import read_agreements
from l1ad.core.errors import ArtefactError
from l1ad.core.history import Curves, History, load_history
from l1ad.core.plain import Origin, Plain
from l1ad.physics.rates_record import RatesRecord, RatesSummary
from l1ad.reporting.compared import MetRecord
from l1ad.scores.targets import Kind
from l1ad.stages.csim import CsimSummary
from l1ad.stages.report import ReportSummary
from l1ad.stages.study import StudySummary
from l1ad.stages.synth import SynthSummary
from l1ad.stages.verify import VerifySummary

GOLDEN = Path(__file__).parent / "golden" / "artefacts" / "1"
RECORDS: dict[str, type[Plain]] = {
    "csim_summary": CsimSummary,
    "synth_open_summary": SynthSummary,
    "verify_summary": VerifySummary,
    "rates_summary": RatesSummary,
    "report_summary": ReportSummary,
    "study_summary": StudySummary,
    "study": MetRecord,
    "rates": RatesRecord,
    "history": History,
}
#: Entries whose keys are names of signals, cuts and the like.
FREE = {"efficiencies", "medians", "beaten", "gain", "together", "left_out", "physics", "skipped", "implementations"}


def place(name: str) -> Origin:
    return Origin(GOLDEN / f"{name}.json", "'l1ad some'")


def keys(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Find every key, once for each list."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield (*at, key)
            yield from () if key in FREE else keys(value, (*at, key))
    elif isinstance(data, list):
        yield from keys(data[0], (*at, 0)) if data else ()


def renamed(data: Any, at: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(data)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    inner[f"{at[-1]}_x"] = inner.pop(at[-1])
    return changed


def without_new(again: Any, data: Any) -> Any:
    """Leave out keys that came later, which hold nothing when an older file is read."""
    if isinstance(data, dict):
        return {key: without_new(value, data.get(key)) for key, value in again.items() if key in data or value is not None}
    return [without_new(*pair) for pair in zip(again, data, strict=True)] if isinstance(data, list) else again


def looked_at(kind: type[Plain], data: Any) -> list[tuple[Any, ...]]:
    """List the keys that a record knows: all of them, or those of its fields that must be there."""
    if not kind.PART:
        return list(keys(data))
    fields = [field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]  # type: ignore[arg-type]
    if kind is RatesRecord:
        return [
            ("sources",),
            *((*at,) for at in keys(data) if at[:1] == ("sources",) and at[2:3] in (("stability",), ("drifts",))),
        ]
    return [at for at in keys(data) if at[0] in fields]


@pytest.mark.parametrize("name", RECORDS)
def test_every_key_that_is_renamed_is_named(name: str) -> None:
    kind, data = RECORDS[name], place(name).json()
    kind.read(data, place(name))
    known = looked_at(kind, data)
    assert known
    for at in known:
        with pytest.raises(ArtefactError, match=rf"^'.*{name}\.json' has (no|a key) '.*'[,;].*: run 'l1ad some' again\.$"):
            kind.read(renamed(data, at), place(name))


@pytest.mark.parametrize("name", [name for name, kind in RECORDS.items() if not kind.PART])
def test_a_record_is_written_as_it_was(name: str) -> None:
    data = place(name).json()
    assert without_new(RECORDS[name].read(data, place(name)).to_dict(), data) == data


def test_comparisons_are_read_from_a_list_and_alone(tmp_path: Path) -> None:
    (first, second) = read_agreements(place("agreement"))
    assert (first.left, first.right, first.n_events, first.exact) == ("QKERAS", "CSIM", 1800, True)
    assert (second.left, second.first, second.parted_at) == ("REFERENCE", (), None)
    alone = Origin(tmp_path / "agreement.json", "'l1ad csim'")
    alone.file.write_text('{"left": "A", "right": "B", "n_events": 5, "n_different": 1, "max_ulp": 2, "first": [[3, 7, 9]]}')
    (found,) = read_agreements(alone)
    assert (found.first, found.exact) == (((3, 7, 9),), False)


def test_the_numbers_are_those_of_the_files() -> None:
    met = MetRecord.read(place("study").json(), place("study"))
    score, *cuts = met.pure[0].selections
    assert (met.pure[0].kind, met.pure[0].rate_khz, score.name, score.n_background) == (Kind.PURE, 1.0, "score", 163)
    assert len(cuts) == 2
    rates = RatesRecord.read(place("rates").json(), place("rates"))
    assert rates.sources[-1].stability[0].rates[0].rate.n_events == 1
    history = load_history(GOLDEN)
    assert isinstance(history.qat, Curves)
    assert list(history.phases) == ["float", "qat"]
