"""Names that come from files: what is one, what is none, and that no object holds one that is none."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from l1ad.core import identifier
from l1ad.core.board import load_board
from l1ad.core.errors import ConfigError, L1adError, LayoutError, ModelError
from l1ad.core.layout import ObjectLayout, load_layout, parse_layout, parse_layout_dict, shipped_layouts
from l1ad.core.network import Dense, Network, Threshold
from l1ad.core.thresholds import load_thresholds
from tests.networks import make_network

NETWORK = make_network("l1topo44", (2, 2), zero_fraction=0.9)
#: Text that means something to a preprocessor, a compiler, Verilog, Tcl, Make, a shell, a page or a file system.
HOSTILE = (
    "\n#define x 1\n",
    'met"); system("touch PWNED"); //',
    "met; endmodule",
    "[exec touch PWNED]",
    "$(shell touch PWNED)",
    "`touch PWNED`",
    "<script>alert(1)</script>",
    "../../outside",
    "/etc/passwd",
    "met\n",
    " met",
    "",
    "1met",
    "m\u0435t",  # Cyrillic
    "\uff4det",  # full width
    "met\u200b",
    "met\x00",
    "m" * 81,
)
NAMES: dict[str, Callable[[str], object]] = {
    "slot": lambda name: dataclasses.replace(load_layout("l1topo44").slots[0], kind=name),
    "layout": lambda name: ObjectLayout(name, load_layout("l1topo44").slots),
    "layer": lambda name: dataclasses.replace(NETWORK.layers[0], name=name),
    "network": lambda name: dataclasses.replace(NETWORK, name=name),
    "bit": lambda name: Threshold(name, 1),
}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("holder", NAMES)
def test_no_object_holds_text_that_could_be_code(holder: str, text: str) -> None:
    with pytest.raises(
        (LayoutError, ModelError), match=r"^The (kind|name) of a [a-z ]+ must .*, got '.*; rename it\.$"
    ) as caught:
        NAMES[holder](text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("word", "language"),
    [("class", "C++"), ("reg", "SystemVerilog"), ("logic", "SystemVerilog"), ("Signal", "VHDL"), ("proc", "Tcl")],
)
def test_reserved_words_are_no_ports(word: str, language: str) -> None:
    with pytest.raises(
        LayoutError,
        match=rf"^The kind of a slot must not be a reserved word of {re.escape(language)}, got '{word}'; rename it\.$",
    ):
        NAMES["slot"](word)


@pytest.mark.parametrize("name", ["a__b", "a_"])
@pytest.mark.parametrize("holder", ["slot", "bit"])
def test_ports_are_legal_in_vhdl(holder: str, name: str) -> None:
    with pytest.raises(
        (LayoutError, ModelError), match=r" must have single underscores between other characters, as VHDL requires, got"
    ):
        NAMES[holder](name)


@pytest.mark.parametrize("name", ["score", "Score", "scaled", "ap_clk", "l1ad_top", "trigger_jet", "row"])
def test_names_of_the_generated_sources_are_no_kinds(name: str) -> None:
    with pytest.raises(LayoutError, match=r" must be a name that the generated sources do not use themselves, got"):
        NAMES["slot"](name)


def test_a_look_alike_is_named() -> None:
    with pytest.raises(ModelError, match=r"\(ASCII; there is U\+0435 CYRILLIC SMALL LETTER IE\), got 'm\\u0435t'; rename it\.$"):
        Threshold("m\u0435t", 1)


def test_two_ports_of_one_name_are_refused() -> None:
    jet = load_layout("l1topo44").slot("jet")
    twice = ObjectLayout("twice", (jet, dataclasses.replace(jet, kind="jet_0", multiplicity=1)))
    with pytest.raises(
        LayoutError, match=r"^x: layout 'twice' has two ports called 'jet_0', capitals aside; rename one of the two\.$"
    ):
        parse_layout_dict(twice.to_dict(), "x")
    with pytest.raises(ModelError, match=r"^Network '\w+' has two ports called 'trigger_A', capitals aside"):
        NETWORK.with_thresholds((Threshold("a", 1), Threshold("A", 2)))


@pytest.mark.parametrize("word", ["medium", "signal", "module", "output"])
def test_reserved_words_with_something_around_them_are_names(word: str) -> None:
    assert (Threshold(word, 1).port, dataclasses.replace(NETWORK.layers[0], name=word).name) == (f"trigger_{word}", word)


@pytest.mark.parametrize("word", ["met", "eg", "jet", "tau", "htt", "region", "muon_roi", "cl3d"])
def test_names_of_the_field_are_ports(word: str) -> None:
    assert identifier.port_fault(word) is None


def test_every_shipped_layout_keeps_its_names() -> None:
    for name in shipped_layouts():
        layout = load_layout(name)
        assert layout.name == name
        assert [identifier.port_fault(slot.kind) for slot in layout.slots] == [None] * len(layout.slots)


def test_names_are_text() -> None:
    for wrong in (None, 1, True, 1.5, ["met"]):
        with pytest.raises(L1adError, match=r" must be text of letters, digits and underscores, a letter first, got"):
            identifier.require_name(wrong, "The name of a thing")


@pytest.mark.parametrize("name", ["-o.yaml", ".hidden.yaml", "my board.yaml", "a;b.yaml", "$(x).yaml", "b\u043eard.yaml"])
def test_a_boards_file_names_no_path_that_a_shell_reads(tmp_path: Path, name: str) -> None:
    text = "title: t\npart: xcvu9p-flga2104-2-e\nclock_ns: 5.0\nclock_uncertainty: 0.1\nlatency_budget_ns: null\nlut_budget_fraction: null\nsource: s\n"
    (tmp_path / name).write_text(text)
    with pytest.raises(
        ConfigError,
        match=r"^The name of a board's file must consist of letters, digits, '_', '-', '\+' and '\.', a letter or digit first",
    ):
        load_board(str(tmp_path / name))
    (tmp_path / "my-board_2.yaml").write_text(text)
    assert load_board(str(tmp_path / "my-board_2.yaml")).name == "my-board_2"


def test_thresholds_of_a_file_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.yaml"
    file.write_text('network: "0"\nthresholds: {"a;b": 1}\n')
    with pytest.raises(ModelError, match=r"^The name of a trigger bit must consist of letters, .* got 'a;b'; rename it\.$"):
        load_thresholds(file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("multiplicity: 1", "multiplicity: 1.7", r"multiplicity must be a whole number of at most 9 digits, got 1\.7"),
        ("multiplicity: 1", "multiplicity: true", r"multiplicity must be a whole number"),
        ("multiplicity: 1", "multiplicity: 999999999", r"has 999999999 columns, more than 8192; use fewer objects\.$"),
        ("lsb: 0.5", "lsb: .nan", r"lsb of 'met' must be finite and above 0, got \(nan,\)\.$"),
        ("lsb: 0.5", "lsb: -1", r"lsb of 'met' must be finite and above 0"),
    ],
)
def test_numbers_of_a_layout_are_possible(old: str, new: str, message: str) -> None:
    text = "name: small\nslots:\n  - {kind: met, multiplicity: 1, features: {pt: {type: uint<9>, lsb: 0.5}}}\n"
    assert parse_layout(text, "x").n_columns == 1
    with pytest.raises(LayoutError, match=message):
        parse_layout(text.replace(old, new), "x")


def test_a_network_of_text_is_read_back() -> None:
    again = Network.from_dict(NETWORK.to_dict())
    assert again.digest == NETWORK.digest
    np.testing.assert_array_equal(again.layers[0].weight, NETWORK.layers[0].weight)
    assert isinstance(again.layers[0], Dense)
