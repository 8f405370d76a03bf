"""The compiled emulator gives the integers of the specification, for every score, type, mode and instruction set."""

from __future__ import annotations

import itertools
import platform
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ConfigError, ConversionError, InputError, LayoutError, ToolFailedError
from l1ad.core.fixed import FixedPoint, Overflow, Rounding
from l1ad.core.layout import ObjectLayout, ObjectSlot
from l1ad.core.network import Dense, Network, Score
from l1ad.emulator import build
from l1ad.emulator import march as march_choice
from l1ad.emulator.bytewise import Halves, groups
from l1ad.emulator.dense import Method, method
from l1ad.emulator.kernel import Emulator
from l1ad.emulator.source import kernel_source
from l1ad.ranges import Interval, prove
from l1ad.spec import reference
from tests.networks import make_events, make_network, make_threshold_events, outputs_for, tiny_layout
from tests.planted import plant

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
MODES = list(itertools.product(Rounding, Overflow))


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(build.CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


def check(network: Network, n_events: int = 1003, march: str = "native") -> None:
    x = make_threshold_events(network, n_events, seed=7).astype(network.layout.storage)
    wanted = reference.scores(network, x)
    np.testing.assert_array_equal(Emulator(network, march=march).scores(x), wanted)
    assert len(np.unique(wanted)) > 5


def wide_layout() -> ObjectLayout:
    """Return a layout whose pt needs 32 bits, with an odd number of columns."""
    pt, phi = FixedPoint.parse("uint<20>"), FixedPoint.parse("uint<6>")
    jet = ObjectSlot("jet", 2, ("pt", "phi"), (pt, phi), (0.5, 0.1), 50)
    return ObjectLayout("wide5", (jet, ObjectSlot("ht", 1, ("pt",), (pt,), (0.5,))))


CASES = {
    "latent": make_network(widths=(5, 3)),
    "masked": make_network(widths=(5, 8), score=Score.MASKED_MSE),
    "mse not cyclic": make_network(widths=(5, 8), score=Score.MSE, cyclic=False),
    "linear": make_network(widths=(5, 1), score=Score.LINEAR),
    "kl": make_network(widths=(5, 4), score=Score.KL),
    "r_z": make_network(widths=(5, 4), score=Score.R_Z),
    "rotated": make_network(widths=(5, 8), score=Score.MASKED_MSE, phi_reference="met"),
    "rotated to a finer grid": make_network(widths=(5, 2), phi_reference="jet"),
    "pt thresholds": make_network(widths=(5, 8), score=Score.MASKED_MSE, min_pt_hw=(("jet", 40), ("met", 7))),
    "pt threshold and rotated": make_network(widths=(5, 8), score=Score.MSE, phi_reference="jet", min_pt_hw=(("jet", 40),)),
    "pt threshold on odd columns": make_network("axol1tl57", widths=(4, 2), min_pt_hw=(("muon", 9), ("jet", 100))),
    "pt threshold on wide columns": make_network(wide_layout(), (6, 5), Score.MASKED_MSE, min_pt_hw=(("ht", 70_000), ("jet", 3))),
    "odd columns": make_network("axol1tl57", widths=(4, 2)),
    "wide columns": make_network(wide_layout(), widths=(6, 5), score=Score.MASKED_MSE),
    "wide and rotated": make_network(wide_layout(), widths=(6, 2), phi_reference="jet"),
    "wrapping": make_network(
        widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<9,4>"), result=FixedPoint.parse("ap_fixed<7,4>"), may_wrap=True
    ),
    "wrapping without rounding": make_network(widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<14,4>"), may_wrap=True),
    "rounding accumulator": make_network(
        widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<12,8,AP_RND_CONV,AP_WRAP>"), may_wrap=True
    ),
    "16 bits": make_network(
        widths=(5, 3),
        input_type=FixedPoint.parse("ap_fixed<14,6,AP_RND,AP_SAT>"),
        hidden_type=FixedPoint.from_quantized_relu(15, 5),
    ),
    "32 bits": make_network(
        widths=(5, 3),
        input_type=FixedPoint.parse("ap_fixed<20,6,AP_RND,AP_SAT>"),
        hidden_type=FixedPoint.from_quantized_relu(20, 5),
    ),
    "64 bits": make_network(
        widths=(5, 3),
        input_type=FixedPoint.parse("ap_fixed<30,6,AP_RND,AP_SAT>"),
        hidden_type=FixedPoint.from_quantized_relu(40, 8),
    ),
    "sparse": make_network("l1topo44", widths=(14, 3), zero_fraction=0.7),
    "full bytes": make_network(
        "l1topo44",
        widths=(14, 9, 3),
        input_type=FixedPoint.parse("ap_fixed<8,5,AP_RND,AP_SAT>"),
        weight_type=FixedPoint.from_quantized_bits(8, 1),
        hidden_type=FixedPoint.from_quantized_relu(8, 5),
    ),
    "all zero": make_network(widths=(5, 2), zero_fraction=1.1),
}


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


def test_instructions_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library with instructions that the machine lacks would end the process."""
    monkeypatch.setattr(march_choice, "processor", lambda: "flags : sse2 ssse3 sse4_1 sse4_2 avx")
    with pytest.raises(
        ConfigError, match=r"^This machine cannot run 'haswell': it lacks avx2, bmi.*; use 'native' or one with less\.$"
    ):
        march_choice.flags("haswell")
    with pytest.raises(
        ConfigError, match=r"^The compiler does not know the instruction set 'pentium9'; use one of native, .*\.$"
    ):
        march_choice.flags("pentium9")
    with pytest.raises(ConfigError, match=r"^'native -Wl,x' is not an instruction set; use one of native, .*\.$"):
        march_choice.flags("native -Wl,x")


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


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint16, np.uint64])
def test_every_integer_type_is_read(dtype: type) -> None:
    network = CASES["latent"]
    x = np.maximum(make_events(network.layout, 50), 0)
    np.testing.assert_array_equal(Emulator(network).scores(x.astype(dtype)), reference.scores(network, x))


@pytest.mark.parametrize("n_events", [0, 1, 2, 15, 16, 17, 4095, 4096, 4097, 9001])
def test_any_number_of_events_on_any_number_of_threads(n_events: int) -> None:
    network = CASES["latent"]
    x = make_events(network.layout, n_events)
    wanted = reference.scores(network, x)
    for threads in (0, 1, 2, 3):
        np.testing.assert_array_equal(Emulator(network, threads=threads).scores(x), wanted)


def test_events_that_are_not_contiguous_are_read() -> None:
    network = CASES["latent"]
    x = make_events(network.layout, 60)
    np.testing.assert_array_equal(Emulator(network).scores(x[::3]), reference.scores(network, x[::3]))
    np.testing.assert_array_equal(Emulator(network).scores(np.asfortranarray(x)), reference.scores(network, x))


@pytest.mark.parametrize("dtype", [np.int16, np.int64])
@pytest.mark.parametrize(("column", "value"), [(0, 1024), (1, -65), (7, -1), (3, -1)])
@pytest.mark.parametrize("name", ["latent", "rotated"])
def test_values_outside_the_hardware_range_are_refused(name: str, dtype: type, column: int, value: int) -> None:
    network = CASES[name]
    x = make_events(network.layout, 5000).astype(dtype)
    x[4321, column] = value
    with pytest.raises(LayoutError, match=r"^Events to score: 1 values of \w+\[\d\]\.\w+_hw are outside the hardware range \["):
        Emulator(network).scores(x)


def test_values_that_look_right_in_their_low_bits_are_refused() -> None:
    x = np.zeros((20, 8), dtype=np.int64)
    x[3, 0] = 1 << 40
    with pytest.raises(
        LayoutError, match=r"^Events to score: 1 values of jet\[0\]\.pt_hw are outside the hardware range \[0, 1023\] "
    ):
        Emulator(CASES["latent"]).scores(x)


def test_values_beyond_int64_are_refused() -> None:
    with pytest.raises(
        LayoutError, match=r"^Events to score: values beyond int64 are not hardware integers; check where they come from\.$"
    ):
        Emulator(CASES["latent"]).scores(np.full((1, 8), 1 << 63, dtype=np.uint64))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 44), dtype=np.int16), r"^Events to score: layout 'tiny8' needs shape \(n_events, 8\), got \(2, 44\); "),
        (np.zeros((2, 8)), r"^Events to score: hardware values must be integers, got dtype float64; "),
        (np.zeros(8, dtype=np.int16), r"^Events to score: layout 'tiny8' needs shape \(n_events, 8\), got \(8,\); "),
    ],
)
def test_events_of_another_layout_or_type_are_refused(x: np.ndarray, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        Emulator(CASES["latent"]).scores(x)


def test_bits_compare_with_the_thresholds() -> None:
    network = CASES["latent"]
    codes = np.array([0, network.thresholds[-1].value])
    np.testing.assert_array_equal(Emulator(network).bits(codes), [[False] * 3, [True] * 3])


def test_a_node_that_can_wrap_is_refused() -> None:
    network = make_network(accumulator=FixedPoint.parse("ap_fixed<9,4>"))
    with pytest.raises(ConversionError, match=r"^Node 'dense1\.accumulator' of network 'tiny' can wrap: "):
        kernel_source(network)


def test_the_library_is_compiled_once() -> None:
    path = build.library(CASES["latent"])
    before = path.stat().st_mtime_ns
    assert build.library(CASES["latent"]) == path
    assert path.stat().st_mtime_ns == before
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "compile.log",
        "driver.h",
        "emulator.so",
        "kernel.cpp",
        "lanes.h",
    ]


def test_an_emulator_that_somebody_put_there_is_not_loaded(tmp_path: Path) -> None:
    network = make_network(widths=(3, 2))
    path = build.library(network)
    plant(path, tmp_path / "sign")
    check(network)
    assert not (tmp_path / "sign").exists()
    assert build.library(network) == path


def test_a_cache_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path))
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled").chmod(0o777)
    with pytest.raises(InputError, match=r"^Compiled code is not kept in '.*compiled', where somebody else could change it"):
        build.library(make_network(widths=(3, 2)))
    assert list((tmp_path / "emulator").iterdir()) == []


def test_a_failing_compiler_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(build, "kernel_source", lambda network, traced: "this is no C++\n")
    with pytest.raises(
        ToolFailedError, match=r"^Compiling the emulator failed: .* ended with exit code 1; (?s:.*)kernel\.cpp:1:1: error:"
    ):
        build.library(CASES["latent"])


def test_a_cache_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(
        InputError, match=r"^Compiled emulators cannot be kept in '.*emulator': .*; set L1AD_CACHE_DIR to a folder "
    ):
        build.library(CASES["latent"])


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


@pytest.mark.parametrize("text", ["uint<32>", "int<32>", "int<40>"])
def test_columns_beyond_its_integers_are_refused(text: str) -> None:
    layout = ObjectLayout("wide", (ObjectSlot("jet", 4, ("pt",), (FixedPoint.parse(text),), (0.5,)),))
    message = (
        r"^The emulator takes hardware integers smaller than 2\*\*31, column 'jet\[0\]\.pt_hw' of layout 'wide' is "
        r"ap_u?fixed<\d+,\d+>; use a narrower type there, or the C simulation\.$"
    )
    with pytest.raises(ConversionError, match=message):
        Emulator(make_network(layout, widths=(3, 2)))
