"""The compiled emulator gives the integers of the specification, for every score, type, mode and instruction set."""

from __future__ import annotations

import itertools
import platform
import shutil
from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.errors import ConfigError, ConversionError, LayoutError
from l1ad.core.fixed import FixedPoint, Overflow, Rounding
from l1ad.core.network import Dense, Network, Score
from l1ad.emulator.bytewise import Halves, groups
from l1ad.emulator.dense import Method, method
from l1ad.emulator.kernel import Emulator
from l1ad.emulator.source import kernel_source
from l1ad.ranges import Interval, prove
from l1ad.spec import reference
from tests.emulator.cases import CASES, check
from tests.networks import make_events, make_network, outputs_for, tiny_layout

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


MODES = list(itertools.product(Rounding, Overflow))


@pytest.mark.parametrize("name", [name for name in CASES if name != "all zero"])
def test_scores_are_those_of_the_specification(name: str) -> None:
    check(CASES[name])


def test_a_network_without_weights_gives_what_its_biases_say() -> None:
    network = CASES["all zero"]
    x = make_events(network.layout, 20)
    np.testing.assert_array_equal(Emulator(network).scores(x), reference.scores(network, x))


#: What the instructions of a choice are called.
INSTRUCTIONS = {
    "plain": "the compiler's vectors",
    "x86-64": "SSE2",
    "x86-64-v2": "SSE4.1",
    "x86-64-v3": "AVX2",
    "alderlake": "AVX-VNNI",
    "x86-64-v4": "AVX-512",
}


@pytest.mark.parametrize("march", INSTRUCTIONS)
@pytest.mark.parametrize("name", ["masked", "full bytes", "sparse"])
def test_every_instruction_set_gives_the_same(name: str, march: str) -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("needs an x86-64 processor")
    try:
        emulator = Emulator(CASES[name], march=march)
    except ConfigError as error:
        pytest.skip(str(error))
    assert emulator.instructions == INSTRUCTIONS[march]
    check(CASES[name], march=march)


@pytest.mark.parametrize("march", ["plain", "x86-64-v3"])
@pytest.mark.parametrize("name", ["wide and rotated", "wrapping", "16 bits", "pt thresholds"])
def test_lesser_instructions_give_the_same(name: str, march: str) -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("needs an x86-64 processor")
    check(CASES[name], march=march)


def test_products_share_a_lane_where_the_same_neurons_read_them() -> None:
    """Two blocks of four inputs in turn: each block is a lane of its own; without zeros the order stays."""
    weight = np.zeros((8, 6), dtype=np.int64)
    weight[::2, :3] = 1
    weight[1::2, 3:] = 1
    assert sorted(map(sorted, groups(weight, 1))) == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert groups(np.ones((6, 2), dtype=np.int64), 1) == [[0, 1, 2, 3], [4, 5]]
    assert groups(np.ones((6, 2), dtype=np.int64), 2) == [[0, 1], [2]]
    assert sorted(unit for group in groups(weight, 2) for unit in group) == [0, 1, 2, 3]


def test_sums_of_bytes_stay_in_16_bits_for_as_long_as_they_fit() -> None:
    """255 * 64 * 2 = 32640 fits once, not twice; 255 * 65 * 2 not at all, and the instruction would saturate."""
    halves = Halves("s")
    assert halves.adding([64, 64, 1, 1], (255,) * 4, "x", 0) == ["halves sh1 = open4(s);", "sh1 = add4(sh1, x, Q, QP, 0);"]
    assert halves.adding([0, 0, 1, 1], (255,) * 4, "x", 1) == ["sh1 = add4(sh1, x, Q, QP, 1);"]
    assert halves.adding([65, 65, 0, 0], (255,) * 4, "x", 2) == ["s = dot4(s, x, Q, QP, 2);"]
    assert halves.adding([1, 0, 0, 0], (255,) * 4, "x", 3)[:2] == ["s = close4(s, sh1);", "halves sh2 = open4(s);"]
    assert halves.closing() == ["s = close4(s, sh2);"]
    assert halves.closing() == []


