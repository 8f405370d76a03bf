"""Drive every stage through the command line on a tiny model, as a user does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from l1ad.toolchain import GXX, VERILATOR, YOSYS, find
from tests.event_files import write_gelato

CONFIG = """
name: flow
layout: l1topo44
data:
  background: {zero_bias: {files: background.h5, label: Zero bias}}
  signals: {signal: {files: signal.h5, label: Signal}}
model: {kind: vae, hidden: [5], latent: 2, weight_bits: 4, activation_bits: 5, activation_integer: 2}
score: {kind: latent_l2}
training: {epochs: 2, float_epochs: 2, batch_size: 256}
csim: {max_auc_loss: 0.5}
synthesis: {rtl_events: 1000}
"""
N_BACKGROUND, N_SIGNAL = 4000, 500


def l1ad(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "l1ad.cli", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"l1ad {' '.join(arguments)}: exit {done.returncode}\n{done.stderr[-3000:]}"
    return done


def json_of(folder: Path, *arguments: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(l1ad(folder, *arguments, "--json").stdout)
    return data


def manifest(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((path / "manifest.json").read_text())
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("flow")
    (root / "configs").mkdir()
    write_gelato(root / "configs" / "background.h5", N_BACKGROUND, 1)
    write_gelato(root / "configs" / "signal.h5", N_SIGNAL, 5)
    (root / "configs" / "flow.yaml").write_text(CONFIG)
    return root


@pytest.fixture(scope="module")
def flow(folder: Path) -> dict[str, Any]:
    if find(GXX) is None or find(VERILATOR) is None or find(YOSYS) is None:
        pytest.skip("the flow needs g++, Verilator and Yosys")
    return json_of(folder, "run", "configs/flow.yaml")


def test_every_stage_leaves_an_artefact_made_from_the_one_before(folder: Path, flow: dict[str, Any]) -> None:
    runs = folder / "runs" / "flow"
    dataset, model = manifest(runs / "dataset"), manifest(runs / "model")
    project, csim, synth = (
        manifest(folder / "hls_projects" / "flow_l1topo"),
        manifest(runs / "csim"),
        manifest(runs / "synth_open"),
    )
    assert [m["kind"] for m in (dataset, model, project, csim, synth)] == ["dataset", "model", "hls_project", "csim", "synth"]
    assert dataset["digest"] in model["inputs"].values()
    assert model["digest"] in project["inputs"].values()
    assert {dataset["digest"], project["digest"]} <= set(csim["inputs"].values())
    assert not list(folder.rglob("*.partial"))


def test_csim_equals_qkeras_on_every_event(folder: Path, flow: dict[str, Any]) -> None:
    result = json_of(folder, "csim", "configs/flow.yaml")
    assert result["n_events"] == N_BACKGROUND + N_SIGNAL
    assert result["n_different"] == 0


def test_rtl_equals_csim_and_resources_are_counted(folder: Path, flow: dict[str, Any]) -> None:
    result = json_of(folder, "synth", "configs/flow.yaml")
    assert {(a["left"], a["right"]) for a in result["agreements"]} >= {("CSIM", "RTL"), ("REFERENCE", "RTL")}
    assert all(a["n_different"] == 0 and a["n_events"] >= 1000 for a in result["agreements"])
    report = result["reports"][0]
    assert report["level"] == "open"
    assert report["lut"] > 0
    assert (report["dsp"], report["ff"]) == (0, 0)


def test_the_page_is_self_contained(folder: Path, flow: dict[str, Any]) -> None:
    page = (folder / "runs" / "flow" / "report" / "report.html").read_text(encoding="utf-8")
    assert "<html" in page
    assert 'src="http' not in page
    assert "/tmp/" not in page


def test_a_second_run_does_nothing(folder: Path, flow: dict[str, Any]) -> None:
    again = json_of(folder, "run", "configs/flow.yaml")
    assert [name for name, result in again.items() if result.get("fresh")] == []
    assert again["study"]["studies"][0]["name"] == "met"


def test_the_same_seed_gives_the_same_weights_and_scores(folder: Path, flow: dict[str, Any]) -> None:
    text = CONFIG.replace("name: flow", "name: again").replace("{files: ", "{files: ")
    (folder / "configs" / "again.yaml").write_text(text)
    for stage in ("prepare", "train"):
        l1ad(folder, stage, "configs/again.yaml")
    first, second = (json.loads((folder / "runs" / name / "model" / "network.json").read_text()) for name in ("flow", "again"))
    assert first["layers"] == second["layers"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("csim", "nowhere.yaml"), "Cannot read configuration 'nowhere.yaml': No such file or directory"),
        (
            ("train", "misspelt.yaml"),
            "misspelt.yaml: key 'model' is missing; add it; key 'modell' is unknown; did you mean 'model'?",
        ),
        (("prepare", "layout.yaml"), "There is no layout 'l1topo'"),
        (("prepare", "missing.yaml"), "nowhere.h5"),
        (("csim", "configs/alone.yaml"), "l1ad"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(folder: Path, arguments: tuple[str, str], message: str) -> None:
    (folder / "misspelt.yaml").write_text(CONFIG.replace("model:", "modell:"))
    (folder / "layout.yaml").write_text(CONFIG.replace("l1topo44", "l1topo"))
    (folder / "missing.yaml").write_text(CONFIG.replace("background.h5", "nowhere.h5"))
    (folder / "configs" / "alone.yaml").write_text(CONFIG.replace("name: flow", "name: alone"))
    done = l1ad(folder, *arguments, code=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
