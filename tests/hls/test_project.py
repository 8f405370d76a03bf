"""Test what a project holds, and that a changed one is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.artefact import writing
from l1ad.core.errors import ArtefactError
from l1ad.firmware.golden import adversarial_events, make_golden
from l1ad.hls.project import KIND, HlsProject, load_project, open_project, project_files, vendor_project, write_files
from tests.networks import make_network
from tests.projects import TARGET, make_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> HlsProject:
    return make_project(tmp_path_factory.mktemp("project"), make_network(seed=3))


def test_the_network_comes_back(project: HlsProject) -> None:
    assert project.network.to_dict() == make_network(seed=3).to_dict()
    assert project.route == "bit_exact"
    assert project.top == "l1ad_top"


def test_the_same_network_gives_the_same_bytes(project: HlsProject, tmp_path: Path) -> None:
    again = make_project(tmp_path, make_network(seed=3))
    left, right = (json.loads((p.path / "l1ad_project.json").read_text(encoding="utf-8"))["files"] for p in (project, again))
    assert left == right


def test_the_inner_function_has_no_interface_of_its_own(project: HlsProject) -> None:
    inner = (project.path / "firmware/l1ad_network.cpp").read_text(encoding="utf-8")
    assert "INTERFACE" not in inner
    assert "#pragma HLS PIPELINE" not in inner
    assert "#pragma HLS INLINE" in inner
    assert "load_weights_from_txt" not in inner


def test_weights_are_visible_to_synthesis(project: HlsProject) -> None:
    header = (project.path / "firmware/weights/w3.h").read_text(encoding="utf-8")
    first = project.network.layers[0].weight_type.from_int(project.network.layers[0].weight).ravel()[0]
    assert f"dense1_weight_t w3[32] = {{{first:.4f}" in header.replace("\n", "")
    assert "__SYNTHESIS__" not in header


def test_output_ports_are_written_whole_and_once(project: HlsProject) -> None:
    """A range of a port is read before it is written, for which HLS gives the output an input beside it."""
    text = (project.path / "firmware/l1ad_top.cpp").read_text(encoding="utf-8")
    for port in ("score", "trigger_loose", "trigger_nominal", "trigger_tight"):
        assert re.findall(rf"^ *({port}\b[^,;=\n]*=)", text, re.MULTILINE) == [f"{port} ="]


def test_a_project_carries_its_own_script(project: HlsProject) -> None:
    script = (project.path / "build.tcl").read_text(encoding="utf-8")
    named = re.findall(r"^add_files (?:-tb )?\{(.+?)\}", script, re.MULTILINE)
    assert named == ["firmware/l1ad_top.cpp", "firmware/l1ad_network.cpp", "l1ad_test.cpp", "tb_data"]
    assert all((project.path / name).exists() for name in named)
    assert str(project.path) not in script


def test_golden_vectors_are_plain_text(project: HlsProject) -> None:
    golden = make_golden(project.network, 200)
    inputs = np.loadtxt(project.path / "tb_data/golden_inputs.txt", dtype=np.int64)
    scores = np.loadtxt(project.path / "tb_data/golden_scores.txt", dtype=np.int64)
    np.testing.assert_array_equal(inputs, golden.x_hw)
    np.testing.assert_array_equal(scores, np.column_stack([golden.scores, golden.bits]))


def test_adversarial_events_hold_the_ends_the_empty_event_and_ties() -> None:
    network = make_network()
    x_hw = adversarial_events(network, 500)
    network.layout.check(x_hw, "Adversarial events")
    low = [column.type.min_int for column in network.layout.columns]
    high = [column.type.max_int for column in network.layout.columns]
    assert x_hw.shape == (500, 8)
    for event in (np.zeros(8), np.array(low), np.array(high)):
        assert (x_hw == event).all(axis=1).any()
    step = 1 << (network.scaling.shift[0] - network.scaling.type.fractional)
    assert np.count_nonzero((x_hw[:, 0] - network.scaling.offset[0]) % step == step // 2) > 50
    np.testing.assert_array_equal(x_hw, adversarial_events(network, 500))


def test_another_model_is_refused(project: HlsProject) -> None:
    with pytest.raises(
        ArtefactError, match=r"^HLS project '.*' holds network \w{12}, the model is \w{12}: its weights or types no longer"
    ):
        project.require_network(make_network(seed=4))
    assert project.require_network(make_network(seed=3)) is project


def test_a_changed_weight_is_refused(project: HlsProject) -> None:
    header = project.path / "firmware/weights/w3.h"
    before = header.read_bytes()
    header.write_bytes(before.replace(b"0.", b"1.", 1))
    with pytest.raises(
        ArtefactError, match=r"^'firmware/weights/w3\.h' of HLS project '.*' was changed after 'l1ad convert' wrote it"
    ):
        open_project(project.path)
    header.unlink()
    with pytest.raises(ArtefactError, match=r"^HLS project '.*' lacks 'firmware/weights/w3\.h'; run 'l1ad convert --force'\.$"):
        open_project(project.path)
    header.write_bytes(before)


def test_a_folder_without_project_is_refused(project: HlsProject, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"^Expected a 'hls_project' artefact at .*; run 'l1ad convert' first\.$"):
        load_project(tmp_path)
    with pytest.raises(
        ArtefactError, match=r"^HLS project '.*' is damaged \(FileNotFoundError .*\); run 'l1ad convert --force'\.$"
    ):
        open_project(tmp_path)


def test_the_vendors_driver_gets_a_project_it_accepts(tmp_path: Path) -> None:
    network = make_network(seed=3)
    with writing(tmp_path / "tiny", KIND, key="key", inputs={}, config={}) as draft:
        write_files(project_files(network, TARGET, make_golden(network, 20)).files, draft.path)
    described = vendor_project(tmp_path / "tiny")
    described.check()
    assert (described.top, described.part, described.clock_ns, described.uncertainty) == ("l1ad_top", TARGET.part, 25.0, 0.27)
    inputs = {path.relative_to(described.folder).as_posix() for path in described.inputs()}
    assert {"firmware/l1ad_top.cpp", "firmware/weights/w3.h", "l1ad_test.cpp", "tb_data/golden_scores.txt"} <= inputs
    assert described.include_dirs == ("firmware",)


def test_the_vendors_driver_gets_the_targets_clock_uncertainty(tmp_path: Path) -> None:
    network, target = make_network(seed=3), replace(TARGET, clock_uncertainty=0.125)
    with writing(tmp_path / "tiny", KIND, key="key", inputs={}, config={}) as draft:
        write_files(project_files(network, target, make_golden(network, 20)).files, draft.path)
    assert vendor_project(tmp_path / "tiny").uncertainty == 0.125