def with_modes(seed: int) -> Network:
    """Build a network whose every type has other, seeded modes and widths."""
    random = np.random.default_rng(seed)

    def type_(signed: bool, width: int, integer: int, overflow: Overflow | None = None) -> FixedPoint:
        rounding, chosen = MODES[random.integers(len(MODES))]
        return FixedPoint(signed, width, integer, rounding, overflow or chosen)

    kind = list(Score)[seed % len(Score)]
    outputs = outputs_for(kind, 4)
    network = make_network(
        widths=(6, outputs),
        score=kind,
        seed=seed,
        input_type=type_(True, int(random.integers(6, 18)), 4),
        hidden_type=type_(bool(random.integers(2)), int(random.integers(4, 18)), int(random.integers(-1, 5))),
        output_type=type_(True, int(random.integers(5, 11)), int(random.integers(2, 6))),
        accumulator=type_(True, int(random.integers(8, 30)), 7, Overflow.WRAP) if random.integers(2) else None,
        result=type_(True, int(random.integers(6, 16)), 5) if random.integers(2) else None,
        phi_reference="met" if random.integers(2) else None,
        may_wrap=True,
    )
    spec = network.score
    square = type_(False, int(random.integers(6, 20)), int(random.integers(2, 9)))
    difference = type_(True, int(random.integers(5, 12)), 5) if spec.difference else None
    total = type_(bool(random.integers(2)), int(random.integers(8, 24)), int(random.integers(4, 10)))
    return replace(network, score=replace(spec, square=square, difference=difference, total=total), thresholds=())


@pytest.mark.parametrize("seed", range(6))
def test_random_types_and_modes_give_the_same(seed: int) -> None:
    network = with_modes(seed)
    x = make_events(network.layout, 2000, seed)
    np.testing.assert_array_equal(Emulator(network).scores(x), reference.scores(network, x))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6, 300))
def test_many_random_types_and_modes_give_the_same(seed: int) -> None:
    test_random_types_and_modes_give_the_same(seed)


def test_operands_are_as_narrow_as_the_ranges_allow() -> None:
    def chosen(network: Network) -> list[Method]:
        nodes = {node.node: node for node in prove(network)}
        inputs, type_, methods = nodes["scaled"].values, network.scaling.type, []
        for layer in network.layers:
            methods.append(method(layer, inputs, type_.fractional))
            inputs, type_ = nodes[f"{layer.name}.output"].values, layer.output
        return methods

    assert chosen(CASES["latent"]) == [Method.BYTES, Method.BYTES]
    assert chosen(CASES["16 bits"]) == [Method.WORDS, Method.WORDS]
    assert chosen(CASES["32 bits"]) == [Method.SINGLE, Method.SINGLE]
    assert chosen(CASES["rounding accumulator"]) == [Method.SINGLE, Method.SINGLE]
    assert chosen(CASES["wrapping without rounding"]) == [Method.BYTES, Method.BYTES]


def test_32_bits_are_used_only_while_the_whole_sum_fits() -> None:
    layer = make_network(widths=(2,)).layers[0]
    fits = Interval(-(1 << 15), (1 << 15) - 1)
    assert method(layer, (fits,) * layer.n_in, 4) is Method.WORDS
    large = Dense(
        **{name: getattr(layer, name) for name in Dense.__slots__}
        | {"weight": np.full((8, 2), 1 << 14), "weight_type": FixedPoint(True, 16, 1)}
    )
    assert method(large, (fits,) * layer.n_in, 4) is Method.SINGLE


def test_bits_compare_with_the_thresholds() -> None:
    network = CASES["latent"]
    codes = np.array([0, network.thresholds[-1].value])
    np.testing.assert_array_equal(Emulator(network).bits(codes), [[False] * 3, [True] * 3])


def test_a_node_that_can_wrap_is_refused() -> None:
    network = make_network(accumulator=FixedPoint.parse("ap_fixed<9,4>"))
    with pytest.raises(ConversionError, match=r"^Node 'dense1\.accumulator' of network 'tiny' can wrap: "):
        kernel_source(network)


@pytest.mark.parametrize("name", ["masked", "rotated", "wide and rotated", "wrapping"])
def test_a_trace_has_the_inner_values_of_the_specification(name: str) -> None:
    network = CASES[name]
    x = make_events(network.layout, 23)
    wanted, got = reference.evaluate(network, x), Emulator(network).trace(x)
    assert list(got) == ["scaled", "dense1.output", "dense2.output", "score"]
    for node, values in got.items():
        np.testing.assert_array_equal(values, wanted[node])
    with pytest.raises(LayoutError, match=r"^Events to trace: 23 values of \w+\[0\]\.pt_hw are outside the hardware range \["):
        Emulator(network).trace(np.full_like(x, -100))


def test_the_tiny_layout_has_columns_of_all_kinds() -> None:
    assert tiny_layout().n_columns == 8


def test_without_pt_thresholds_nothing_is_cut() -> None:
    assert "cut" not in kernel_source(CASES["masked"])
    assert "const i32 above0 = (i32)(even(raw[0]) >= 40);" in kernel_source(CASES["pt thresholds"])
