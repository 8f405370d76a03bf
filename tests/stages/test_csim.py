"""Test the stages convert and csim on a tiny model: exact, up to date, refused where something does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.config import Config
from l1ad.config.load import parse_config
from l1ad.core.artefact import read_manifest, writing
from l1ad.core.errors import ArtefactError, ConfigError, ConversionError, LayoutError, MismatchError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network
from l1ad.core.scoreset import Source, load_scores
from l1ad.core.trained import FLOAT_FILE, NETWORK_FILE, FloatDense, FloatNetwork, FloatScore
from l1ad.hls.project import load_project
from l1ad.rtl.proof import proving_events
from l1ad.spec import reference
from l1ad.stages.convert import convert
from l1ad.stages.csim import _agreements, _chosen_rows, csim
from l1ad.stages.prepare import prepare
from tests.datasets_made import make_dataset
from tests.networks import make_events, make_network, tiny_layout

pytestmark = pytest.mark.skipif(toolchain.find("g++") is None, reason="there is no C++ compiler")

TEXT = """
name: tiny
layout: l1topo44
data: {background: {zero_bias: none.h5}}
model: {kind: vae, hidden: [4], latent: 2}
score: {kind: latent_l2}
firmware: {board: l1topo, thresholds: {loose: 100, tight: 5000}}
csim: {max_auc_loss: 0.5}
runs: runs
hls_projects: hls_projects
"""


def float_twin(network: Network) -> FloatNetwork:
    """Return the float network with an exact network's weights."""
    layers = tuple(
        FloatDense(layer.name, layer.weight_type.from_int(layer.weight), layer.bias_type.from_int(layer.bias), layer.activation)
        for layer in network.layers
    )
    return FloatNetwork(network.layout, network.scaling, layers, FloatScore(network.score.kind))


def write_model(config: Config, network: Network, twin: FloatNetwork | None) -> None:
    with writing(config.run / "model", "model", key=network.digest, inputs={}, config={}) as draft:
        network.save(draft.path / NETWORK_FILE)
        if twin is not None:
            twin.save(draft.path / FLOAT_FILE)


def make_config(folder: Path, text: str = TEXT, network: Network | None = None) -> Config:
    config = parse_config(text, "tiny.yaml", folder)
    made = make_network(seed=3) if network is None else network
    write_model(config, made, float_twin(made))
    make_dataset(config.run / "dataset", 3000, 500, layout=tiny_layout())
    return config


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = make_config(tmp_path_factory.mktemp("csim"))
    assert convert(config).fresh
    return config


def changed(config: Config, **csim_options: Any) -> Config:
    return config.model_copy(update={"csim": config.csim.model_copy(update=csim_options)})


def test_convert_writes_the_project_once(converted: Config) -> None:
    again = convert(converted)
    assert not again.fresh
    assert again.path == converted.project
    summary = again.to_dict()["summary"]
    assert summary.pop("thresholds_note").startswith("The thresholds are plain integers of the configuration")
    assert summary | {"digest": ""} == {
        "network": "tiny",
        "shape": "8-4-2",
        "digest": "",
        "score": "latent_l2",
        "route": "bit_exact",
        "top": "l1ad_top",
        "part": "xcvu9p-flga2104-2-e",
        "clock_ns": 25.0,
        "style": "combinational",
        "n_input_ports": 8,
        "outputs": ["score", "trigger_loose", "trigger_tight"],
        "n_golden": 1000,
    }
    assert [t.name for t in load_project(converted.project).network.thresholds] == ["loose", "tight"]


