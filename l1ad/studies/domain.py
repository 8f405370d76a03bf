"""Does training on the software trigger's objects or events carry over to Level-1, and the reverse?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.dataset import Dataset, Role, Split
from l1ad.core.errors import InputError, LayoutError
from l1ad.core.fixed import FloatArray
from l1ad.core.layout import ObjectLayout, ObjectSlot, load_layout
from l1ad.reporting.document import Block, State, Table, Text, Verdict, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, heat_map
from l1ad.scores.float_reference import float_scores
from l1ad.scores.performance import evaluate
from l1ad.studies.result import Material, StudyResult, as_scores, evaluation_rows
from l1ad.studies.trainings import OtherInputs, Trained, changed, derived_dataset, study_config, train_networks

QUESTION = "Does training on HLT objects or events carry to L1, and the reverse?"
#: Fewer training events than this are not training.
MIN_EVENTS = 200
L1, HLT = "L1 objects", "HLT objects"


@dataclass(frozen=True, slots=True)
class Domain:
    """Name a selection of events and the objects they are described by."""

    events: str
    objects: str

    def __str__(self) -> str:
        return f"{self.events}, {self.objects}"


def study_domain(material: Material) -> StudyResult:
    """Train and test on every combination of events and objects, both objects in the columns they share.

    Raises:
        InputError: the data do not say what the triggers take, or hold no HLT objects of the same events.
    """
    dataset, config = material.dataset, material.config
    inputs = object_inputs(dataset, software_objects(config, dataset))
    selections = event_selections(dataset)
    domains = [Domain(events, objects) for objects in inputs for events in selections]
    trained: dict[Domain, Trained] = {}
    left_out = []
    for number_, domain in enumerate(domains):
        try:
            trained[domain] = _train(material, domain, selections[domain.events], inputs[domain.objects], number_)
        except InputError as error:
            left_out.append(f"{domain}: {error}")
    if not trained:
        raise InputError(f"No domain has the {MIN_EVENTS} background events that a training needs; prepare more background.")
    each = auc_matrix(dataset, trained, domains, selections, inputs)
    auc, scatter = each.mean(axis=0), each.std(axis=0, ddof=1)
    rows = [str(domain) for domain in trained]
    columns = [str(domain) for domain in domains]
    shared = ", ".join(f"{slot.multiplicity} {slot.kind}" for slot in inputs[L1].layout.slots)
    blocks: list[Block] = [Text(f"Both kinds of object in the columns they share: {shared}.")]
    blocks += [Verdict(State.WARNING, f"Left out: {reason}") for reason in left_out]
    caption = f"Mean AUC over signals and {len(each)} seeds [%]: trained on (rows), tested on (columns)."
    blocks += [
        heat_map("domain", caption, Axes("tested on", "trained on"), rows, columns, 100 * auc, ".1f"),
        _counts(dataset, selections),
    ]
    numbers = {
        "trained_on": rows,
        "tested_on": columns,
        "mean_auc": _plain(auc),
        "scatter": _plain(scatter),
        "left_out": left_out,
    }
    return StudyResult("domain", QUESTION, _finding(list(trained), domains, auc, scatter), State.NOTE, numbers, tuple(blocks))


def _plain(values: FloatArray) -> list[list[float | None]]:
    return [[float(v) if np.isfinite(v) else None for v in row] for row in values]


def software_objects(config: Config, dataset: Dataset) -> OtherInputs:
    """Read the software trigger's objects of the dataset's events from the same files, in the same order.

    Raises:
        InputError: the files hold none, or are not the dataset's.
        LayoutError: the same, as a reader says it.
    """
    from l1ad.core.choices import OutOfRange
    from l1ad.data.chunk import RangeTally, fit
    from l1ad.data.files import common_format, resolve
    from l1ad.data.formats import recognise
    from l1ad.data.readers import reader

    layout = load_layout(config.studies.hlt_layout)
    parts = []
    for group in (config.data.background, config.data.signals):
        for name, entry in group.items():
            paths = resolve(entry.files, config.folder)
            formats = {path: recognise(path) for path in paths}
            source = reader(common_format(formats, config.data.format, name).name)
            left = config.data.max_events or dataset.n_events
            for path in paths:
                for chunk in source.chunks(path, layout, 65_536):
                    part = fit(chunk, layout, OutOfRange.CLIP, RangeTally(), str(path))[:left]
                    left -= len(part)
                    parts.append(part)
    x_hw = np.concatenate(parts)
    if len(x_hw) != dataset.n_events:
        raise InputError(
            f"The files hold {len(x_hw)} events and dataset {str(dataset.path)!r} {dataset.n_events}; run 'l1ad prepare' on these files again."
        )
    return OtherInputs(x_hw, layout)


def object_inputs(dataset: Dataset, software: OtherInputs) -> dict[str, OtherInputs]:
    """Return both kinds of object in the columns they share."""
    layout = common_layout(dataset.layout, software.layout)
    return {
        L1: OtherInputs(np.asarray(dataset.x_hw)[:, _columns(layout, dataset.layout)], layout),
        HLT: OtherInputs(software.x_hw[:, _columns(layout, software.layout)].astype(layout.storage), layout),
    }


def common_layout(left: ObjectLayout, right: ObjectLayout) -> ObjectLayout:
    """Return the objects, places and features that two layouts share.

    Raises:
        LayoutError: they share none, or count a shared feature in other steps or types.
    """
    slots = []
    for slot in left.slots:
        other = next((s for s in right.slots if s.kind == slot.kind), None)
        if other is not None:
            slots.append(_common_slot(slot, other))
    if not slots:
        raise LayoutError(f"Layouts {left.name!r} and {right.name!r} share no object; choose another studies.hlt_layout.")
    return ObjectLayout(f"{left.name}_{right.name}", tuple(slots), "objects that two layouts share")


def _common_slot(slot: ObjectSlot, other: ObjectSlot) -> ObjectSlot:
    features = tuple(f for f in slot.features if f in other.features)
    mine, theirs = ({f: (s.types[s.features.index(f)], s.lsb[s.features.index(f)]) for f in features} for s in (slot, other))
    if mine != theirs or slot.phi_period != other.phi_period:
        raise LayoutError(f"The two layouts count {slot.kind!r} in other steps or types; choose another studies.hlt_layout.")
    types, lsb = tuple(mine[f][0] for f in features), tuple(mine[f][1] for f in features)
    return replace(slot, multiplicity=min(slot.multiplicity, other.multiplicity), features=features, types=types, lsb=lsb)


def _columns(common: ObjectLayout, layout: ObjectLayout) -> list[int]:
    return [layout.index(name) for name in common.names]


def event_selections(dataset: Dataset) -> dict[str, NDArray[np.bool_]]:
    """Return the selections of events: all, zero bias only, taken by L1, by the HLT, failing L1; shape ``(n_events,)`` each.

    Raises:
        InputError: the data do not say what the triggers take.
    """
    for name in ("pass_l1", "pass_hlt"):
        if name not in dataset.columns:
            raise InputError(
                f"The domain study needs column {name!r}, which dataset {str(dataset.path)!r} does not have; leave it out."
            )
    l1, hlt = (np.asarray(dataset.column(name), dtype=bool) for name in ("pass_l1", "pass_hlt"))
    selections = {"all events": np.ones(dataset.n_events, dtype=bool)}
    names = [sample.name for sample in dataset.of_role(Role.BACKGROUND)]
    if "zero_bias" in names and len(names) > 1:
        index = np.asarray(dataset.column("sample"))
        others = [i for i, s in enumerate(dataset.samples) if s.role is Role.BACKGROUND and s.name != "zero_bias"]
        selections["zero bias"] = ~np.isin(index, others)
    return selections | {"L1 events": l1, "HLT events": hlt, "failing L1": ~l1}


def _train(material: Material, domain: Domain, keep: NDArray[np.bool_], inputs: OtherInputs, number_: int) -> Trained:
    dataset, config = material.dataset, material.config
    folder = material.work / f"domain{number_}"
    background = {s.name: keep for s in dataset.of_role(Role.BACKGROUND)}
    data = derived_dataset(dataset, folder / "data", background, config.studies.events, inputs)
    count = len(data.rows(role=Role.BACKGROUND)) - len(data.rows(role=Role.BACKGROUND, split=Split.TEST))
    if count < MIN_EVENTS:
        raise InputError(f"{count} events to train on, at least {MIN_EVENTS} are needed.")
    return train_networks(_settings(config, inputs.layout, count), data, folder)


def _settings(config: Config, layout: ObjectLayout, events: int) -> Config:
    kinds = {slot.kind for slot in layout.slots}
    weights = {kind: value for kind, value in config.training.object_weights.items() if kind in kinds}
    reference = config.scaling.phi_reference if config.scaling.phi_reference in kinds else None
    scaling = {"rule": "robust", "offset": None, "shift": None, "phi_reference": reference}
    settings = changed(config, "scaling", scaling)
    batch = min(config.training.batch_size, max(32, events // 20))
    return study_config(settings, min(4, config.studies.seeds), object_weights=weights, batch_size=batch)


def auc_matrix(
    dataset: Dataset,
    trained: Mapping[Domain, Trained],
    domains: list[Domain],
    selections: Mapping[str, NDArray[np.bool_]],
    inputs: Mapping[str, OtherInputs],
) -> FloatArray:
    """Return the mean AUC over signals of every training in every domain.

    Returns:
        Shape ``(n_seeds, n_trainings, n_domains)``; NaN where a domain lacks events.
    """
    rows = evaluation_rows(dataset)
    n_seeds = min(len(training.seeds) for training in trained.values())
    matrix = np.full((n_seeds, len(trained), len(domains)), np.nan)
    for i, training in enumerate(trained.values()):
        for seed in range(n_seeds):
            scores = {name: float_scores(training.networks[seed], each.x_hw[rows]) for name, each in inputs.items()}
            for j, domain in enumerate(domains):
                inside = selections[domain.events][rows]
                matrix[seed, i, j] = _mean_auc(dataset, scores[domain.objects][inside], rows[inside])
    return matrix


def _mean_auc(dataset: Dataset, values: FloatArray, rows: NDArray[np.int64]) -> float:
    try:
        mean = evaluate(dataset, as_scores(dataset, values, rows), ()).mean_auc()
    except InputError:
        return float("nan")
    return float("nan") if mean is None else mean


def _counts(dataset: Dataset, selections: Mapping[str, NDArray[np.bool_]]) -> Table:
    background, signal = (dataset.rows(role=role) for role in (Role.BACKGROUND, Role.SIGNAL))
    rows = tuple(
        (name, number(int(keep[background].sum())), number(int(keep[signal].sum()))) for name, keep in selections.items()
    )
    return Table("Events of each selection", (*text_columns("Events"), *number_columns("Background", "Signals")), rows)


def _finding(trained: list[Domain], domains: list[Domain], auc: FloatArray, scatter: FloatArray) -> str:
    texts = []
    for here, there in ((HLT, L1), (L1, HLT)):
        source, own = Domain("all events", here), Domain("all events", there)
        if source in trained and own in trained:
            moved, home = (trained.index(source), domains.index(own)), (trained.index(own), domains.index(own))
            apart = abs(auc[moved] - auc[home]) > 2.0 * np.hypot(scatter[moved], scatter[home])
            verdict = "which differ" if apart else "which the scatter between seeds does not tell apart"
            texts.append(
                f"networks trained on {here} have mean AUC {100 * auc[moved]:.1f} ± {100 * scatter[moved]:.1f} % on {there}, those trained there "
                f"{100 * auc[home]:.1f} ± {100 * scatter[home]:.1f} %, {verdict}"
            )
    return (
        ("On all events " + "; ".join(texts) + ".")
        if texts
        else "Too few events to compare the two kinds of object on all events."
    )
