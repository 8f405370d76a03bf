"""A capture that is right passes; a fault planted in each place between the played word and the captured one is found and named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import cli, toolchain
from l1ad.core.artefact import writing
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import ConversionError
from l1ad.core.fixed import IntArray, Rounding
from l1ad.core.network import Network, Threshold
from l1ad.rtl.simulate import RtlSimulation
from l1ad.scores.implementations import Implementation
from l1ad.spec import reference
from l1ad.vectors.answers import answer_widths, answers
from l1ad.vectors.causes import reversed_bits
from l1ad.vectors.formats import FORMATS
from l1ad.vectors.frames import Frames
from l1ad.vectors.linkmap import input_pieces, load_link_map, output_pieces
from l1ad.vectors.packing import pack
from tests.networks import make_events, make_network
from tests.rtl.projects import make_project
from tests.rtl.test_probes import flip
from tests.runs_made import TEXT, make_run

LINKS = load_link_map("l1topo")
N = 150


def with_thresholds(made: Network) -> Network:
    scores = reference.scores(made, make_events(made.layout, N, seed=11))
    return made.with_thresholds(tuple(Threshold(n, int(np.quantile(scores, q))) for n, q in (("loose", 0.5), ("tight", 0.9))))


NETWORK = with_thresholds(make_network("l1topo44", widths=(6, 3)))
OLDER = make_network("l1topo44", widths=(6, 3), seed=5)
AT = {name: i for i, name in enumerate(NETWORK.layout.names)}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    make_run(tmp_path, NETWORK, N)
    with writing(tmp_path / "runs/old/model", "model", key="k", inputs={}, config={}) as draft:
        OLDER.save(draft.path / "network.json")
    path = tmp_path / "tiny.yaml"
    path.write_text(TEXT.replace("POLICY", "refuse"), encoding="utf-8")
    return path


def played(config: Path) -> IntArray:
    return np.asarray(load_dataset(config.parent / "runs/tiny/dataset").x_hw, dtype=np.int64)


def board(x_hw: IntArray, network: Network = NETWORK, late: int = 0) -> Frames:
    """Answer as a board does, some frames late; frames beyond the buffer are lost."""
    values = answers(network.with_thresholds(NETWORK.thresholds), x_hw)
    pieces = output_pieces(LINKS, answer_widths(NETWORK)[0][0], 2)
    frames = pack(LINKS, pieces, values, "l1topo", first_frame=LINKS.latency_frames + late)
    return cut(frames, LINKS.latency_frames + N * LINKS.frames_per_event)


def cut(frames: Frames, stop: int) -> Frames:
    return replace(frames, words=frames.words[:stop], flags=frames.flags[:stop] & ~np.uint8(0b1010))  # packets are not marked


def verify(
    config: Path,
    frames: Frames,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *words: str,
    name: str = "empv2",
) -> tuple[int, str]:
    path = config.parent / "capture.txt"
    path.write_text(FORMATS[name].write(frames), encoding="ascii")
    monkeypatch.setattr("sys.argv", ["l1ad", "verify", str(config), "--capture", str(path), *words])
    before = set(config.parent.rglob("*"))
    code = cli.main()
    told = capsys.readouterr()
    assert "\n" not in told.err.strip()
    assert code != 2 or set(config.parent.rglob("*")) == before
    return code, told.err if code else told.out


@pytest.mark.parametrize("name", FORMATS)
def test_a_right_capture_passes(
    name: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = verify(config, board(played(config)), monkeypatch, capsys, "--json", name=name)
    assert code == 0
    found = json.loads(told)
    assert found["events"] == N
    assert [(f["exact"], f["offset"], f["n_different"]) for f in found["files"]] == [(True, 6, 0)]


def swapped(x_hw: IntArray) -> IntArray:
    changed = x_hw.copy()
    for rank in range(4):
        eta, phi = AT[f"muon[{rank}].eta_hw"], AT[f"muon[{rank}].phi_hw"]
        changed[:, eta] = x_hw[:, phi]  # 7 unsigned bits in 9 signed ones
        changed[:, phi] = x_hw[:, eta] & 127
    return changed


def whole_gev(x_hw: IntArray) -> IntArray:
    changed = x_hw.copy()
    for name, i in AT.items():
        if name.endswith("pt_hw"):
            changed[:, i] = x_hw[:, i] // 10 * 10
    return changed


def reversed_fields(x_hw: IntArray) -> IntArray:
    changed = x_hw.copy()
    for i, column in enumerate(NETWORK.layout.columns):
        width = column.type.width
        texts = [format(int(value) & ((1 << width) - 1), f"0{width}b")[::-1] for value in x_hw[:, i]]
        values = np.array([int(text, 2) for text in texts])
        changed[:, i] = values - ((values >> (width - 1)) << width if column.type.signed else 0)
    return changed


def muons_late(x_hw: IntArray) -> IntArray:
    changed = x_hw.copy()
    for name, i in AT.items():
        if name.startswith("muon"):
            changed[1:, i], changed[0, i] = x_hw[:-1, i], 0
    return changed


def truncated(network: Network) -> Network:
    type_ = network.scaling.type
    return replace(network, scaling=replace(network.scaling, type=type_.with_modes(Rounding.TRN, type_.overflow)))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda x: board(x, late=1), "the first begins at frame 7, not 6; cause: one frame late"),
        (lambda x: board(x, late=6), "the first begins at frame 12, not 6; cause: one crossing late"),
        (lambda x: board(x, late=18), "the first begins at frame 24, not 6; cause: 3 crossings late"),
        (
            lambda x: cut(Frames("b", (0,), board(x).words[6:], board(x).flags[6:]), 900),
            "at frame 0, not 6; cause: one crossing early",
        ),
        (
            lambda x: board(swapped(x)),
            "cause: eta and phi swapped in muon (explains 150 of 150 events); it diverges at input muon",
        ),
        (
            lambda x: board(whole_gev(x)),
            "cause: pT of all objects truncated to whole GeV before the scaling (explains 150 of 150 events)",
        ),
        (lambda x: board(reversed_fields(x)), "cause: bits reversed in every input field (explains 150 of 150 events)"),
        (lambda x: board(muons_late(x)), "cause: muon of the crossing before (explains 150 of 150 events)"),
        (
            lambda x: board(x, truncated(NETWORK)),
            "inputs truncated instead of rounded where they are scaled (explains 150 of 150 events)",
        ),
        (lambda x: board(x, truncated(NETWORK)), "; it diverges at node 'scaled', element "),
        (
            lambda x: board(x, OLDER),
            f"cause: another network on the board: the model of run 'old', digest {OLDER.digest[:12]} (explains",
        ),
        (
            lambda x: replace(board(x), words=reversed_bits(board(x).words, 64)),
            "cause: bits reversed in the captured words (explains 150 of 150 events)",
        ),
        (
            lambda x: board(swapped(x), late=1),
            "cause: eta and phi swapped in muon (explains 149 of 150 events; one frame late)",
        ),
        (lambda x: replace(board(x), words=board(x).words * np.uint64(0)), "every word is 0"),
        (
            lambda x: cut(board(x), 306),
            "holds 50 of 150 events, 0 of them differ; cause: the capture ends after 50 of 150 events",
        ),
    ],
)
def test_a_planted_fault_is_named(
    fault: object, message: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = verify(config, fault(played(config)), monkeypatch, capsys)  # type: ignore[operator]
    assert code == (2 if "another network" in message or "the capture ends" in message else 1)
    assert message in told


def test_words_shifted_by_less_than_a_frame_are_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = board(played(config))
    bits = 0
    for i, word in enumerate(right.words[:, 0].tolist()):
        bits |= word << 64 * i
    words = [(bits << 5) >> 64 * i & (2**64 - 1) for i in range(right.n_frames)]
    code, told = verify(config, replace(right, words=np.array(words, dtype=np.uint64)[:, np.newaxis]), monkeypatch, capsys)
    assert code == 2
    assert (
        "cause: words shifted by 5 bits, which is less than a frame: the link is not aligned (explains 150 of 150 events)" in told
    )


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ((-(10**6), 0), "trigger bit 'loose' is always 1: it is not connected, masked, or its threshold is far off"),
        ((60_000, 0), "trigger bit 'loose' has a threshold above "),
    ],
)
def test_thresholds_of_another_set_are_named(
    thresholds: tuple[int, int], message: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x_hw = played(config)
    moved = tuple(Threshold(t.name, t.value + d) for t, d in zip(NETWORK.thresholds, thresholds, strict=True))
    values = answers(NETWORK.with_thresholds(moved), x_hw)
    frames = pack(LINKS, output_pieces(LINKS, answer_widths(NETWORK)[0][0], 2), values, "b", first_frame=6)
    code, told = verify(config, cut(frames, 906), monkeypatch, capsys)
    assert (values != answers(NETWORK, x_hw)).any()
    assert code == 1
    assert message in told
    assert f"not {NETWORK.thresholds[0].value}: of another set" in told or "always" in message
    assert "tight" not in told


def test_one_wrong_bit_is_found_at_its_event(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = board(played(config))
    frames.words[6 + 6 * 77, 0] ^= np.uint64(4)
    wanted = int(answers(NETWORK, played(config))[77, 0])
    code, told = verify(config, frames, monkeypatch, capsys)
    assert code == 1
    assert f"holds 150 of 150 events, 1 of them differ; first event 77: expected score {wanted}, got {wanted ^ 4};" in told
    assert "none of the usual causes explains it" in told


def test_captured_inputs_are_compared_by_column(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x_hw = played(config)
    pieces = input_pieces(LINKS, NETWORK.layout)
    for changed, code, message in (
        (x_hw, 0, ""),
        (swapped(x_hw), 1, "expected muon[0].eta_hw"),
        (swapped(x_hw), 1, "cause: eta and phi swapped in muon (explains 150 of 150 events)"),
        (whole_gev(x_hw), 1, "pT of all objects truncated to whole GeV"),
    ):
        got, told = verify(config, pack(LINKS, pieces, changed, "b"), monkeypatch, capsys, "--side", "input")
        assert got == code
        assert message in told


def test_all_buffers_of_a_folder_are_compared(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(config.parent / "more.npy", make_events(NETWORK.layout, 400, seed=2))
    out = config.parent / "out"
    for words in (
        ("vectors", config, "--format", "apx", "-o", out, "--events", config.parent / "more.npy"),
        ("verify", config, "--capture", out, "--played", config.parent / "more.npy", "--json"),
        ("verify", config, "--capture", out, "--side", "input", "--played", config.parent / "more.npy", "--json"),
        ("verify", config, "--capture", out / "output_0002.txt", "--buffer", 2, "--played", config.parent / "more.npy", "--json"),
    ):
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["l1ad", *map(str, words)])
        assert cli.main() == 0
    assert json.loads(capsys.readouterr().out)["events"] == 400 - 2 * LINKS.events_per_file


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--side", "middle"), "Expected the side 'output' or 'input'"),
        (("--buffer", "1"), "would be buffer 1, the 150 events fill 1"),
        (("--played", "none.npy"), "Cannot read 'none.npy'"),
        (("--side", "input"), "The file has the links [0], link 1 is needed"),
    ],
)
def test_wrong_questions_are_one_sentence(
    words: tuple[str, ...], message: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = verify(config, board(played(config)), monkeypatch, capsys, *words)
    assert code == 2
    assert message in told


def test_too_short_a_capture_and_an_empty_folder_are_refused(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = verify(config, cut(board(played(config)), 11), monkeypatch, capsys)
    assert code == 2
    assert "The capture has 11 frames, the first event alone ends at 12" in told
    (config.parent / "empty").mkdir()
    monkeypatch.setattr("sys.argv", ["l1ad", "verify", str(config), "--capture", str(config.parent / "empty")])
    assert cli.main() == 2
    assert "There are no captures" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(toolchain.find("verilator") is None or toolchain.find("g++") is None, reason="there is no Verilator")
def test_an_event_that_nothing_explains_is_traced_through_the_rtl(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wire of the RTL is wrong, and the board has that RTL: the capture leads to the layer, the neuron and the bit."""
    x_hw = played(config)
    project = make_project(config.parent / "runs/tiny/synth_open/rtl", NETWORK)
    flip(project, "dense1", "dense1_2", 3)
    scores, bits = RtlSimulation.open(project.path).run(x_hw)
    values = np.column_stack([scores, bits.astype(np.int64)])
    frames = cut(pack(LINKS, output_pieces(LINKS, answer_widths(NETWORK)[0][0], 2), values, "b", first_frame=6), 906)
    code, told = verify(config, frames, monkeypatch, capsys)
    event = int(np.flatnonzero(scores != reference.scores(NETWORK, x_hw))[0])
    assert code == 1
    assert "none of the usual causes explains it; rtl gives the captured score for this event and diverges at node " in told
    assert "'dense1.output', element 2, bit 3 (expected " in told
    np.save(config.parent / "x.npy", x_hw)
    monkeypatch.setattr("l1ad.scores.implementations._emulator", absent)
    monkeypatch.setattr("l1ad.scores.implementations._qkeras", absent)
    arguments = ["trace", str(config), "--event", str(event), "--played", str(config.parent / "x.npy"), "--json"]
    monkeypatch.setattr("sys.argv", ["l1ad", *arguments])
    assert cli.main() == 0
    (parting,) = json.loads(capsys.readouterr().out)["partings"]
    assert (parting["implementation"], parting["node"], parting["element"], parting["bit"]) == ("rtl", "dense1.output", 2, 3)
    monkeypatch.setattr("sys.argv", ["l1ad", *arguments[:3], str(N), *arguments[4:]])
    assert cli.main() == 2
    assert f"x.npy' has {N} events, numbered from 0; got {N}." in capsys.readouterr().err
    OLDER.with_thresholds(NETWORK.thresholds).save(project.path / "network.json")
    code, told = verify(config, frames, monkeypatch, capsys)
    assert code == 1
    assert f"rtl cannot be traced: The RTL in '{config.parent}/runs/tiny/synth_open' holds network {OLDER.digest[:12]}" in told


def absent(network: Network) -> Implementation:
    raise ConversionError("left out of this test.")