def test_csim_equals_qkeras_and_reference_on_every_event(converted: Config) -> None:
    result = csim(converted)
    assert (result.fresh, result.n_events, result.n_different) == (True, 4000, 0)
    assert [(a["left"], a["exact"]) for a in result.summary["agreements"]] == [
        ("QKERAS", True),
        ("REFERENCE", True),
        ("score >= threshold", True),
    ]
    assert result.summary["qkeras_arithmetic"] == "float32"
    network = make_network(seed=3)
    x_hw = np.load(converted.run / "dataset/x_hw.npy")
    scores = load_scores(result.path, Source.CSIM)
    np.testing.assert_array_equal(scores.values, reference.scores(network, x_hw))
    np.testing.assert_array_equal(load_scores(result.path, Source.QKERAS).values, scores.values)
    assert scores.model_digest == network.digest
    auc = result.summary["physics"]["auc"]
    assert set(auc["csim"]) == {"ttbar", "a_4l"}
    assert abs(auc["csim"]["ttbar"] - auc["float"]["ttbar"]) < 0.1
    assert (result.path / "scatter.png").stat().st_size > 5000
    assert json.loads((result.path / "agreement.json").read_text(encoding="utf-8")) == result.summary["agreements"]


def test_a_second_run_does_nothing_and_a_forced_one_gives_the_same(converted: Config) -> None:
    first = csim(converted)
    digest = read_manifest(first.path).digest
    assert not csim(converted).fresh
    assert csim(converted, force=True).fresh
    assert read_manifest(first.path).digest == digest


def test_fewer_events_are_spread_over_the_dataset() -> None:
    assert _chosen_rows(10, 4).tolist() == [0, 2, 5, 7]
    assert _chosen_rows(3, 0).tolist() == _chosen_rows(3, 5).tolist() == [0, 1, 2]


