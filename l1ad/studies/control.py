"""Is the code right? Train on one sample as if it were background: it must then look normal, and the real background anomalous."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.config import Config
from l1ad.core.dataset import Dataset, Role, Split
from l1ad.core.errors import InputError, nearest
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.reporting.document import Figure, State, Table, Verdict, number_columns, text_columns, with_error
from l1ad.reporting.drawing import Axes, histogram_plot
from l1ad.scores.metrics import Auc, auc
from l1ad.studies.result import Material, StudyResult
from l1ad.studies.trainings import Trained, changed, derived_dataset, study_config, train_networks

QUESTION = "Is the code right: is anomalous what a network was not trained on, and normal what it was?"
#: Standard errors that the result must be away from one half.
SIGMAS = 3.0
#: Added to scores before their logarithm, so that a score of 0 has one.
_SMALL = 1e-3
#: Type of the scaled input: the one on the chip may be so coarse that soft events look alike, which says nothing about the code.
_INPUT_TYPE = "ap_fixed<16,6,AP_RND_CONV,AP_SAT>"
#: Steps of a training on few events: it gets as many epochs as it takes.
_EVENTS_SEEN = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Swap:
    """How anomalous samples look beside the control sample, to networks trained on one or the other.

    Attributes:
        trained_on: the label of what the networks were trained on.
        aucs: probability that an event of a sample scores above one of the control sample, by the sample's label.
        scores: background and control scores, for plots.
    """

    trained_on: str
    aucs: dict[str, Auc]
    scores: dict[str, tuple[Any, Any]]


def study_control(material: Material) -> StudyResult:
    """Train on ``studies.control_sample`` as background, and on as many events of the real background.

    It passes when the real background scores above the control sample for the first networks, by more than three standard errors; the
    score is the mean logarithm over ``studies.seeds`` plain trainings.

    Raises:
        InputError: there is no such sample.
    """
    dataset, config = material.dataset, material.config
    name = config.studies.control_sample
    signals = [s.name for s in dataset.of_role(Role.SIGNAL)]
    if name not in signals:
        raise InputError(
            f"Key 'studies.control_sample' needs a signal, {name!r} is none of the dataset's; {nearest(name, signals)}"
        )
    control, usual = _train(material, (name,)), _train(material, tuple(s.name for s in dataset.of_role(Role.BACKGROUND)))
    label = dataset.sample(name).label
    verdict = judge(control, usual, label)
    numbers = {
        "control_sample": name,
        "passed": verdict.state is State.GOOD,
        "trained_on_control": {k: v.to_dict() for k, v in control.aucs.items()},
        "trained_on_background": {k: v.to_dict() for k, v in usual.aucs.items()},
    }
    blocks = (verdict, _table(control, usual, label), _figure(control, "control"), _figure(usual, "usual"))
    return StudyResult("control", QUESTION, verdict.text, verdict.state, numbers, blocks)


def _train(material: Material, names: tuple[str, ...]) -> Swap:
    dataset, config = material.dataset, material.config
    control = config.studies.control_sample
    events = min(config.studies.events, int(0.6 * len(dataset.rows(sample=control))))
    everything = np.ones(dataset.n_events, dtype=bool)
    folder = material.work / "-".join(names)
    data = derived_dataset(dataset, folder / "data", dict.fromkeys(names, everything), events)
    trained = train_networks(_settings(config, events), data, folder)
    return _swap(data, trained, control, " and ".join(dataset.sample(name).label for name in names))


def _settings(config: Config, events: int) -> Config:
    """Train plainly, on inputs that are hardly rounded: what a network learns from its own events, not a teacher, is looked at."""
    epochs = max(config.studies.epochs, min(60, _EVENTS_SEEN // max(events, 1)))
    batch = min(config.training.batch_size, max(32, events // 20))
    fine = changed(config, "model", {"input_type": _INPUT_TYPE})
    return study_config(fine, config.studies.seeds, recipe="plain", float_epochs=epochs, batch_size=batch)


def _swap(dataset: Dataset, trained: Trained, control: str, label: str) -> Swap:
    aucs, shown = {}, {}
    reference = common_score(trained, dataset, dataset.rows(sample=control, split=Split.TEST))
    for sample in dataset.samples:
        chosen = dataset.rows(sample=sample.name, split=Split.TEST)
        values, weight = common_score(trained, dataset, chosen), np.asarray(dataset.column("weight")[chosen])
        shown[sample.label] = (values, weight)
        if sample.name != control:
            aucs[sample.label] = auc(reference, values, None, weight)
    return Swap(label, aucs, shown)


def common_score(trained: Trained, dataset: Dataset, rows: IntArray) -> FloatArray:
    """Return the mean logarithm of all seeds' scores: single plain trainings differ too much to check anything with."""
    each = [np.log(trained.scores(dataset, rows, i).values + _SMALL) for i in range(len(trained.seeds))]
    return np.asarray(np.mean(each, axis=0))


def judge(control: Swap, usual: Swap, label: str) -> Verdict:
    """Return whether the control passes.

    Args:
        control: the network trained on the control sample.
        usual: the network trained on the background.
        label: the control sample.
    """
    name = usual.trained_on
    here, there = control.aucs[name], usual.aucs[name]
    significant = here.value - 0.5 > SIGMAS * here.error
    moved = here.value - there.value > SIGMAS * float(np.hypot(here.error, there.error))
    numbers = (
        f"{name} scores above {label} with probability {100 * here.value:.1f} ± {100 * here.error:.1f} % after training on {label}, "
        f"{100 * there.value:.1f} ± {100 * there.error:.1f} % after training on {name}"
    )
    if significant and moved:
        return Verdict(State.GOOD, f"The control passes: {numbers}.")
    if moved:
        return Verdict(State.BAD, f"The control fails: the training shows, but {name} still looks normal: {numbers}.")
    return Verdict(State.BAD, f"The control fails, what a network is trained on does not show in its score: {numbers}.")


def _table(control: Swap, usual: Swap, label: str) -> Table:
    rows = tuple(
        (name, with_error(value.value, value.error, 100.0), with_error(usual.aucs[name].value, usual.aucs[name].error, 100.0))
        for name, value in control.aucs.items()
    )
    columns = (
        *text_columns("Sample"),
        *number_columns(f"Trained on {control.trained_on} [%]", f"Trained on {usual.trained_on} [%]"),
    )
    return Table(
        f"Probability to score above {label}", columns, rows, "Test events; 50 % is as normal as the control sample itself."
    )


def _figure(swap: Swap, name: str) -> Figure:
    axes = Axes("mean ln(score) over seeds", "fraction of events", title=f"trained on {swap.trained_on}", log_y=True)
    return histogram_plot(f"control-{name}", f"Scores of networks trained on {swap.trained_on}.", axes, swap.scores)
