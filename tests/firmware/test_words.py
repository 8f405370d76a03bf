"""A top that takes the words of the board's links gives the specification's integers, whatever stands beside the columns in them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.core.errors import InputError, LayoutError
from l1ad.core.fixed import IntArray
from l1ad.core.json_text import parse_json
from l1ad.core.network import Network, Threshold
from l1ad.firmware.golden import adversarial_events, make_golden
from l1ad.firmware.inputs import Inputs
from l1ad.graph.words import WORD_BITS
from l1ad.hls.csim import Csim
from l1ad.rtl.design import Interface
from l1ad.rtl.netlist import compare_netlist
from l1ad.rtl.simulate import RtlSimulation
from l1ad.rtl.yosys import synthesise
from l1ad.spec import reference
from l1ad.vectors.linkmap import LinkMap, OutputPlace, input_pieces, load_link_map
from l1ad.vectors.packing import pack, unpack
from l1ad.vectors.words import EventWords, event_words
from tests import projects
from tests.networks import make_events, make_network
from tests.rtl import projects as rtl_projects

TINY = make_network(widths=(3, 2), zero_fraction=0.5)
#: Words of 24 bits: columns are cut where one ends, bits lie between them, and the angle of missing energy is not there.
NARROW = LinkMap(
    public="none",
    source="made for tests",
    word_bits=24,
    frames_per_event=3,
    frames_per_file=90,
    latency_frames=3,
    output=OutputPlace(0, (0, 0), (1, 0)),
    places={"jet": [(2, 0), (0, 1)], "met": [(1, 2)]},
    fields={"jet": {"phi": (1, 6), "pt": (19, 11), "eta": (32, 7)}, "met": {"pt": (3, 10)}},
    absent={"met": ["phi"]},
)
#: Words of 48 bits, which the graph takes as 32 and 16.
WIDE = replace(NARROW, word_bits=48, fields={"jet": {"phi": (30, 6), "pt": (0, 10), "eta": (37, 7)}, "met": {"pt": (38, 10)}})
MAPS = {"narrow": NARROW, "wide": WIDE, "vu13p": load_link_map("vu13p")}
needs_verilator = pytest.mark.skipif(toolchain.find("verilator") is None or toolchain.find("g++") is None, reason="no Verilator")
needs_yosys = pytest.mark.skipif(toolchain.find("yosys") is None, reason="no Yosys")
needs_compiler = pytest.mark.skipif(toolchain.find("g++") is None, reason="no C++ compiler")


def events(network: Network, words: EventWords, n: int = 600) -> IntArray:
    x_hw = np.concatenate([make_events(network.layout, n, seed=6), adversarial_events(network, n, seed=7)]).astype(np.int64)
    x_hw[:, list(words.absent(network.layout))] = 0
    return x_hw


def noisy(links: LinkMap, network: Network, x_hw: IntArray, words: EventWords) -> IntArray:
    """Pack events as the vectors' own code does, and fill every bit of the links that is no column's with noise; give the graph's words."""
    pieces = input_pieces(links, network.layout)
    frames = pack(links, pieces, x_hw, "b")
    rng = np.random.default_rng(3)
    used = pack(links, pieces, np.full((1, network.n_inputs), -1, dtype=np.int64), "b").words
    noise = rng.integers(0, 1 << links.word_bits, size=frames.words.shape, dtype=np.uint64)
    frames.words[...] |= noise & ~np.tile(used, (len(x_hw), 1))
    widths = [(column.type.width, column.type.signed) for column in network.layout.columns]
    np.testing.assert_array_equal(unpack(links, pieces, widths, frames), x_hw)
    return words.of(links, frames)


