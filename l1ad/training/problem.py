"""Put a configuration and a dataset together: background events, scaling, plan and loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from l1ad.config import Config
from l1ad.core.dataset import Dataset, Split
from l1ad.core.layout import ObjectLayout
from l1ad.training.embedding import Step
from l1ad.training.events import Events, training_events
from l1ad.training.loop import FitSettings
from l1ad.training.losses import LossSpec, loss_spec
from l1ad.training.plan import Plan, chip_types, plan_model, plan_teacher
from l1ad.training.preprocessing import ScalingChoice, choose_scaling
from l1ad.training.pruning import NO_PRUNING, PruningSchedule
from l1ad.training.steps import Graph
from l1ad.training.views import views


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What all trainings of a configuration share."""

    config: Config
    layout: ObjectLayout
    plan: Plan
    scaling: ScalingChoice
    loss: LossSpec
    train: Events
    validation: Events

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the networks trained side by side."""
        first = self.config.training.seed
        return tuple(range(first, first + self.config.training.seeds))

    @property
    def robust(self) -> bool:
        """Whether learning rates follow a schedule and weights are averaged."""
        return self.config.training.recipe == "robust"

    @property
    def taught(self) -> bool:
        """Whether the networks learn a teacher's score."""
        return self.robust and not self.plan.embedding

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of a training, one after the other."""
        return (Step.PAIRS, Step.RECONSTRUCTION) if self.plan.embedding else (Step.WHOLE,)

    @property
    def teacher_plan(self) -> Plan:
        """The layers of the ensemble's networks."""
        shape = self.config.training.teacher_network
        return self.plan if shape is None else plan_teacher(shape, self.plan)

    @property
    def score_columns(self) -> tuple[int, ...]:
        """The columns that a score compares with their reconstruction: of the input, or of an embedding all; none for other scores."""
        if self.plan.embedding:
            return tuple(range(self.plan.latent))
        return self.scaling.columns if self.plan.score.is_reconstruction else ()

    def graph(self, plan: Plan, plans: Sequence[Plan] = (), *, distil: float = 0.0, step: Step = Step.WHOLE) -> Graph:
        """Describe what is compiled: networks of one plan in float, or quantised with the types of a plan for each network."""
        average = self.config.training.average if self.robust else 0.0
        normalised = self.config.model.batch_norm and not plans
        return Graph(plan, self.loss, self.layout, self.scaling.scaling, chip_types(plans), average, distil, normalised, step)

    def settings(
        self, epochs: int, label: str, seeds: tuple[int, ...] | None = None, pruning: PruningSchedule = NO_PRUNING
    ) -> FitSettings:
        """Duration and learning rates of one of the trainings."""
        training = self.config.training
        cosine = self.robust and training.schedule == "cosine"
        return FitSettings(epochs, training.batch_size, training.learning_rate, cosine, seeds or self.seeds, pruning, label)


def make_problem(config: Config, dataset: Dataset) -> Problem:
    """Read the background, choose the scaling, plan model and loss.

    Args:
        config: the configuration.
        dataset: its dataset.

    Raises:
        InputError: no background, a column without values, or impossible weights.
        ConfigError: a configuration that does not fit together.
        ModelError: a model that is not exactly convertible.
        LayoutError: a given scaling that does not fit the layout.
    """
    layout, training = dataset.layout, config.training
    plan = plan_model(config, layout)
    train = training_events(dataset, Split.TRAIN, event_weights=training.event_weights)
    validation = training_events(dataset, Split.VALIDATION, event_weights=training.event_weights)
    choice = choose_scaling(config.scaling, plan.input_type, layout, train.x_hw, train.weight)
    loss = loss_spec(training, plan.score, config.score.cyclic_phi, layout, choice.scaling, choice.columns)
    if plan.embedding:
        train, validation = (_paired(layout, part, training.seed + i) for i, part in enumerate((train, validation)))
    return Problem(config, layout, plan, choice, loss, train, validation)


def _paired(layout: ObjectLayout, events: Events, seed: int) -> Events:
    return replace(events, pair=views(layout, events.x_hw, seed).astype(layout.storage))
