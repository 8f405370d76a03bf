"""What goes from module to module can be read from the project's own Verilog: a planted fault is found where it is."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.core.errors import ConversionError
from l1ad.core.network import Network, Score
from l1ad.rtl.design import Interface
from l1ad.rtl.probes import inner_nodes, why_closed
from l1ad.rtl.project import RtlProject
from l1ad.scores.partings import partings
from l1ad.spec import reference
from tests.networks import make_events, make_network
from tests.rtl.projects import make_project

needs_verilator = pytest.mark.skipif(
    toolchain.find("verilator") is None or toolchain.find("g++") is None, reason="there is no Verilator or no C++ compiler"
)
NETWORK = make_network(widths=(4, 3, 2))


def flip(project: RtlProject, module: str, net: str, bit: int) -> None:
    """Invert one bit of a net where the top takes it out of a module."""
    top = project.path / "verilog" / f"{project.top}.v"
    text, wire = top.read_text(), f"n_{net}"
    instance = next(line for line in text.splitlines() if line.strip().startswith(f"l1ad_top_{module} "))
    width = int(re.search(rf"wire \[(\d+):0\] {wire};", text)[1]) + 1  # type: ignore[index]
    driven = re.sub(rf"\b{wire}\b", "faulty", instance)
    fault = f"    wire [{width - 1}:0] faulty;\n    assign {wire} = faulty ^ {width}'d{1 << bit};\n"
    top.write_text(text.replace(instance, fault + driven))


def find(network: Network, project: RtlProject, n_events: int = 1) -> tuple[str, int, int]:
    """Trace events and give node, element and bit of the one place where the RTL parts."""
    x_hw = make_events(network.layout, n_events)
    traced = {"reference": reference.evaluate(network, x_hw), "RTL": inner_nodes(project.path, x_hw)}
    (parting,) = partings(network, traced)
    return parting.node, parting.element, parting.bit


@needs_verilator
@pytest.mark.parametrize("interface", [Interface(), Interface(True, True)], ids=["columns", "packed"])
@pytest.mark.parametrize("score", [Score.LATENT_L2, Score.MASKED_MSE])
def test_every_layer_shows_the_references_integers(tmp_path: Path, score: Score, interface: Interface) -> None:
    network = make_network(widths=(4, 8) if score is Score.MASKED_MSE else (4, 2), score=score, zero_fraction=0.4)
    make_project(tmp_path, network, interface=interface)
    x_hw = make_events(network.layout, 40)
    wanted, nodes = reference.evaluate(network, x_hw), inner_nodes(tmp_path, x_hw)
    assert list(nodes) == ["scaled", "dense1.output", "dense2.output", "score"]
    for name, codes in nodes.items():
        assert np.ma.count(codes) >= codes.size // 2
        assert np.ma.allequal(codes, np.asarray(wanted[name]).reshape(codes.shape)), name


@needs_verilator
def test_a_wrong_wire_is_found_in_its_layer_and_neuron(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK)
    flip(project, "dense2", "dense2_1", 1)
    assert find(NETWORK, project)[:2] == ("dense2.output", 1)


@needs_verilator
def test_a_wrong_weight_is_found_in_its_layer_and_neuron(tmp_path: Path) -> None:
    """The RTL of a network with one other weight stands in a project that says it holds the first network."""
    weight = NETWORK.layers[1].weight.copy()
    weight[0, 2] += 1 if weight[0, 2] < 0 else -1
    layers = [layer.to_dict() for layer in NETWORK.layers]
    layers[1]["weight"] = weight.tolist()
    project = make_project(tmp_path, Network.from_dict(NETWORK.to_dict() | {"layers": layers}))
    NETWORK.save(tmp_path / "network.json")
    x_hw = make_events(NETWORK.layout, 200)
    wanted, got = reference.evaluate(NETWORK, x_hw), inner_nodes(project.path, x_hw)
    rows, neurons = np.nonzero(wanted["dense2.output"] != got["dense2.output"])
    assert len(rows) > 0
    assert set(neurons.tolist()) == {2}
    assert np.ma.allequal(got["dense1.output"], wanted["dense1.output"])


@needs_verilator
def test_a_source_that_changed_is_compiled_again(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK)
    x_hw = make_events(NETWORK.layout, 5)
    before = inner_nodes(tmp_path, x_hw)
    flip(project, "scaling", "scaled_met_pt", 0)
    after = inner_nodes(tmp_path, x_hw)
    np.testing.assert_array_equal(after["scaled"][:, 6], before["scaled"][:, 6] ^ 1)


def test_a_pipeline_cannot_be_looked_into(tmp_path: Path) -> None:
    make_project(tmp_path, NETWORK, 4.0)
    with pytest.raises(ConversionError, match=r"^The stages of a pipelined RTL end inside layers; set firmware\.style"):
        inner_nodes(tmp_path, make_events(NETWORK.layout, 1))


def test_a_project_of_an_earlier_version_is_not_looked_into(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK)
    assert why_closed(project) is None
    old = replace(project, stages=tuple(replace(stage, formats=()) for stage in project.stages))
    assert why_closed(old) == "The RTL was written by an earlier version; run 'l1ad synth --tool open --force' to look into it."