@pytest.mark.parametrize("links", MAPS.values(), ids=MAPS)
def test_words_carry_events_among_other_bits(links: LinkMap) -> None:
    words = event_words(links, TINY.layout)
    x_hw = events(TINY, words)
    rows = Inputs(TINY.layout, words=words).rows(x_hw)
    assert rows.shape == (len(x_hw), len(words.names))
    plain = words.of(links, pack(links, input_pieces(links, TINY.layout), x_hw, "b"))
    used = words.of(links, pack(links, input_pieces(links, TINY.layout), np.full((1, 8), -1, dtype=np.int64), "b"))
    np.testing.assert_array_equal(rows & used, plain)
    outside = rows & ~used
    there = np.array([(1 << min(WORD_BITS, links.word_bits - part * WORD_BITS)) - 1 for _, _, part in words.names])
    assert not (outside & ~there).any()
    np.testing.assert_array_equal(np.bitwise_or.reduce(outside), there & ~used[0])


def test_a_port_is_a_frame_of_a_link() -> None:
    wide = Inputs(TINY.layout, words=event_words(WIDE, TINY.layout))
    assert [(port.name, port.hls_type) for port in wide.ports] == [
        ("link_0_frame_1", "ap_uint<48>"),
        ("link_1_frame_2", "ap_uint<48>"),
        ("link_2_frame_0", "ap_uint<48>"),
    ]
    assert [(f.name, f.low, f.type.width) for f in wide.ports[0].fields] == [
        ("link_0_frame_1_part_0", 0, 32),
        ("link_0_frame_1_part_1", 32, 16),
    ]
    narrow = Inputs(TINY.layout, words=event_words(NARROW, TINY.layout))
    assert [(p.name, p.width, p.fields[0].name) for p in narrow.ports][:2] == [
        ("link_0_frame_1", 24, "link_0_frame_1"),
        ("link_0_frame_2", 24, "link_0_frame_2"),
    ]
    assert narrow.absent == (7,)


def test_what_the_words_do_not_have_is_refused() -> None:
    words = event_words(NARROW, TINY.layout)
    x_hw = np.zeros((3, 8), dtype=np.int64)
    x_hw[2, 7] = 5
    with pytest.raises(InputError, match=r"^Event 2 has met\[0\]\.phi_hw = 5, which the board's words do not carry"):
        Inputs(TINY.layout, words=words).rows(x_hw)
    with pytest.raises(LayoutError, match=r"^The link map leaves out the object 'jet'"):
        event_words(replace(NARROW, places={"met": [(1, 2)]}), TINY.layout)
    for inputs, message in (
        (Inputs(TINY.layout, words=words), r"^The top takes words of shape \(n_events, 5\), got an array of shape \(3, 8\); "),
        (Inputs(TINY.layout), r"^The top takes columns, not words \(firmware.ports: words\), got an array of shape \(3, 8\); "),
    ):
        with pytest.raises(InputError, match=message):
            inputs.checked(x_hw)


@pytest.mark.parametrize("links", MAPS.values(), ids=MAPS)
def test_a_target_and_an_interface_are_read_back(links: LinkMap) -> None:
    words = event_words(links, TINY.layout)
    target = replace(projects.TARGET, words=words)
    assert type(target).from_dict(target.to_dict()) == target
    interface = Interface(threshold_ports=True, words=words)
    assert Interface.from_dict(asdict(interface)) == interface


@needs_compiler
@pytest.mark.parametrize("name", ["narrow", pytest.param("wide", marks=pytest.mark.slow)])
def test_the_c_simulation_takes_words(name: str, tmp_path: Path) -> None:
    links, words = MAPS[name], event_words(MAPS[name], TINY.layout)
    x_hw = events(TINY, words)
    wanted = reference.scores(TINY, x_hw)
    project = projects.make_project(tmp_path, TINY, 50, words=words)
    simulation = Csim(project, threads=1)
    for scores, bits in (simulation.run(x_hw), simulation.run_words(noisy(links, TINY, x_hw, words))):
        np.testing.assert_array_equal(scores, wanted)
        np.testing.assert_array_equal(bits, reference.bits(TINY, wanted))
    nodes, spec = simulation.trace(x_hw[:40]), reference.evaluate(TINY, x_hw[:40])
    for node in ("scaled", "score"):
        np.testing.assert_array_equal(nodes[node], spec[node])
    golden = np.loadtxt(tmp_path / "tb_data/golden_inputs.txt", dtype=np.int64)
    assert golden.shape == (50, len(words.names))
    assert len(np.unique(wanted)) > 50


