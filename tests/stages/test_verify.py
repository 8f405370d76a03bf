"""Verification compares every pair over data and made events, and fails on the first difference."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ArtefactError, ConversionError, InputError, MismatchError
from l1ad.emulator import build
from l1ad.scores import implementations
from l1ad.scores.events import BLOCK, comparison_block, comparison_events
from l1ad.scores.implementations import Found, Implementation
from l1ad.spec import reference
from l1ad.stages import verify as stage
from l1ad.stages.trace import trace
from l1ad.stages.verify import verify
from tests.networks import make_network
from tests.runs_made import make_run

NETWORK = make_network(widths=(4, 2))


@pytest.fixture(autouse=True)
def surroundings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> None:
    """Keep compiled emulators away from the user's cache; leave QKeras (half a minute of TensorFlow) to one test."""
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path_factory.getbasetemp() / "verify_cache"))
    if "qkeras" not in request.node.name:

        def absent(network: object) -> Implementation:
            raise ConversionError("left out of this test.")

        monkeypatch.setattr(implementations, "_qkeras", absent)


def faulty(wrong_event: int) -> Implementation:
    """Return an implementation that is one unit off in the second layer for one event, and so in the score."""
    row = comparison_events(NETWORK, None, wrong_event, wrong_event + 1)

    def scores(x: np.ndarray) -> np.ndarray:
        return reference.scores(NETWORK, x) + (x == row).all(axis=1)

    def nodes(x: np.ndarray) -> dict[str, np.ndarray]:
        values = reference.evaluate(NETWORK, x)
        values["dense2.accumulator"][0, 1] ^= 4
        values["score"] += 1
        return values

    return Implementation("csim", scores, nodes)


def give(monkeypatch: pytest.MonkeyPatch, *others: Implementation) -> None:
    specification = Implementation("reference", lambda x: reference.scores(NETWORK, x), lambda x: reference.evaluate(NETWORK, x))
    found = Found((specification, *others), {"rtl": "there is none."})
    monkeypatch.setattr(stage, "find_implementations", lambda *args, **kwargs: found)
    monkeypatch.setattr("l1ad.stages.trace.find_implementations", lambda *args, **kwargs: found)


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_what_is_here_agrees_and_what_is_not_is_named(tmp_path: Path) -> None:
    config = make_run(tmp_path, NETWORK)
    result = verify(config, events=3000)
    assert [(a.left, a.right, a.n_events, a.exact) for a in result.agreements] == [("reference", "emulator", 3000, True)]
    assert set(result.skipped) == {"qkeras", "float64", "csim", "rtl"}
    assert result.skipped["csim"].startswith("there is no HLS project at ")
    assert result.skipped["rtl"].startswith("there is no RTL in ")
    assert result.summary["data_events"] == 300
    assert [row["node"] for row in result.summary["ranges"]][:2] == ["scaled", "dense1.accumulator"]
    assert result.fresh
    assert not verify(config, events=3000).fresh
    assert verify(config, events=3001).fresh


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_qkeras_agrees_too(tmp_path: Path) -> None:
    pytest.importorskip("qkeras")
    result = verify(make_run(tmp_path, NETWORK, 0), events=2000)
    assert {(a.left, a.right) for a in result.agreements} >= {("reference", "qkeras"), ("emulator", "qkeras")}
    assert result.summary["implementations"]["qkeras"] == "computed in float32"
    assert result.summary["data_events"] == 0


def test_a_difference_fails_names_the_event_and_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_run(tmp_path, NETWORK, 0)
    give(monkeypatch, faulty(777))
    wanted = int(reference.scores(NETWORK, comparison_events(NETWORK, None, 777, 778))[0])
    message = (
        r"^reference and csim must be equal as integers; 1 of 2000 events differ, by up to 1 units in the last place "
        rf"\(event 777: {wanted} against {wanted + 1}\)\. Run 'l1ad trace' on one of them\.$"
    )
    for _ in range(2):  # the second time nothing has changed, and it fails again
        with pytest.raises(MismatchError, match=message):
            verify(config, events=2000)
    assert '"n_different": 1' in (config.run / "verify" / "agreement.json").read_text()


def test_a_slow_implementation_takes_the_first_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "BATCH", 700)
    slow = Implementation("rtl", lambda x: reference.scores(NETWORK, x), limit=1000)
    fast = Implementation("emulator", lambda x: reference.scores(NETWORK, x))
    give(monkeypatch, fast, slow)
    result = verify(make_run(tmp_path, NETWORK, 0), events=2000)
    assert [(a.left, a.right, a.n_events) for a in result.agreements] == [
        ("reference", "emulator", 2000),
        ("reference", "rtl", 1000),
        ("emulator", "rtl", 1000),
    ]


