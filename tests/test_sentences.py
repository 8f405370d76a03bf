"""One sentence for mistakes that no other test makes: a file that does not fit, a value out of its place, a tool that gives less."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from l1ad import cli
from l1ad.config import parse_config
from l1ad.core.affine import Window
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import ConfigError, InputError, ModelError, ToolFailedError
from l1ad.core.scoreset import ScoreSet, Source
from l1ad.data.chunk import EventChunk
from l1ad.data.part import _integers
from l1ad.emulator.march import flags
from l1ad.graph import lower
from l1ad.physics.follow import follow_of
from l1ad.simulation import generator
from l1ad.simulation.processes import find_process
from l1ad.vectors import empv1, empv2
from tests.networks import make_network
from tests.runs_made import TEXT, make_run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bench", "emulater"), "l1ad: There is no benchmark 'emulater'; did you mean 'emulator'?\n"),
        (
            ("bench", "train", "--march", "plain"),
            "l1ad: Option --march is for the emulator, got 'train'; run 'l1ad bench emulator --march plain'.\n",
        ),
    ],
)
def test_a_benchmark_that_cannot_be(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["l1ad", *arguments])
    assert cli.main() == 2
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("split: {train: 0.5, validation: 0.5, test: 0.4}", r"train, validation and test must add up to 1, got 1\.4"),
        ("model: {kind: ae, weight_bits: 20, weight_digits: 2}", r"weight_digits is for weights of at most \d+ bits, got \[20\]"),
        ("training: {sparsity: 0.5, shrink: [0.4]}", r"shrink needs sparsities that rise from 0\.5 on, got \[0\.4\]"),
        ("scan: {objectives: [lut, lut]}", r"objectives names one twice: \['lut', 'lut'\]"),
    ],
)
def test_values_that_do_not_go_together(section: str, message: str, tmp_path: Path) -> None:
    name = section.partition(":")[0]
    text = TEXT.replace("POLICY", "refuse").replace("model: {kind: ae}\n", "" if name == "model" else "model: {kind: ae}\n")
    text = (
        text.replace("out_of_range: refuse}", f"out_of_range: refuse, {section}}}") if name == "split" else f"{text}{section}\n"
    )
    with pytest.raises(ConfigError, match=message):
        parse_config(text, "tiny.yaml", tmp_path)


def test_a_window_has_a_size() -> None:
    with pytest.raises(
        ModelError, match=r"^A window needs shapes, sizes and strides of at least 1, got \(4, 4, 1\), \(0, 2\), \(1, 1\)\.$"
    ):
        Window((4, 4, 1), (0, 2))


def test_a_node_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ModelError, match=r"^The graph has no node 'other'; its nodes are .*score.*\.$"):
        lower(make_network()).node("other")


def test_instruction_sets_of_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(
        ConfigError, match=r"^Instruction sets can be chosen on x86-64 only, this machine is riscv64; leave 'x86-64-v3' "
    ):
        flags("x86-64-v3")


def test_numbers_of_events_are_whole() -> None:
    chunk = EventChunk({"jet": np.zeros((2, 1, 3), np.int64)}, {"event": np.array([1.0, np.nan])}, 7)
    with pytest.raises(
        InputError, match=r"^'a\.h5': event numbers must be whole, got a fraction or NaN near event 7; write them again\.$"
    ):
        _integers(chunk, "event", Path("a.h5"))


def test_what_is_followed_is_in_the_layout(tmp_path: Path) -> None:
    dataset = load_dataset(make_run(tmp_path, make_network("l1topo44", (2, 2)), 30).run / "dataset")
    layout = dataset.layout
    bare = replace(dataset, layout=replace(layout, slots=tuple(slot for slot in layout.slots if slot.kind != "met")))
    scores = ScoreSet(Source.CSIM, np.zeros(30, np.int64), 1.0, np.arange(30), "d", "m")
    with pytest.raises(
        InputError, match=r"^rates\.follow names 'met', which layout 'l1topo44' has no objects for; leave it out\.$"
    ):
        follow_of(bare, scores, ("met",), 0.1)


def test_pythia_that_gives_too_few_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "_initialise", lambda *args: SimpleNamespace(nextBatch=lambda n: [None] * (n - 1)))
    with pytest.raises(ToolFailedError, match=r"^Pythia gave 4 of 5 events of 'ttbar'; try another seed\.$"):
        generator.generate(find_process("ttbar"), 5, generator.GeneratorSettings())


@pytest.mark.parametrize("row", [empv1._row, empv2._row])
def test_a_frame_that_is_missing_in_a_capture(row) -> None:
    with pytest.raises(
        InputError, match=r"^a\.txt, line 9: expected 'Frame 0005.*', got 'Frame 0006 .*'; a frame is missing or the line is d"
    ):
        row("Frame 0006  1v00", [0], "a.txt", 9, 5)
