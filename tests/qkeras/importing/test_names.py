"""Layers' names go into C++, Verilog, VHDL and Tcl: they become names there, or are refused in one sentence at import."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ModelError
from l1ad.core.network import Network
from l1ad.core.reserved_words import CPP, SYSTEMVERILOG, TCL, VHDL, language_of
from l1ad.importing.names import firmware_names
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.keras_file import read_model
from l1ad.qkeras.importing.layers import understand
from tests.networks import tiny_layout
from tests.qkeras.importing.handmade import dense, sequential, source, write_h5


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("q_dense_1", "q_dense_1"),
        ("Dense1", "dense1"),
        ("Dense-1.a b/c", "dense_1_a_b_c"),
        ("a__b_", "a_b"),
        ("größe", "gr_e"),
        ("3rd", "layer_3rd"),
        ("_", "layer"),
        ("entry", "entry_layer"),
        ("scaled", "scaled_layer"),
        ("Class", "class_layer"),
        ("wire", "wire_layer"),
        ("signal", "signal_layer"),
        ("layer2", "layer2_layer"),
        ("int8", "int8_layer"),
    ],
)
def test_names_that_are_converted(name: str, wanted: str) -> None:
    found = firmware_names((name,))[name]
    assert (found if name != "_" else found.removesuffix("_layer")) == wanted


def test_no_name_is_a_keyword_or_needs_capitals() -> None:
    for name in CPP | SYSTEMVERILOG | VHDL | TCL:
        for written in (name, name.upper()):
            found = firmware_names((written,))[written]
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", found)
            assert language_of(found) is None


def test_name_of_what_belongs_to_another_layer() -> None:
    assert firmware_names(("enc", "enc_output", "enc_linear")) == {
        "enc": "enc",
        "enc_output": "enc_output_layer",
        "enc_linear": "enc_linear_layer",
    }
    assert firmware_names(("enc_output",)) == {"enc_output": "enc_output"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("a-b", "A_b"),
            r"^Layers 'a-b' and 'A_b' would both be called 'a_b' in the firmware; rename one before saving the model\.$",
        ),
        (("entry", "entry-layer"), r"^Layers 'entry' and 'entry-layer' would both be called 'entry_layer' in .*$"),
        (("x" * 65,), r"^Layer name 'x+' has more than 64 letters; rename the layer before saving the model\.$"),
    ],
)
def test_names_that_are_refused(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        firmware_names(names)


def imported(tmp_path: Path, **types: Any) -> Network:
    arrays = {"Enc-1/k/kernel:0": np.ones((8, 2)), "Enc-1/k/bias:0": np.zeros(2)}
    model = understand(read_model(write_h5(tmp_path / "m.h5", sequential(source(), dense("Enc-1")), arrays)))
    file = TypesFile(**{"input": "ap_fixed<8,4,AP_RND_CONV,AP_SAT>", "layers": types})
    return assemble("t", model, tiny_layout(), ScalingFile(shift=(3,) * 8), file, ScoreConfig(kind="latent_l2"))[0]


@pytest.mark.parametrize("name", ["Enc-1", "enc_1"])
def test_types_by_either_name(tmp_path: Path, name: str) -> None:
    network = imported(tmp_path, **{name: {"output": "ap_fixed<12,6,AP_RND_CONV,AP_SAT>"}})
    assert [(layer.name, layer.output.width) for layer in network.layers] == [("enc_1", 12)]


def test_types_by_both_names(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^The types name layer 'Enc-1' twice, also as 'enc_1'; keep one\.$"):
        imported(tmp_path, **{"Enc-1": {}, "enc_1": {}})
