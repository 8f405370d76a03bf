"""The mapped netlist is simulated: each kind of cell by its truth table, whole networks against the reference, every fault is seen."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.core.agreement import Agreement
from l1ad.core.choices import Strategy
from l1ad.core.errors import MismatchError, ToolFailedError
from l1ad.core.network import Network
from l1ad.firmware.golden import make_golden
from l1ad.rtl import netlist as module
from l1ad.rtl.cells import from_words, to_words
from l1ad.rtl.delay import Cell, Netlist
from l1ad.rtl.design import COLUMNS, Interface
from l1ad.rtl.netlist import NetlistSimulation, compare_netlist
from l1ad.rtl.project import source_files, write_project
from l1ad.rtl.strategies import trace_strategy
from l1ad.rtl.yosys import Synthesised, synthesise
from tests.networks import make_network
from tests.rtl.projects import make_project

needs_yosys = pytest.mark.skipif(toolchain.find("yosys") is None, reason="there is no Yosys")


def outputs_of(cell: Cell, n_inputs: int, outputs: tuple[int, ...]) -> list[list[int]]:
    """Return the outputs of one cell, by port bit, for every combination of its inputs, which are bits 10, 11, …"""
    netlist = Netlist((cell,), tuple(range(10, 10 + n_inputs)), outputs)
    words = np.concatenate([to_words(np.arange(2**n_inputs) >> i & 1, 1) for i in range(n_inputs)])
    return [from_words(row[None], 2**n_inputs).tolist() for row in NetlistSimulation.of(netlist).run(words)]


@pytest.mark.parametrize("n", range(1, 7))
def test_a_look_up_table_gives_its_entry(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(10):
        table = rng.integers(0, 2, 2**n)
        init = "".join(str(bit) for bit in table[::-1])
        cell = Cell(f"LUT{n}", {f"I{i}": (10 + i,) for i in range(n)}, {"O": (1,)}, {"INIT": init})
        assert outputs_of(cell, n, (1,)) == [table.tolist()]


def test_an_inverter_inverts_and_a_multiplexer_chooses() -> None:
    assert outputs_of(Cell("INV", {"I": (10,)}, {"O": (1,)}), 1, (1,)) == [[1, 0]]
    mux = Cell("MUXF7", {"I0": (10,), "I1": (11,), "S": (12,)}, {"O": (1,)})
    assert outputs_of(mux, 3, (1,)) == [[0, 1, 0, 1, 0, 0, 1, 1]]


def test_a_carry_chain_adds() -> None:
    """With S = a xor b and DI = a, a chain gives the sum of two numbers and its carries, from either carry in."""
    ports = {"CI": (10,), "CYINIT": ("0",), "DI": (11, 12, 13, 14), "S": (15, 16, 17, 18)}
    for where in ("CI", "CYINIT"):
        inputs = ports | {"CI": ("0",), "CYINIT": ("0",)} | {where: (10,)}
        found = outputs_of(Cell("CARRY4", inputs, {"O": (1, 2, 3, 4), "CO": (5, 6, 7, 8)}), 9, (1, 2, 3, 4, 5, 6, 7, 8))
        for number, (b, a, carry) in enumerate(itertools.product(range(16), range(16), range(2))):
            place = carry | a << 1 | (a ^ b) << 5
            got = sum(found[i][place] << i for i in range(4)) | found[7][place] << 4
            assert got == a + b + carry, number


def test_a_carry_chain_multiplexes_bit_by_bit() -> None:
    rng = np.random.default_rng(0)
    ports = {"CI": (10,), "DI": (11, 12, 13, 14), "S": (15, 16, 17, 18)}
    found = outputs_of(Cell("CARRY4", ports, {"O": (1, 2, 3, 4), "CO": (5, 6, 7, 8)}), 9, (1, 2, 3, 4, 5, 6, 7, 8))
    for place in rng.integers(0, 512, 100).tolist():
        carry = place & 1
        for i in range(4):
            start, go_on = place >> (1 + i) & 1, place >> (5 + i) & 1
            assert found[i][place] == go_on ^ carry
            carry = carry if go_on else start
            assert found[4 + i][place] == carry


def test_constants_are_driven_and_cells_wait_for_each_other() -> None:
    xor = {"INIT": "0110"}
    cells = (
        Cell("LUT2", {"I0": (2,), "I1": ("1",)}, {"O": (3,)}, xor),
        Cell("LUT2", {"I0": (10,), "I1": ("x",)}, {"O": (2,)}, xor),
    )
    simulation = NetlistSimulation.of(Netlist(cells, (10,), (3, 2, "0", "1", 10)))
    found = simulation.run(to_words(np.array([0, 1]), 1))
    assert [from_words(row[None], 2).tolist() for row in found] == [[1, 0], [0, 1], [0, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [1, 7, 20])
def test_words_hold_integers(width: int, signed: bool) -> None:
    low = -(1 << width - 1) if signed else 0
    codes = np.random.default_rng(width).integers(low, low + (1 << width), 131)
    words = to_words(codes, width)
    assert words.shape == (width, 3)
    np.testing.assert_array_equal(from_words(words, 131, signed=signed), codes)


def dsp(kind: str, mode: str, **changes: str) -> Cell:
    """Return a DSP block that adds bits 100 to 147 and its neighbour's 200 to 247, as OPMODE says, to a product of bits 10 to 57."""
    ports = {"A": range(10, 40), "B": range(40, 58), "C": range(100, 148), "PCIN": range(200, 248)}
    inputs = {port: tuple(bits) for port, bits in ports.items()} | {"OPMODE": tuple(reversed(mode))}
    inputs |= {port: tuple(reversed(bits)) for port, bits in changes.items() if not port.endswith("REG")}
    return Cell(
        kind, inputs, {"P": tuple(range(300, 348))}, {port: bits for port, bits in changes.items() if port.endswith("REG")}
    )


