"""The whole flow with tops that take the words of the Global Trigger's links: every stage is exact, and played files give the listed answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from l1ad import cli, toolchain
from l1ad.core.artefact import writing
from l1ad.core.network import Threshold
from l1ad.hls.csim import Csim
from l1ad.rtl.simulate import RtlSimulation
from l1ad.spec import reference
from l1ad.vectors.formats import read_frames
from l1ad.vectors.linkmap import absent_columns, load_link_map
from l1ad.vectors.words import event_words
from tests.datasets_made import make_dataset
from tests.networks import make_events, make_network

LINKS = load_link_map("cms_ugt")
N = 400
TEXT = """
name: tiny
layout: axol1tl57
data: {background: {zero_bias: b.h5}}
model: {kind: ae}
score: {kind: latent_l2}
runs: runs
hls_projects: projects
firmware: {board: cms_ugt, ports: words}
synthesis: {rtl_events: 300, adversarial_events: 300}
"""
needs_tools = pytest.mark.skipif(
    not all(toolchain.find(tool) for tool in ("g++", "verilator", "yosys")), reason="no compiler, Verilator or Yosys"
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    made = make_network("axol1tl57", (4, 2), zero_fraction=0.7)
    x_hw = make_events(made.layout, N, seed=2)
    x_hw[:, list(absent_columns(LINKS, made.layout))] = 0
    network = made.with_thresholds((Threshold("tight", int(np.quantile(reference.scores(made, x_hw), 0.8))),))
    with writing(tmp_path / "runs/tiny/model", "model", key="k", inputs={}, config={}) as draft:
        network.save(draft.path / "network.json")
    sizes = {"n_background": N, "n_signal": 0, "signals": ()}
    make_dataset(tmp_path / "runs/tiny/dataset", layout=made.layout, x_hw=x_hw, split=np.arange(N) % 3, **sizes)
    path = tmp_path / "tiny.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["l1ad", *map(str, words)])
    return cli.main()


@pytest.mark.slow
@needs_tools
def test_every_stage_takes_words(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        ["convert"],
        ["csim"],
        ["synth", "--tool", "open"],
        ["verify", "--events", "4000"],
        ["trace", "--event", "7"],
    ):
        assert run(monkeypatch, command[0], config, *command[1:], "--json") == 0, capsys.readouterr().err
    runs = config.parent / "runs/tiny"
    pairs = json.loads((runs / "verify/agreement.json").read_text(encoding="utf-8"))
    compared = {frozenset((pair["left"], pair["right"])) for pair in pairs}
    assert {frozenset(("reference", "csim")), frozenset(("reference", "rtl"))} <= compared
    assert {pair["n_different"] for pair in pairs} == {0}
    netlist = json.loads((runs / "synth_open/agreement.json").read_text(encoding="utf-8"))
    found = {pair["right"]: pair["n_different"] for pair in netlist}
    assert found.keys() >= {"RTL", "RTL trigger bits", "NETLIST", "NETLIST trigger bits"}
    assert set(found.values()) == {0}
    assert run(monkeypatch, "vectors", config, "--format", "empv2", "-o", config.parent / "out") == 0
    _played_files_give_the_listed_answers(config)


def _played_files_give_the_listed_answers(config: Path) -> None:
    """Take the files that a laboratory would play, and nothing else, through the compiled tops."""
    out, runs = config.parent / "out", config.parent / "runs/tiny"
    simulation = Csim(next((config.parent / "projects").iterdir()))
    words = event_words(LINKS, simulation.network.layout)
    rows = np.concatenate([words.of(LINKS, read_frames(path)[1]) for path in sorted(out.glob("input_*.txt"))])
    listed = np.loadtxt(out / "expected.csv", delimiter=",", skiprows=1, dtype=np.int64)
    assert rows.shape == (N, len(words.names))
    for simulate in (simulation, RtlSimulation.open(runs / "synth_open/rtl")):
        scores, bits = simulate.run_words(rows)
        np.testing.assert_array_equal(scores, listed[:, 1])
        np.testing.assert_array_equal(bits[:, 0], listed[:, 2] != 0)
    assert len(np.unique(listed[:, 1])) > 20


def test_a_link_map_that_is_missing_or_wrong_is_refused(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXT.replace("ports: words", "ports: words, links: own.yaml")
    config.write_text(text, encoding="utf-8")
    assert run(monkeypatch, "convert", config) == 2
    assert "Cannot read the link map" in capsys.readouterr().err
    assert not (config.parent / "projects").exists()
    (config.parent / "own.yaml").write_text("public: none\nsource: x\n", encoding="utf-8")
    assert run(monkeypatch, "convert", config) == 2
    assert "own.yaml is wrong at " in capsys.readouterr().err
