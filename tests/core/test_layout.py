import numpy as np
import pytest

from l1ad.core.errors import LayoutError
from l1ad.core.layout import load_layout, parse_layout, parse_layout_dict, shipped_layouts

SMALL = """
name: small
slots:
  - {kind: jet, multiplicity: 2, phi_period: 128, features: {pt: {type: uint<8>, lsb: 0.5}, phi: {type: uint<7>, lsb: 0.049}}}
  - {kind: met, multiplicity: 1, features: {pt: {type: uint<9>, lsb: 0.5}}}
"""


@pytest.mark.parametrize(
    ("name", "n_columns", "n_objects"),
    [
        ("l1topo44", 44, 15),
        ("gelato60", 60, 20),
        ("hlt48", 48, 16),
        ("fortymhz57", 57, 19),
        ("axol1tl57", 57, 19),
        ("cicada252", 252, 252),
    ],
)
def test_shipped_layouts_have_the_columns_of_their_names(name: str, n_columns: int, n_objects: int) -> None:
    layout = load_layout(name)
    assert (layout.n_columns, layout.n_objects) == (n_columns, n_objects)
    assert len(layout.names) == len(set(layout.names)) == len(set(layout.ports)) == n_columns


def test_every_shipped_layout_is_tested() -> None:
    assert set(shipped_layouts()) == {"l1topo44", "gelato60", "hlt48", "fortymhz57", "axol1tl57", "cicada252"}


def test_columns_names_ports_and_indices() -> None:
    layout = parse_layout(SMALL, "small.yaml")
    assert layout.names == ("jet[0].pt_hw", "jet[0].phi_hw", "jet[1].pt_hw", "jet[1].phi_hw", "met[0].pt_hw")
    assert layout.ports == ("jet_pt_0", "jet_phi_0", "jet_pt_1", "jet_phi_1", "met_pt")
    assert layout.index("jet[1].phi_hw") == 3
    assert layout.slot_columns("met") == slice(4, 5)
    assert layout.object_index.tolist() == [0, 0, 1, 1, 2]
    assert layout.presence_column.tolist() == [0, 0, 2, 2, 4]
    assert layout.feature_columns("pt").tolist() == [0, 2, 4]
    assert layout.feature_columns("pt", "jet").tolist() == [0, 2]
    assert [layout.phi_period(i) for i in range(5)] == [None, 128, None, 128, None]
    assert layout.storage == np.int16


def test_round_trip_through_plain_data() -> None:
    for name in shipped_layouts():
        layout = load_layout(name)
        assert parse_layout_dict(layout.to_dict(), "x") == layout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x", r"^x\.yaml is not a layout: KeyError 'slots'; see"),
        ("name: [", r"^x\.yaml is not a layout: while parsing"),
        ("just text", r"^x\.yaml is not a layout: TypeError"),
        (SMALL.replace("phi_period: 128, ", ""), r"^x\.yaml: 'jet' has phi and no phi_period"),
        (SMALL.replace("kind: met", "kind: jet"), r"^x\.yaml: a layout needs at least one slot and each kind once"),
        (SMALL.replace("multiplicity: 2", "multiplicity: 0"), r"^x\.yaml: multiplicity of 'jet' must be at least 1, got 0\.$"),
        (SMALL.replace("{pt: {type: uint<9>", "{mass: {type: uint<9>"), r"^x\.yaml: features of 'met' must be of"),
        (SMALL.replace("uint<9>", "floot"), r"^x\.yaml is not a layout: Expected a type like"),
        (SMALL.replace("uint<9>", "'ufixed<9,3>'"), r"^x\.yaml: hardware types of 'met' must be integers"),
    ],
)
def test_a_bad_layout_is_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        parse_layout(text, "x.yaml")


def test_unknown_names_give_the_nearest() -> None:
    with pytest.raises(LayoutError, match=r"^There is no layout 'l1topo4'; did you mean 'l1topo44'\?$"):
        load_layout("l1topo4")
    with pytest.raises(
        LayoutError, match=r"^Layout file 'nowhere\.yaml' does not exist; give a path or one of the shipped names"
    ):
        load_layout("nowhere.yaml")
    layout = parse_layout(SMALL, "x")
    with pytest.raises(LayoutError, match=r"^Layout 'small' has no column 'jet\[2\]\.pt_hw'; did you mean"):
        layout.index("jet[2].pt_hw")
    with pytest.raises(LayoutError, match=r"^Layout 'small' has no object 'muon'; valid are 'jet', 'met'\.$"):
        layout.slot("muon")


def test_arrays_are_checked() -> None:
    layout = parse_layout(SMALL, "x")
    layout.check(np.array([[255, 127, 0, 0, 511]]), "Here")
    with pytest.raises(LayoutError, match=r"^Here: layout 'small' needs shape \(n_events, 5\), got \(1, 4\); choose"):
        layout.check(np.zeros((1, 4), dtype=np.int16), "Here")
    with pytest.raises(LayoutError, match=r"^Here: hardware values must be integers, got dtype float64; convert"):
        layout.check(np.zeros((1, 5)), "Here")  # type: ignore[arg-type]
    with pytest.raises(
        LayoutError,
        match=r"^Here: 2 values of jet\[0\]\.phi_hw are outside the hardware range \[0, 127\] \(they span \[-1, 128\]\)",
    ):
        layout.check(np.array([[0, -1, 0, 0, 0], [0, 128, 0, 0, 0]]), "Here")