@pytest.mark.parametrize(("kind", "bits"), [("DSP48E1", 25), ("DSP48E2", 27)])
@pytest.mark.parametrize("added", ["000", "001", "011"])
def test_a_dsp_block_multiplies_and_adds(kind: str, bits: int, added: str) -> None:
    """Both factors are signed; bits of A above the multiplier's are not read; the sum wraps at 48 bits."""
    rng = np.random.default_rng(int(added))
    a, b = rng.integers(-(1 << bits - 1), 1 << bits - 1, 200), rng.integers(-(1 << 17), 1 << 17, 200)
    c, pcin = rng.integers(-(1 << 47), 1 << 47, (2, 200))
    a[:2], b[:2], c[:2] = -(1 << bits - 1), -(1 << 17), (1 << 47) - 1
    cell = dsp(kind, ("00" if kind == "DSP48E2" else "") + added + "0101")
    netlist = Netlist((cell,), tuple(bit for port in ("A", "B", "C", "PCIN") for bit in cell.inputs[port]), cell.outputs["P"])
    noise = to_words(a ^ rng.integers(0, 1 << 30, 200) << bits, 30)
    found = NetlistSimulation.of(netlist).run(np.concatenate([noise, to_words(b, 18), to_words(c, 48), to_words(pcin, 48)]))
    plus = {"000": [0] * 200, "001": pcin.tolist(), "011": c.tolist()}[added]
    wanted = [x * y + z for x, y, z in zip(a.tolist(), b.tolist(), plus, strict=True)]
    assert from_words(found, 200, signed=True).tolist() == [(value + (1 << 47)) % (1 << 48) - (1 << 47) for value in wanted]


@pytest.mark.parametrize(("kind", "enabled_by"), [("$_DFF_P_", None), ("$_DFFE_PP_", 1), ("$_DFFE_PN_", 0)])
@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_a_register_takes_what_comes_while_it_is_enabled(kind: str, enabled_by: int | None, cycles: int) -> None:
    """Bit 10 goes in where the counter is 0 and else its inverse; the counter's lowest bit enables, or nothing does."""
    chosen = Cell("LUT2", {"I0": (10,), "I1": (20,)}, {"O": (1,)}, {"INIT": "0110"})
    register = Cell(kind, {"D": (1,)} | ({} if enabled_by is None else {"E": (20,)}), {"Q": (2,)})
    simulation = NetlistSimulation.of(Netlist((chosen,), (10,), (2,), (register,), (20, 21)))
    found = from_words(simulation.run(to_words(np.array([0, 1]), 1), cycles), 2).tolist()
    held = [1, 1]
    for phase in range(cycles):
        if enabled_by is None or phase % 2 == enabled_by:
            held = [bit ^ phase % 2 for bit in (0, 1)]
    assert found == held