def test_a_differing_qkeras_score_fails_and_says_where(converted: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(network: Network, x_hw: np.ndarray) -> np.ndarray:
        scores = reference.scores(network, x_hw)
        scores[17] += 3
        return scores

    monkeypatch.setattr("l1ad.qkeras.evaluate.qkeras_scores", wrong)
    message = (
        r"^QKERAS and CSIM must be equal as integers; 1 of 4000 events differ, by up to 3 units in the last place "
        r"\(event 17: \d+ against \d+\); they diverge at none of the C simulation's nodes, which are the reference's\. Run 'l1ad trace'"
    )
    with pytest.raises(MismatchError, match=message) as caught:
        csim(converted, force=True)
    assert caught.value.exit_code == 1


def test_the_first_differing_node_is_named(converted: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(seed=3)
    bias = network.layers[1].bias.copy()
    bias[1] ^= 1
    other = replace(network, layers=(network.layers[0], replace(network.layers[1], bias=bias)))
    scores, evaluate = reference.scores, reference.evaluate
    monkeypatch.setattr(reference, "scores", lambda _, x_hw: scores(other, x_hw))
    monkeypatch.setattr(reference, "evaluate", lambda _, x_hw: evaluate(other, x_hw))
    monkeypatch.setattr("l1ad.qkeras.build.refusal", lambda _: "left out")
    with pytest.raises(
        MismatchError,
        match=r"^REFERENCE and CSIM must be equal .*; they diverge at dense2\.result\[1\]: -?\d+ against -?\d+\. Run",
    ):
        csim(converted, force=True)


def test_physics_beyond_the_tolerance_fails_every_time(converted: Config) -> None:
    strict = changed(converted, max_flips=1e-9, max_auc_loss=1e-12, max_efficiency_loss=1e-9)
    for _ in range(2):
        with pytest.raises(
            MismatchError, match=r"^FLOAT and CSIM are further apart than the configuration allows: .*Train longer"
        ) as caught:
            csim(strict)
    assert caught.value.exit_code == 1


def test_a_project_of_another_model_is_refused(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    convert(config)
    write_model(config, make_network(seed=4), None)
    with pytest.raises(
        ArtefactError, match=r"^HLS project '.*' holds network .*weights or types no longer match; run 'l1ad convert' again\.$"
    ):
        csim(config)


def test_a_dataset_of_another_layout_is_refused(converted: Config) -> None:
    dataset = converted.run / "dataset"
    kept = dataset.rename(dataset.with_name("kept"))
    try:
        make_dataset(dataset, 100, 10)
        with pytest.raises(
            LayoutError, match=r"^The dataset has layout 'l1topo44', the model 'tiny8'; prepare or train again\.$"
        ):
            csim(converted)
    finally:
        dataset.rename(dataset.with_name("other"))
        kept.rename(dataset)


def test_nothing_is_left_of_a_conversion_that_is_refused(tmp_path: Path) -> None:
    network = make_network(accumulator=FixedPoint.parse("ap_fixed<9,4>"))
    config = make_config(tmp_path, network=network)
    with pytest.raises(ConversionError, match=r"^Node 'dense1\.accumulator' of network 'tiny' can wrap: "):
        convert(config)
    assert not config.project.exists()
    assert not list(config.project.parent.glob(".*"))


def test_without_a_model_the_command_to_run_is_named(tmp_path: Path) -> None:
    config = parse_config(TEXT, "tiny.yaml", tmp_path)
    with pytest.raises(ArtefactError, match=r"^Expected a 'model' artefact at .*; run 'l1ad train' or 'l1ad import' first\.$"):
        convert(config)


def test_without_thresholds_no_bits_are_compared() -> None:
    network = make_network().with_thresholds(())
    scores = np.arange(3)
    found = _agreements(network, make_events(network.layout, 3), scores, np.empty((3, 0), dtype=bool), scores, None)
    assert [agreement.left for agreement in found] == ["REFERENCE"]


def test_a_wrong_trigger_bit_is_found() -> None:
    network = make_network()
    scores = np.array([0, network.thresholds[0].value, network.score.total.max_int])
    x_hw = make_events(network.layout, 3)
    bits = reference.bits(network, scores, x_hw)
    bits[1, 0] = False
    *_, found = _agreements(network, x_hw, scores, bits, scores, scores)
    with pytest.raises(
        MismatchError, match=r"^score >= threshold and CSIM trigger bits must be equal as integers; 1 of 3 events differ"
    ):
        found.require()


WITHOUT_DATA = TEXT.replace("data: {background: {zero_bias: none.h5}}\n", "").replace(
    "{kind: vae, hidden: [4], latent: 2}", "{kind: imported, file: m.h5}"
)


def test_an_imported_network_needs_no_data(tmp_path: Path) -> None:
    config = parse_config(WITHOUT_DATA.replace("csim: {", "csim: {events: 2500, "), "tiny.yaml", tmp_path)
    network = make_network("l1topo44", zero_fraction=0.5)
    write_model(config, network, None)
    convert(config)
    result = csim(config)
    assert (result.n_events, result.n_different, result.summary["physics"]) == (2500, 0, None)
    assert result.summary["events"] == "made: range ends, rounding ties, sparse and random ones"
    assert [agreement["left"] for agreement in result.summary["agreements"]] == ["QKERAS", "REFERENCE", "score >= threshold"]
    assert not csim(config).fresh


def test_what_is_trained_and_data_that_are_named_are_still_wanted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^tiny\.yaml: key 'data' is missing; add it\.$"):
        parse_config(TEXT.replace("data: {background: {zero_bias: none.h5}}\n", ""), "tiny.yaml", tmp_path)
    config = parse_config(TEXT, "tiny.yaml", tmp_path)
    write_model(config, make_network("l1topo44"), None)
    with pytest.raises(ArtefactError, match=r"^Expected a 'dataset' artefact at .*; run 'l1ad prepare' first\.$"):
        csim(config)
    with pytest.raises(ConfigError, match=r"^Configuration 'tiny' names no data to prepare; add data\.background\.$"):
        prepare(parse_config(WITHOUT_DATA, "tiny.yaml", tmp_path))


def test_rtl_without_data_is_proved_on_as_many_made_events(tmp_path: Path) -> None:
    config = parse_config(WITHOUT_DATA + "synthesis: {rtl_events: 300, adversarial_events: 50}\n", "tiny.yaml", tmp_path)
    events = proving_events(make_network("l1topo44"), config, None)
    assert (len(events.rows), events.golden.x_hw.shape) == (0, (350, 44))
