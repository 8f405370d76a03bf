"""Test that the compiled top computes the reference's integers: every score, port form, phi rule and route."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from l1ad import toolchain
from l1ad.core.choices import Style
from l1ad.core.errors import ArtefactError, ConversionError, LayoutError, ToolFailedError, ToolMissingError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout, ObjectSlot
from l1ad.core.network import Activation, Dense, Network, Score
from l1ad.firmware.golden import adversarial_events
from l1ad.hls.csim import Csim, build, compile_cpp
from l1ad.hls.project import HlsProject, open_project
from l1ad.spec import reference
from tests.networks import make_events, make_network, make_threshold_events
from tests.planted import plant
from tests.projects import make_project

pytestmark = pytest.mark.skipif(toolchain.find("g++") is None, reason="there is no C++ compiler")

TRUNCATING = {
    "accumulator": FixedPoint.parse("ap_fixed<13,7>"),
    "result": FixedPoint.parse("ap_fixed<11,6,AP_RND_ZERO,AP_WRAP>"),
    "may_wrap": True,
    "input_type": FixedPoint.parse("ap_fixed<7,3,AP_TRN_ZERO,AP_SAT_SYM>"),
    "hidden_type": FixedPoint.parse("ap_fixed<6,3,AP_RND_INF,AP_SAT_ZERO>"),
    "output_type": FixedPoint.parse("ap_fixed<8,4>"),
}


def odd_layout() -> ObjectLayout:
    """Return a layout whose phi periods are no powers of two, with codes beyond a turn and a signed phi."""
    pt, eta = FixedPoint.parse("uint<9>"), FixedPoint.parse("int<6>")
    met = ObjectSlot("met", 1, ("pt", "phi"), (pt, FixedPoint.parse("uint<8>")), (0.5, 0.1), 36)
    muon = ObjectSlot("muon", 2, ("pt", "eta", "phi"), (pt, eta, FixedPoint.parse("int<9>")), (0.5, 0.1, 0.1), 144)
    return ObjectLayout("odd", (met, muon))


def test_the_environment_has_the_adders_that_hls4ml_is_made_for() -> None:
    asked = [text.partition(";") for text in importlib.metadata.requires("hls4ml") or [] if text.startswith("da4ml")]
    wanted = next(Requirement(text) for text, _, extra in asked if extra.strip(" \"'").endswith("da"))
    assert wanted.specifier.contains(importlib.metadata.version("da4ml"))


@pytest.mark.parametrize(
    ("strategy", "reuse_factor", "changes"),
    [
        ("resource", 4, {}),
        ("resource", 1, TRUNCATING),
        # da4ml compiles its own code for a minute on first use
        pytest.param("distributed_arithmetic", 1, {}, marks=pytest.mark.slow),
    ],
)
def test_every_strategy_gives_the_same_integers(
    tmp_path: Path, strategy: str, reuse_factor: int, changes: dict[str, object]
) -> None:
    network = make_network(widths=(4, 2), **changes)
    options = {"strategy": strategy, "reuse_factor": reuse_factor, "style": Style.PIPELINED}
    made = make_project(tmp_path, network, **options)
    x_hw = make_events(network.layout, 3000)
    np.testing.assert_array_equal(Csim(made).scores(x_hw), reference.scores(network, x_hw))
    assert open_project(tmp_path).target.strategy == strategy


def test_adders_without_da4ml_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConversionError, match=r"^Strategy 'distributed_arithmetic' needs the Python package da4ml, with which"):
        make_project(tmp_path, make_network(widths=(4, 2)), strategy="distributed_arithmetic")


CASES: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "masked, folded, rotated to a finer phi, packed": (
        {"score": Score.MASKED_MSE, "widths": (3, 8), "phi_reference": "jet"},
        {"packed": True},
    ),
    "rotated to a coarser phi, thresholds from ports": (
        {"layout": odd_layout(), "phi_reference": "met", "widths": (3, 2)},
        {"threshold_ports": True},
    ),
    "masked, rotated, objects below their pt threshold left out": (
        {"score": Score.MASKED_MSE, "widths": (3, 8), "phi_reference": "met", "min_pt_hw": (("jet", 40), ("met", 7))},
        {"packed": True},
    ),
    "mse, truncating and wrapping": ({"score": Score.MSE, "widths": (3, 8), **TRUNCATING}, {}),
    "linear": ({"score": Score.LINEAR, "widths": (3, 1)}, {}),
    "kl": ({"score": Score.KL, "widths": (3, 4)}, {}),
    "r_z, rotated to an odd finer phi": ({"score": Score.R_Z, "layout": odd_layout(), "phi_reference": "muon"}, {"packed": True}),
}


def assert_nodes_equal(network: Network, simulation: Csim, x_hw: np.ndarray) -> None:
    traced, expected = simulation.trace(x_hw), reference.evaluate(network, x_hw)
    assert {"scaled", "dense1.result", "dense1.output", "square", "score"} <= traced.keys()
    for node in traced.keys() & expected.keys():
        np.testing.assert_array_equal(traced[node], expected[node], err_msg=node)
    np.testing.assert_array_equal(traced["bits"], reference.bits(network, expected["score"]))


@pytest.mark.parametrize("name", CASES)
def test_every_node_is_the_references(name: str, tmp_path: Path) -> None:
    options, target = CASES[name]
    network = make_network(seed=5, **options)  # type: ignore[arg-type]
    project = make_project(tmp_path, network, **target)
    assert project.route == ("explicit" if "truncating" in name else "bit_exact")
    x_hw = np.concatenate([make_threshold_events(network, 1500), adversarial_events(network, 500)])
    assert_nodes_equal(network, Csim(project), x_hw)


def with_linear_bottleneck(network: Network) -> Network:
    bottleneck = replace(network.layers[1], activation=Activation.LINEAR, output=FixedPoint.from_quantized_bits(8, 3))
    return replace(network, layers=(network.layers[0], bottleneck, *network.layers[2:]))


def with_codes(network: Network, **changes: Callable[[Dense], object]) -> Network:
    layers = tuple(replace(layer, **{name: make(layer) for name, make in changes.items()}) for layer in network.layers)
    return replace(network, layers=layers)


EDGES: dict[str, Callable[[], Network]] = {
    "linear bottleneck": lambda: with_linear_bottleneck(make_network(widths=(4, 3, 4, 8), score=Score.MASKED_MSE, seed=7)),
    "unsigned input": lambda: make_network(input_type=FixedPoint.from_quantized_bits(8, 6, keep_negative=False), seed=8),
    "unsigned output": lambda: make_network(output_type=FixedPoint.from_quantized_bits(7, 4, keep_negative=False), seed=8),
    "no fractional bits": lambda: make_network(
        hidden_type=FixedPoint.from_quantized_relu(6, 6),
        output_type=FixedPoint.from_quantized_bits(8, 7),
        weight_type=FixedPoint.from_quantized_bits(4, 3),
        seed=8,
    ),
    "multiples of four": lambda: with_codes(make_network(seed=9), weight=lambda d: d.weight & ~3, bias=lambda d: d.bias & ~3),
    "all zero": lambda: with_codes(make_network(seed=9), weight=lambda d: d.weight * 0, bias=lambda d: d.bias * 0),
    "finer bias": lambda: with_codes(make_network(seed=11), bias_type=lambda _: FixedPoint.from_quantized_bits(10, 1)),
    "wide": lambda: make_network(
        output_type=FixedPoint.from_quantized_bits(16, 6), hidden_type=FixedPoint.from_quantized_relu(12, 4), seed=10
    ),
    "one layer": lambda: make_network(widths=(2,), seed=3),
    "a whole autoencoder": lambda: make_network("gelato60", (32, 16, 3, 16, 32, 60), Score.MASKED_MSE, seed=2),
    "phi of 144 and 576 counts": lambda: make_network("axol1tl57", (16, 3), seed=2, phi_reference="muon"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EDGES)
def test_networks_at_the_edges_of_the_conversion(name: str, tmp_path: Path) -> None:
    network = EDGES[name]()
    x_hw = np.concatenate([make_events(network.layout, 1000), adversarial_events(network, 500)])
    assert_nodes_equal(network, Csim(make_project(tmp_path, network)), x_hw)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> HlsProject:
    return make_project(tmp_path_factory.mktemp("tiny"), make_network(seed=3))


@pytest.fixture(scope="module")
def simulation(tiny: HlsProject) -> Csim:
    return Csim(tiny)


def test_scores_and_bits_of_the_fast_build_are_the_references(simulation: Csim) -> None:
    network = simulation.network
    x_hw = np.concatenate([make_events(network.layout, 70_000, seed=9), adversarial_events(network, 5000, seed=9)])
    scores, bits = simulation.run(x_hw.astype(np.int16))
    expected = reference.scores(network, x_hw)
    assert len(np.unique(scores)) > 1000
    assert 0 < bits.sum() < bits.size
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal(bits, reference.bits(network, expected))


def wide_network(text: str) -> Network:
    """Return a network of columns whose upper bits decide, the scaled inputs of which are their top 8 bits."""
    type_ = FixedPoint.parse(text)
    layout = ObjectLayout("wide", (ObjectSlot("jet", 4, ("pt",), (type_,), (0.5,)),))
    network = make_network(layout, widths=(3, 2), seed=4)
    scaling = replace(network.scaling, shift=(type_.width - 4 - int(type_.signed),) * 4)
    return replace(network, scaling=scaling)


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("int<40>", True),
        *(pytest.param(text, False, marks=pytest.mark.slow) for text in ("uint<32>", "int<40>", "uint<62>")),
    ],
)
def test_columns_of_more_than_32_bits(tmp_path: Path, text: str, packed: bool) -> None:
    network = wide_network(text)
    x_hw = np.concatenate([make_events(network.layout, 500, seed=1), adversarial_events(network, 500)])
    assert np.abs(x_hw).max() >= 1 << 31
    simulation = Csim(make_project(tmp_path, network, packed=packed))
    expected = reference.scores(network, x_hw)
    assert len(np.unique(expected)) > 100
    np.testing.assert_array_equal(simulation.scores(x_hw), expected)
    np.testing.assert_array_equal(simulation.trace(x_hw[:200])["score"], expected[:200])


def test_a_project_by_a_relative_path(tiny: HlsProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(tiny.path, tmp_path / "copy", ignore=shutil.ignore_patterns("build"))
    monkeypatch.chdir(tmp_path)
    project = open_project(Path("copy"))
    x_hw = make_events(project.network.layout, 200)
    np.testing.assert_array_equal(Csim(project).scores(x_hw), reference.scores(project.network, x_hw))


def test_the_batch_axis_is_kept(simulation: Csim) -> None:
    x_hw = make_events(simulation.network.layout, 3)
    assert simulation.scores(x_hw[:1]).shape == (1,)
    assert simulation.scores(x_hw[:0]).shape == (0,)
    assert simulation.run(x_hw[:1])[1].shape == (1, 3)
    np.testing.assert_array_equal(simulation.scores(np.asfortranarray(x_hw)), simulation.scores(x_hw))


def test_the_number_of_threads_changes_nothing(tiny: HlsProject, simulation: Csim) -> None:
    x_hw = make_events(tiny.network.layout, 5000, seed=2)
    np.testing.assert_array_equal(Csim(tiny, threads=1).scores(x_hw), simulation.scores(x_hw))


def test_a_library_is_compiled_once(tiny: HlsProject, simulation: Csim, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation.prepare()
    monkeypatch.setattr("l1ad.hls.csim.compile_cpp", lambda *_: pytest.fail("compiled again"))
    Csim(tiny).prepare()


def test_values_outside_the_hardware_range_are_refused(simulation: Csim) -> None:
    x_hw = make_events(simulation.network.layout, 10)
    x_hw[3:5, 0] = 1024
    message = r"^Events to simulate: 2 values of jet\[0\]\.pt_hw are outside the hardware range \[0, 1023\]"
    with pytest.raises(LayoutError, match=message):
        simulation.run(x_hw)


def test_floats_and_other_shapes_are_refused(simulation: Csim) -> None:
    with pytest.raises(LayoutError, match=r"^Events to simulate: hardware values must be integers, got dtype float64"):
        simulation.run(np.zeros((1, 8)))
    with pytest.raises(LayoutError, match=r"^Events to simulate: layout 'tiny8' needs shape \(n_events, 8\), got \(8,\)"):
        simulation.run(np.zeros(8, dtype=np.int64))


def test_a_compile_failure_shows_the_compilers_message_and_the_file(tmp_path: Path) -> None:
    (tmp_path / "broken.cpp").write_text("int main() { return nothing; }\n", encoding="utf-8")
    message = r"^Compiling broken\.cpp failed: broken\.cpp:1:21: error: .nothing. was not declared in this scope"
    with pytest.raises(ToolFailedError, match=message):
        compile_cpp(["broken.cpp"], tmp_path, "broken.cpp")


def run_test_bench(project: HlsProject, folder: Path) -> toolchain.Completed:
    program = folder / "test_bench"
    if not program.is_file():
        includes = [f"-I{project.path / name}" for name in ("firmware/ap_types", "firmware", ".")]
        sources = [str(project.path / name) for name in ("l1ad_test.cpp", "firmware/l1ad_top.cpp", "firmware/l1ad_network.cpp")]
        compile_cpp(["-std=c++14", "-O1", "-w", *includes, *sources, "-o", str(program)], folder, "l1ad_test.cpp")
    tool = toolchain.FoundTool(toolchain.GXX, program, (str(program),))
    return toolchain.run(tool, [], cwd=project.path, log=folder / "test_bench.log", check=False)


def test_the_test_bench_passes_and_fails_at_the_first_difference(tiny: HlsProject, tmp_path: Path) -> None:
    passed = run_test_bench(tiny, tmp_path)
    assert (passed.returncode, passed.text()) == (0, "all 200 events agree\n")
    golden = tiny.path / "tb_data/golden_scores.txt"
    before = golden.read_text(encoding="utf-8")
    lines = before.splitlines()
    score, *bits = lines[7].split()
    lines[7] = " ".join([str(int(score) + 1), *bits])
    golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
    failed = run_test_bench(tiny, tmp_path)
    golden.write_text(before, encoding="utf-8")
    assert (failed.returncode, failed.text()) == (1, f"event 7: score is {score}, expected {int(score) + 1}\n")


def test_without_a_compiler_the_way_out_is_named(tiny: HlsProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L1AD_GXX", "/nowhere/g++")
    with pytest.raises(ToolMissingError, match=r"^L1AD_GXX must lead to an executable of g\+\+, got '/nowhere/g\+\+'"):
        Csim(tiny).prepare()


def test_a_library_that_came_with_a_project_is_not_loaded(tiny: HlsProject, tmp_path: Path) -> None:
    library = build(tiny)
    copy = tmp_path / "project"
    shutil.copytree(tiny.path, copy)
    plant(copy / library.relative_to(tiny.path), tmp_path / "sign")
    x_hw = make_events(tiny.network.layout, 100)
    np.testing.assert_array_equal(Csim(open_project(copy)).scores(x_hw), reference.scores(tiny.network, x_hw))
    assert not (tmp_path / "sign").exists()


def test_a_build_folder_that_cannot_be_written_is_said(tiny: HlsProject, tmp_path: Path) -> None:
    copy = tmp_path / "project"
    shutil.copytree(tiny.path, copy, ignore=shutil.ignore_patterns("build"))
    (copy / "build").write_text("in the way", encoding="utf-8")
    with pytest.raises(
        ArtefactError, match=r"^Could not build the C simulation in '.*': .*; free some disk space or make it writable\.$"
    ):
        Csim(open_project(copy)).prepare()