def test_nothing_to_compare_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch)
    with pytest.raises(
        MismatchError, match=r"^There was nothing to compare the specification with: \{'rtl': 'there is none\.'\}; "
    ):
        verify(make_run(tmp_path, NETWORK, 0), events=10)


def test_no_events_and_no_model_are_refused(tmp_path: Path) -> None:
    config = make_run(tmp_path, NETWORK, 0)
    with pytest.raises(InputError, match=r"^Verifying needs at least one event, got 0\.$"):
        verify(config, events=0)
    shutil.rmtree(config.run / "model")
    with pytest.raises(ArtefactError, match=r"^Expected a 'model' artefact at .*; run 'l1ad train' or 'l1ad import' first\.$"):
        verify(config, events=5)


def test_data_of_another_layout_are_refused(tmp_path: Path) -> None:
    config = make_run(tmp_path, make_network("gelato60", widths=(3,)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "load_trained", lambda path: type("Model", (), {"network": NETWORK, "digest": "d"}))
        with pytest.raises(InputError, match=r"^Dataset '.*' has layout 'gelato60', the model 'tiny8'; prepare the data "):
            verify(config, events=5)


def test_events_are_numbered_the_same_however_they_are_cut(tmp_path: Path) -> None:
    from l1ad.core.dataset import load_dataset

    config = make_run(tmp_path, NETWORK, 5000)
    dataset = load_dataset(config.run / "dataset")
    whole = comparison_events(NETWORK, dataset, 0, 2 * BLOCK + 10)
    np.testing.assert_array_equal(whole[: BLOCK // 2], dataset.x_hw[: BLOCK // 2])
    np.testing.assert_array_equal(whole[BLOCK : BLOCK + 5000 - BLOCK // 2], dataset.x_hw[BLOCK // 2 :])
    np.testing.assert_array_equal(comparison_events(NETWORK, dataset, BLOCK - 3, BLOCK + 9), whole[BLOCK - 3 : BLOCK + 9])
    assert comparison_block(NETWORK, None, 3).shape == (BLOCK, 8)


def test_made_events_of_different_blocks_differ() -> None:
    """Ten million made events are not one block again and again: most rows of four blocks are new, and none follows another's order."""
    blocks = [comparison_block(NETWORK, None, number) for number in range(4)]
    for one, other in itertools.combinations(blocks, 2):
        assert (one == other).all(axis=1).mean() < 0.05
    distinct = [len(np.unique(np.concatenate(blocks[: n + 1]), axis=0)) for n in range(4)]
    assert np.diff(distinct).min() > 0.6 * distinct[0]


def test_a_fault_in_a_late_block_only_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An implementation wrong for the events that only the third block has."""
    late = 2 * BLOCK + int(
        np.flatnonzero(~(comparison_block(NETWORK, None, 2)[:, None] == comparison_block(NETWORK, None, 0)[:50]).all(-1).any(-1))[
            99
        ]
    )
    give(monkeypatch, faulty(late))
    with pytest.raises(MismatchError, match=rf"event {late}: "):
        verify(make_run(tmp_path, NETWORK, 0), events=3 * BLOCK)
    assert verify(make_run(tmp_path / "short", NETWORK, 0), events=2 * BLOCK).summary["mismatches"] == 0


def test_a_trace_names_node_neuron_and_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_run(tmp_path, NETWORK, 0)
    blind = Implementation("emulator", lambda x: reference.scores(NETWORK, x) ^ 2)
    give(monkeypatch, faulty(5), blind)
    result = trace(config, event=5)
    csim, emulator = result.partings
    assert (csim.implementation, csim.node, csim.element, csim.bit) == ("csim", "dense2.accumulator", 1, 2)
    assert csim.wanted ^ csim.got == 4
    assert (emulator.node, emulator.bit, emulator.looked_at) == ("score", 1, ("score",))
    assert result.scores["csim"] == result.scores["reference"] + 1
    assert next(iter(result.nodes)) == "scaled"
    assert result.x_hw["met[0].pt_hw"] == comparison_events(NETWORK, None, 5, 6)[0, 6]


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_trace_of_agreeing_implementations_parts_nowhere(tmp_path: Path) -> None:
    result = trace(make_run(tmp_path, NETWORK), event=10_000)
    assert result.partings == ()
    assert set(result.scores) == {"reference", "emulator"}
    assert result.to_dict()["event"] == 10_000


def test_a_negative_event_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^Events are numbered from 0, got -1; take a number that 'l1ad verify' shows\.$"):
        trace(make_run(tmp_path, NETWORK, 0), event=-1)
