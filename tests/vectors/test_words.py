"""Words of links in the graph: every interpreter gives the specification's integers for what is on the links."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.graph import bounds, lower
from l1ad.graph.demand import demanded
from l1ad.graph.graph import HARDWARE, WORDS
from l1ad.graph.run import evaluate
from l1ad.graph.run_float import evaluate_float
from l1ad.spec import reference
from l1ad.vectors.linkmap import LinkMap, absent_columns, input_pieces, load_link_map
from l1ad.vectors.packing import pack
from l1ad.vectors.words import EventWords, event_words
from tests.networks import make_events, make_network

#: Board and layout: the Global Trigger's public packing, and two of this project's own.
BOARDS = [("cms_ugt", "axol1tl57"), ("l1topo", "l1topo44"), ("vu13p", "tiny8")]


def case(board: str, layout: str) -> tuple[Network, LinkMap, EventWords, IntArray, IntArray]:
    """Return a network, its link map, and events as columns and as words that were packed by the vectors' own code."""
    network = make_network(None if layout == "tiny8" else layout, (6, 3))
    links = load_link_map(board)
    x_hw = make_events(network.layout, 500, seed=4)
    x_hw[:, list(absent_columns(links, network.layout))] = 0
    words = event_words(links, network.layout)
    return network, links, words, x_hw, words.of(links, pack(links, input_pieces(links, network.layout), x_hw, board))


@pytest.mark.parametrize(("board", "layout"), BOARDS)
def test_the_graph_takes_the_words(board: str, layout: str) -> None:
    network, _, words, x_hw, arriving = case(board, layout)
    graph = lower(network, words=(len(words.names), words.pieces))
    assert graph.arriving == WORDS
    wanted = reference.scores(network, x_hw)
    for values in (evaluate(graph, arriving), evaluate_float(graph, arriving)):
        np.testing.assert_array_equal(values[HARDWARE], x_hw)
        np.testing.assert_array_equal(
            np.ldexp(values["score"][:, 0], network.score.total.fractional if values["score"].dtype.kind == "f" else 0), wanted
        )
        np.testing.assert_array_equal(values["trigger"].astype(bool), reference.bits(network, wanted))
    assert arriving.max() > 1 << 20


@pytest.mark.parametrize(("board", "layout"), BOARDS)
def test_the_proved_ranges_are_those_of_the_columns(board: str, layout: str) -> None:
    network, links, words, _, _ = case(board, layout)
    found = bounds(lower(network, words=(len(words.names), words.pieces)))[HARDWARE].values
    absent = absent_columns(links, network.layout)
    for i, (interval, column) in enumerate(zip(found, network.layout.columns, strict=True)):
        wanted = (0, 0) if i in absent else (column.type.min_int, column.type.max_int)
        assert (interval.low, interval.high) == wanted


@pytest.mark.parametrize(("board", "layout"), BOARDS)
def test_every_bit_of_a_word_is_in_the_column_it_belongs_to(board: str, layout: str) -> None:
    """Turn single bits on: only the column that the link map names may change."""
    network, _, words, _, _ = case(board, layout)
    graph = lower(network, words=(len(words.names), words.pieces))
    for piece in words.pieces[:: max(len(words.pieces) // 25, 1)]:
        one = np.zeros((1, len(words.names)), dtype=np.int64)
        one[0, piece.word] = 1 << (piece.low + piece.bits - 1)
        type_ = network.layout.columns[piece.column].type
        bit = piece.shift + piece.bits - 1
        wanted = np.zeros(network.n_inputs, dtype=np.int64)
        wanted[piece.column] = -(1 << bit) if type_.signed and bit == type_.width - 1 else 1 << bit
        np.testing.assert_array_equal(evaluate(graph, one)[HARDWARE][0], wanted)


@pytest.mark.slow
@pytest.mark.skipif(toolchain.find("g++") is None, reason="there is no C++ compiler")
def test_hls_statements_take_the_words(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Compile the statements that HLS gets for the words with the simulation's own ap_int types, and run them."""
    from l1ad.graph import Interval
    from l1ad.hls.codes import Code
    from l1ad.hls.interpret import Interpreter
    from tests.projects import make_project

    network, _, words, x_hw, arriving = case("cms_ugt", "axol1tl57")
    graph = lower(network.with_thresholds(()), words=(len(words.names), words.pieces))
    whole = Interval(0, (1 << 32) - 1)
    interpreter = Interpreter(graph, bounds(graph), lambda e: Code(f"w[{e[1]}]", whole) if e[0] == WORDS else None)
    names = [interpreter.element(HARDWARE, i).name for i in range(network.n_inputs)]
    project = make_project(tmp_path / "hls", make_network("l1topo44", (4, 2)), 2)
    body = "\n".join([*interpreter.taken(), *(f'std::printf("%lld ", (long long)({name}));' for name in names)])
    read = "\n".join(f'    if (std::scanf("%lld", &v) != 1) return 0; w[{i}] = v;' for i in range(len(words.names)))
    text = (
        '#include <cstdio>\n#include "ap_fixed.h"\n#include "ap_int.h"\n#include "l1ad_arithmetic.h"\n'
        f'int main() {{\n  ap_int<33> w[{len(words.names)}]; long long v;\n  while (true) {{\n{read}\n{body}\n    std::puts("");\n  }}\n}}\n'
    )
    (tmp_path / "words.cpp").write_text(text)
    import subprocess

    from l1ad.hls.project import SIMULATION_TYPES

    includes = [f"-I{project.path / SIMULATION_TYPES}", f"-I{project.path / 'firmware'}"]
    subprocess.run(["g++", "-O0", "-w", "-std=c++17", *includes, "words.cpp", "-o", "words"], cwd=tmp_path, check=True)
    given = "\n".join(" ".join(map(str, row)) for row in arriving[:60].tolist())
    done = subprocess.run([str(tmp_path / "words")], input=given, capture_output=True, text=True, check=True)
    got = np.array([line.split() for line in done.stdout.splitlines()], dtype=np.int64)
    np.testing.assert_array_equal(got, x_hw[:60])


def test_rtl_logic_takes_the_words() -> None:
    """Let alkaid make logic of the columns from the words, and run it."""
    pytest.importorskip("alkaid")
    from l1ad.rtl.design import Net
    from l1ad.rtl.interpret import Interpreter
    from l1ad.rtl.trace import trace_logic, variables_of

    network, _, words, x_hw, arriving = case("cms_ugt", "axol1tl57")
    graph = lower(network, words=(len(words.names), words.pieces))
    nets = [Net(f"w{i}", 0, float((1 << 32) - 1), 1.0, False, 32, 0) for i in range(len(words.names))]
    inputs = variables_of(nets)
    read = demanded(graph, {HARDWARE: np.ones(network.n_inputs, dtype=bool)})
    interpreter = Interpreter(graph, {(WORDS, i): value for i, value in enumerate(inputs)}, read)
    logic = trace_logic(inputs, [interpreter.element(HARDWARE, i) for i in range(network.n_inputs)], "words")
    got = logic.predict(arriving[:200].astype(np.float64))
    np.testing.assert_array_equal(np.asarray(got).astype(np.int64), x_hw[:200])
