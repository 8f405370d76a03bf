"""The study of strategies: which networks, which forms, what is kept, what it says; once with the real tools."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.core.choices import Strategy
from l1ad.core.network import Network
from l1ad.studies import strategies as study
from l1ad.studies.strategies import Row, Task, pruned, rounded, study_strategies, variants
from tests.networks import make_network
from tests.studies.material_made import make_material

tools_missing = any(toolchain.find(tool) is None for tool in ("yosys", "verilator", "g++"))
needs_tools = pytest.mark.skipif(tools_missing, reason="Yosys, Verilator or g++ is missing")
LUTS = {Strategy.DISTRIBUTED_ARITHMETIC: 100, Strategy.LATENCY: 250, Strategy.RESOURCE: 180}


def made_row(task: Task, network: Network) -> Row:
    shared = task.strategy is Strategy.RESOURCE
    lut = LUTS[task.strategy] // (1 if task.network == "as trained" else 2)
    dsp = 7 if task.dsp else 0
    path = None if task.dsp else 8.0
    return Row(
        task.network,
        task.strategy.value,
        task.dsp,
        4 if shared else 1,
        (6, 6),
        0.1,
        lut,
        0,
        dsp,
        path,
        9 * shared,
        4 if shared else None,
        path,
        5,
    )


def test_every_network_in_every_form_is_in_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "measured", lambda material, network, task, board: made_row(task, network))
    monkeypatch.setattr(study, "require", lambda tool: tool)
    result = study_strategies(make_material(tmp_path))
    rows = result.numbers["rows"]
    assert len(rows) == 3 * 3 + 2
    assert {row["network"] for row in rows} == {"as trained", "weights of 1 bit less", "pruned to 75 %"}
    assert [row["network"] for row in rows if row["dsp_allowed"]] == ["as trained", "as trained"]
    assert result.finding.startswith(
        "As adder graph with shared terms the network takes 100 LUT; with a multiplier for each weight 2.50"
    )
    assert (
        "1.80 times. Changed without training again, the adder graph takes 50 LUT (weights of 1 bit less), 50 LUT (pruned to 75 %)."
        in result.finding
    )
    for physics in result.numbers["physics"].values():
        assert list(physics) == ["2000 kHz total", "2000 kHz pure", "background fraction 0.05", "AUC"]
        assert all(0 <= value <= 1 for value in physics.values())
    json.dumps(result.numbers)


def test_pruning_takes_the_smallest_weights_and_leaves_the_last_layer() -> None:
    network = make_network(widths=(8, 4, 2))
    found = pruned(network, 0.75)
    for before, after in zip(network.layers[:-1], found.layers[:-1], strict=True):
        lost = np.count_nonzero(before.weight != 0) - np.count_nonzero(after.weight != 0)
        assert np.mean(after.weight == 0) >= 0.75
        assert lost <= round(0.75 * before.weight.size)
        kept = after.weight != 0
        np.testing.assert_array_equal(after.weight[kept], before.weight[kept])
        assert abs(before.weight[kept]).min() >= abs(before.weight[~kept]).max()
    assert found.layers[-1] is network.layers[-1]


def test_rounding_takes_the_lowest_bits_of_every_weight(tmp_path: Path) -> None:
    network = make_network(widths=(8, 4, 2))
    for bits in (1, 2, 40):
        for before, after in zip(network.layers, rounded(network, bits).layers, strict=True):
            less = min(bits, before.weight_type.width - 2)
            assert after.weight_type.width == before.weight_type.width - less
            assert after.weight_type.integer == before.weight_type.integer
            off = abs(after.weight * 2**less - before.weight)
            highest = after.weight == after.weight_type.max_int
            assert (off[~highest] <= 2**less // 2).all()
            assert after.weight.min() >= after.weight_type.min_int
    assert list(variants(make_material(tmp_path))) == ["as trained", "weights of 1 bit less", "pruned to 75 %"]


@pytest.mark.slow
@needs_tools
def test_forms_are_simulated_synthesised_and_kept(tmp_path: Path) -> None:
    material = make_material(tmp_path)
    network = make_network("l1topo44", (2, 2), zero_fraction=0.9)
    board = study.load_board("l1topo")
    rows = {}
    for strategy, dsp in (
        (Strategy.DISTRIBUTED_ARITHMETIC, False),
        (Strategy.LATENCY, False),
        (Strategy.LATENCY, True),
        (Strategy.RESOURCE, False),
    ):
        rows[strategy, dsp] = study.measured(material, network, Task("tiny", strategy, dsp), board)
    plain = rows[Strategy.LATENCY, False]
    assert plain.n_simulated == study.SIMULATED
    assert plain.dsp == 0 < plain.lut
    assert rows[Strategy.LATENCY, True].dsp > 0
    assert rows[Strategy.LATENCY, True].path_ns is None
    shared = rows[Strategy.RESOURCE, False]
    assert (shared.ii, shared.latency_cycles) == (study.REUSE_FACTOR, 2 * study.REUSE_FACTOR + 1)
    assert shared.ff > 0
    assert shared.path_ns is not None
    again = study.measured(material, network, Task("other name", Strategy.LATENCY, False), board)
    assert again == replace(plain, network="other name")