@needs_verilator
@pytest.mark.parametrize(
    ("name", "clock_ns"), [("narrow", None), ("wide", 2.0), pytest.param("vu13p", None, marks=pytest.mark.slow)]
)
def test_the_rtl_takes_words(name: str, clock_ns: float | None, tmp_path: Path) -> None:
    links, words = MAPS[name], event_words(MAPS[name], TINY.layout)
    x_hw = events(TINY, words)
    wanted = reference.scores(TINY, x_hw)
    project = rtl_projects.make_project(tmp_path, TINY, clock_ns, interface=Interface(words=words))
    simulation = RtlSimulation.open(tmp_path)
    for scores, bits in (simulation.run(x_hw), simulation.run_words(noisy(links, TINY, x_hw, words))):
        np.testing.assert_array_equal(scores, wanted)
        np.testing.assert_array_equal(bits, reference.bits(TINY, wanted))
    assert project.interface.words == words
    assert f"input [{links.word_bits - 1}:0] link_0_frame_" in (tmp_path / "verilog/l1ad_top.v").read_text(encoding="utf-8")
    assert "interface" in parse_json((tmp_path / "rtl.json").read_text(encoding="utf-8"))


@needs_verilator
@needs_yosys
def test_the_mapped_netlist_takes_words(tmp_path: Path) -> None:
    words = event_words(WIDE, TINY.layout)
    project = rtl_projects.make_project(tmp_path, TINY, None, interface=Interface(words=words))
    golden = make_golden(TINY, 300, absent=words.absent(TINY.layout))
    agreements = compare_netlist(project, synthesise(project, tmp_path / "yosys", "xcup"), golden)
    assert [(a.right, a.n_events, a.n_different) for a in agreements] == [("NETLIST", 300, 0), ("NETLIST trigger bits", 300, 0)]
    assert len(np.unique(golden.scores)) > 10


@needs_verilator
def test_a_wrong_place_shows(tmp_path: Path) -> None:
    """Simulate a top whose link map has one field a bit higher: the words of the right map must not give the right scores."""
    moved = replace(WIDE, fields={**WIDE.fields, "met": {"pt": (37, 10)}})
    rtl_projects.make_project(tmp_path, TINY, interface=Interface(words=event_words(moved, TINY.layout)))
    words = event_words(WIDE, TINY.layout)
    x_hw = events(TINY, words)
    scores, _ = RtlSimulation.open(tmp_path).run_words(noisy(WIDE, TINY, x_hw, words))
    assert (scores != reference.scores(TINY, x_hw)).any()


def test_the_global_triggers_public_words_are_its_ports() -> None:
    """Ports of axol1tl57 on cms_ugt: the lanes and frames that the public lane mapping names for these objects."""
    network = make_network("axol1tl57", (6, 3)).with_thresholds((Threshold("tight", 5),))
    ports = Inputs(network.layout, words=event_words(load_link_map("cms_ugt"), network.layout)).ports
    muons = [f"link_{lane}_frame_{frame}" for lane in (0, 1) for frame in (2, 4)]
    electrons = [f"link_4_frame_{frame}" for frame in range(4)]
    jets = [f"link_6_frame_{frame}" for frame in range(6)] + [f"link_7_frame_{frame}" for frame in range(4)]
    assert [port.name for port in ports] == [*muons, *electrons, *jets, "link_10_frame_2"]
    assert {port.width for port in ports} == {32}
