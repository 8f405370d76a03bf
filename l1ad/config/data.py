"""Describe where events come from and how they become a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from l1ad.config.base import Paths, Section, one_of
from l1ad.core.choices import ObjectSource, OutOfRange
from l1ad.core.dataset import check_samples
from l1ad.core.errors import InputError
from l1ad.core.formats import input_formats

WeightsName = Literal["file", "none"]
ObjectsName = Annotated[ObjectSource, one_of(ObjectSource)]
if TYPE_CHECKING:
    FormatName = str
else:
    FormatName = Literal[("auto", *input_formats())]


class SampleConfig(Section):
    """Name one sample and its files.

    Attributes:
        files: a path or pattern, or a list of them; ``**`` stands for folders of any depth.
        label: what plots and tables call the sample; its name by default.
        weights: as ``data.weights``, for this sample only.
        objects: as ``data.objects``, for this sample only.
    """

    files: Paths
    label: str = ""
    weights: WeightsName | None = None
    objects: ObjectsName | None = None


def _short_sample(value: object) -> object:
    return {"files": value} if isinstance(value, str | list) else value


ShortSample = Annotated[SampleConfig, BeforeValidator(_short_sample, json_schema_input_type=SampleConfig | str | list[str])]


class SplitConfig(Section):
    """Share out the background; signals are all for testing.

    Attributes:
        train: part of the background that networks are trained on.
        validation: part that chooses between trainings.
        test: part that every efficiency and rate is taken from; the three add up to 1.
        block: so many consecutive event numbers of a run fall into one part together, as the crossings must that simulation makes of one
            hard collision (64).
    """

    train: float = Field(0.5, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    test: float = Field(0.4, gt=0, lt=1)
    block: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _adds_up(self) -> SplitConfig:
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"train, validation and test must add up to 1, got {total:g}")
        return self


class SelectionConfig(Section):
    """Selection of events and objects; what is left out is counted in the manifest.

    Attributes:
        pileup_above: keep events whose number of interactions is greater than this (0 drops events without luminosity).
        train_on: whether training and validation see all background events, or only those that no unprescaled L1 item takes.
        min_pt_gev: objects of a kind below this are left out of the data, and those after them move up, as a sorter before the chip's
            input does; the thresholds of ``scaling`` are on the chip and nothing moves up there.
        incomplete: what happens to events whose missing E_T is not in the file, as when a board's payload was lost, or whose weight is NaN:
            ``refuse`` or ``drop``.
        sort_by_pt: order objects by falling pt instead of keeping the hardware's order.
    """

    pileup_above: float | None = None
    train_on: Literal["all", "failing_l1"] = "all"
    min_pt_gev: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    incomplete: Literal["refuse", "drop"] = "refuse"
    sort_by_pt: bool = False


class DataConfig(Section):
    """The files to read, and how.

    Attributes:
        background: samples the network is trained on, by name: a path or pattern, a list of them, or ``{files: …, label: …}``. Only a
            configuration of an imported model may leave the whole section out: C simulation and synthesis then run on made events.
        signals: samples that are looked at only, likewise.
        format: the files' format; ``auto`` recognises it by content.
        out_of_range: what happens to counts outside a column's hardware type: ``refuse``, ``clip`` or ``wrap``.
        weights: ``file`` takes each event's weight from the file where it has one, ``none`` counts every event once, as one must where
            a generator's weights are negative.
        objects: which Level-1 objects of CMS files are read: ``unpacked``, those that the hardware sent; ``emulated``, those that its
            emulator made; ``auto``, the former where the file has them.
        split: shares of the background for training, validation and test.
        select: which events and objects are kept.
        menu: trigger bits of CMS files whose decisions become the menu column (and any of them ``pass_l1``); files of other formats
            bring their own.
        max_events: events of each sample that are read at most; None reads all.
        seed: decides which part of the data an event belongs to.
    """

    background: dict[str, ShortSample] = Field(min_length=1)
    signals: dict[str, ShortSample] = Field(default_factory=dict)
    format: FormatName = "auto"
    out_of_range: Annotated[OutOfRange, one_of(OutOfRange)] = OutOfRange.REFUSE
    weights: WeightsName = "file"
    objects: ObjectsName = ObjectSource.AUTO
    split: SplitConfig = SplitConfig()
    select: SelectionConfig = SelectionConfig()
    menu: tuple[str, ...] = Field((), strict=False)
    max_events: int | None = Field(None, gt=0)
    seed: int = 1

    @model_validator(mode="after")
    def _samples_differ(self) -> DataConfig:
        entries = [*self.background.items(), *self.signals.items()]
        try:
            check_samples([name for name, _ in entries])
        except InputError as error:
            raise ValueError(str(error)) from None
        labels = [entry.label or name for name, entry in entries]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise ValueError(f"two samples have the label {twice!r}, which plots and tables could not tell apart")
        return self
