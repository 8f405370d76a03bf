"""A model file whose graph does not fit together: one sentence that names the node, exit code 2, nothing written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from l1ad import cli
from tests.networks import make_network
from tests.runs_made import TEXT, make_run

Data = dict[str, Any]


def cycle(data: Data) -> None:
    data["layers"][0]["sources"] = ["dense2"]


def alone(data: Data) -> None:
    data["layers"][1]["name"] = "last"
    data["layers"][0]["sources"] = data["layers"][1]["sources"] = ["scaled"]
    data["layers"][1]["weight"] = [[1, 1]] * 44


def types(data: Data) -> None:
    data["layers"][0]["own_outputs"] = ["ap_fixed<8,4>"] * 3


def narrow(data: Data) -> None:
    data["layers"][1]["weight_type"] = "ap_fixed<2,1>"
    data["layers"][1]["weight"] = [[9, 0], [0, 1]]


def window(data: Data) -> None:
    """Return the first layer the matrix of a convolution over another input."""
    data["layers"][0]["weight"] = [[1, 1]] * 12


def shapes(data: Data) -> None:
    data["score"] |= {"kind": "mse", "sources": ["scaled", "dense2"], "columns": [0], "difference": "ap_fixed<9,5>"}


MISTAKES: dict[str, tuple[Callable[[Data], None], str]] = {
    "cycle": (
        cycle,
        "Layer 'dense1' reads 'dense2', which is not a node before it (a layer cannot read itself or what reads it); ",
    ),
    "alone": (alone, "Layer 'dense1' has no consumer: no layer and no score reads it; connect it or leave it out."),
    "types": (types, "Layer 'dense1' has 2 outputs and 3 types for them; give one each."),
    "narrow": (narrow, "Layer 'dense2' has weights outside ap_fixed<2,1>; quantise them first."),
    "window": (window, "Layer 'dense1' expects 12 inputs and gets 44; the model does not fit layout 'l1topo44'."),
    "shapes": (shapes, "Score 'mse' compares 'scaled' of 44 elements with 'dense2' of 2; use equal shapes."),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_run(tmp_path, make_network("l1topo44", (2, 2)), 0)
    (tmp_path / "tiny.yaml").write_text(TEXT.replace("POLICY", "refuse"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    before = sorted(place.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["l1ad", "convert", "tiny.yaml"])
    assert cli.main() == 2
    assert sorted(place.rglob("*")) == before
    text = capsys.readouterr().err
    assert text.startswith("l1ad: ")
    assert text.count("\n") == 1
    return text


@pytest.mark.parametrize("name", MISTAKES)
def test_a_graph_that_does_not_fit_is_refused_by_its_node(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    damage, message = MISTAKES[name]
    path = place / "runs" / "tiny" / "model" / "network.json"
    data = json.loads(path.read_text())
    damage(data)
    path.write_text(json.dumps(data))
    assert message in refused(place, monkeypatch, capsys)


@pytest.mark.parametrize(("form", "said"), [(0, "format version 0, older"), ("old", "format version 'old', older")])
def test_an_artefact_of_an_older_form_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: object, said: str
) -> None:
    path = place / "runs" / "tiny" / "model" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"spec_version": form}))
    text = refused(place, monkeypatch, capsys)
    assert said in text
    assert "run 'l1ad train' or 'l1ad import' again." in text