@pytest.mark.parametrize(
    ("netlist", "message"),
    [
        (
            Netlist((Cell("RAMB18", {}, {}), Cell("URAM288", {}, {})), (), (), (Cell("$_SDFF_PP0_", {}, {"Q": (2,)}),)),
            r"^The mapped netlist cannot be simulated: it has cells of type \$_SDFF_PP0_, RAMB18, URAM288; only LUTs, carries, mul",
        ),
        (
            Netlist((dsp("DSP48E2", "110100000", C="0"),), (), (1,)),
            r"^The mapped netlist cannot be simulated: it has a DSP48E2 with OPMODE '110100000' and registers \[\]; only the product of",
        ),
        (
            Netlist((dsp("DSP48E1", "0000101", PREG="1"),), (), (1,)),
            r"^The mapped netlist cannot be simulated: it has a DSP48E1 with OPMODE '0000101' and registers \['PREG'\]; only the product",
        ),
        (
            Netlist((dsp("DSP48E1", "0000101", ALUMODE="0011"),), (), (1,)),
            r"^The mapped netlist cannot be simulated: it has a DSP48E1 ",
        ),
        (Netlist((), (1,), (7,)), r"^Yosys' netlist has a bit 7 that nothing drives; see the Yosys log\.$"),
        (Netlist((Cell("INV", {"I": (5,)}, {"O": (1,)}),), (), (1,)), r"^Yosys' netlist has a bit 5 that nothing drives; "),
        (
            Netlist((Cell("INV", {"I": (1,)}, {"O": (2,)}), Cell("INV", {"I": (2,)}, {"O": (1,)})), (), (1,)),
            r"^The mapped logic has a loop, ",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(netlist: Netlist, message: str) -> None:
    with pytest.raises(ToolFailedError, match=message):
        NetlistSimulation.of(netlist)


Made = tuple[Network, Callable[[tuple[Synthesised, ...]], list[Agreement]], tuple[Synthesised, ...]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    network = make_network(widths=(3, 2), zero_fraction=0.5)
    project = make_project(tmp_path_factory.mktemp("netlist"), network)
    golden = make_golden(network, 300)
    modules = synthesise(project, project.path / "yosys", "xcup")
    return network, lambda changed: compare_netlist(project, changed, golden), modules


@needs_yosys
@pytest.mark.parametrize(
    ("clock_ns", "interface", "family"),
    [(None, COLUMNS, "xcup"), (2.0, Interface(packed=True), "xc7"), (None, Interface(True, True), "xc7")],
)
def test_a_mapped_network_gives_the_references_bits(
    tmp_path: Path, clock_ns: float | None, interface: Interface, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EVENTS", 128)
    network = make_network(widths=(3, 2), zero_fraction=0.5)
    project = make_project(tmp_path, network, clock_ns, interface=interface)
    golden = make_golden(network, 300)
    agreements = compare_netlist(project, synthesise(project, tmp_path / "yosys", family), golden)
    assert [(a.right, a.n_events, a.n_different) for a in agreements] == [("NETLIST", 300, 0), ("NETLIST trigger bits", 300, 0)]
    assert len(np.unique(golden.scores)) > 10


@needs_yosys
def test_a_constant_network_is_simulated(tmp_path: Path) -> None:
    network = make_network(widths=(2, 2), zero_fraction=1.0)
    project = make_project(tmp_path, network)
    agreements = compare_netlist(project, synthesise(project, tmp_path / "yosys", "xc7"), make_golden(network, 70))
    assert [agreement.n_different for agreement in agreements] == [0, 0]


def inverted(cell: Cell) -> Cell:
    """Invert a look-up table."""
    return replace(cell, parameters={"INIT": "".join("10"[int(bit)] for bit in cell.parameters["INIT"])})


@needs_yosys
def test_every_faulty_table_that_reaches_an_output_is_seen(made: Made) -> None:
    _, compare, modules = made
    rng = np.random.default_rng(3)
    seen = []
    for number, synthesised in enumerate(modules):
        cells = synthesised.netlist.cells
        tables = [i for i, cell in enumerate(cells) if cell.type.startswith("LUT")]
        for place in rng.choice(tables, min(5, len(tables)), replace=False):
            changed = (*cells[:place], inverted(cells[place]), *cells[place + 1 :])
            faulty = replace(synthesised, netlist=replace(synthesised.netlist, cells=changed))
            seen.append(any(a.n_different for a in compare((*modules[:number], faulty, *modules[number + 1 :]))))
    assert len(seen) == 20
    assert sum(seen) >= 18  # a table may feed what a rounding or a saturation hides from these events


@needs_yosys
def test_swapped_outputs_are_seen(made: Made) -> None:
    _, compare, modules = made
    netlist = modules[0].netlist
    swapped = replace(netlist, outputs=(netlist.outputs[1], netlist.outputs[0], *netlist.outputs[2:]))
    with pytest.raises(MismatchError, match=r"^REFERENCE and NETLIST must be equal as integers; \d+ of 300 events differ"):
        compare((replace(modules[0], netlist=swapped), *modules[1:]))[0].require()


def broken(cell: Cell) -> Cell:
    """Put a DSP block's second factor one bit too low, and nothing into a register."""
    if cell.type.startswith("DSP"):
        return replace(cell, inputs={**cell.inputs, "B": (*cell.inputs["B"][1:], "0")})
    return replace(cell, inputs={**cell.inputs, "D": ("0",)}) if "D" in cell.inputs else cell


@needs_yosys
@pytest.mark.parametrize(("reuse_factor", "dsp", "family"), [(1, True, "xc7"), (4, False, "xc7"), (4, True, "xcup")])
def test_multipliers_shared_or_in_dsp_blocks_give_the_references_bits_and_a_fault_is_seen(
    tmp_path: Path, reuse_factor: int, dsp: bool, family: str
) -> None:
    network, shared = make_network(widths=(4, 2), zero_fraction=0.3), reuse_factor > 1
    design = trace_strategy(network, Strategy.RESOURCE if shared else Strategy.LATENCY, reuse_factor)
    project, golden = write_project(source_files(design), tmp_path), make_golden(network, 200)
    modules = synthesise(project, tmp_path / "yosys", family, dsp=dsp)
    assert [a.n_different for a in compare_netlist(project, modules, golden)] == [0, 0]
    sums = modules[1].netlist
    assert (modules[1].dsp > 0, len(sums.registers) > 0) == (dsp, shared)
    wrong = replace(sums, cells=tuple(map(broken, sums.cells)), registers=tuple(map(broken, sums.registers)))
    faulty = (modules[0], replace(modules[1], netlist=wrong), *modules[2:])
    assert compare_netlist(project, faulty, golden)[0].n_different > 0
