"""The space of a scan: what it is filled in with, what contradicts itself, and a point put into a configuration."""

import pytest

from l1ad.config import Config, parse_config
from l1ad.core.errors import ConfigError
from l1ad.core.layout import load_layout
from l1ad.search.space import at_point, make_space, own_point

BASE = """
name: t
layout: LAYOUT
data: {background: {zb: a.h5}}
model: {kind: vae, hidden: [8], latent: 1, weight_bits: [5], weight_integer: [1], weight_digits: [2], activation_bits: 6,
  input_type: "ap_fixed<6,4,AP_RND_CONV,AP_SAT>", output_type: "ap_fixed<10,4,AP_RND_CONV,AP_SAT>"}
scaling: {CODES leave_out: [eta, phi], empty_columns: ignore}
training: {TRAINING}
score: {kind: linear}
scan: {space: {SPACE}}
"""
CODES = "codes: {pt: {linear_bits: 6, mantissa_bits: 2, octaves: 8}},"


def config(tmp_path, space: str = "", layout: str = "l1topo44", codes: str = CODES, training: str = "teacher: rarity") -> Config:
    text = BASE.replace("LAYOUT", layout).replace("CODES", codes).replace("TRAINING", training).replace("SPACE", space)
    return parse_config(text, "t.yaml", tmp_path)


def space_of(chosen: Config):
    return make_space(chosen, load_layout(chosen.layout))


@pytest.mark.parametrize("layout", ["l1topo44", "fortymhz57", "axol1tl57", "gelato60", "cicada252"])
def test_every_layout_has_a_space_that_holds_the_configuration(tmp_path, layout):
    chosen = config(tmp_path, layout=layout).model_copy()
    chosen = (
        chosen
        if layout != "cicada252"
        else config(tmp_path, layout=layout).model_copy(update={"scaling": chosen.scaling.model_copy(update={"leave_out": ()})})
    )
    space = space_of(chosen)
    assert own_point(chosen, space) is not None
    assert set(space.keys) == {
        "hidden", "weight_bits", "weight_digits", "activation_bits", "output_bits", "mantissa_bits", "leave_out", "teacher", "sparsity",
    }  # fmt: skip
    assert space.choices["teacher"] == ("rarity",)


def test_inputs_without_codes_are_searched_by_their_width(tmp_path):
    space = space_of(config(tmp_path, codes=""))
    assert "mantissa_bits" not in space.keys
    assert space.choices["input_bits"] == (5, 6, 7, 8)


def test_a_point_becomes_the_configuration_that_a_user_would_write(tmp_path):
    chosen = config(tmp_path, "hidden: [[8, 4]], mantissa_bits: [3], octaves: [7], weight_digits: [0], sparsity: [0.5, 0.5]")
    space = space_of(chosen)
    point = {key: choices[-1] for key, choices in space.choices.items()} | {"sparsity": 0.5}
    made = at_point(chosen, point, (0.7,), "other")
    assert made.name == "other"
    assert (made.model.hidden, made.model.weight_digits) == ((8, 4), None)
    code = made.scaling.codes["pt"]
    assert (code.linear_bits, code.mantissa_bits, code.octaves) == (6, 3, 7)
    # 7 octaves of 8 steps are 56 codes: six bits and a sign.
    assert str(made.model.input_type) == "ap_fixed<7,4,AP_RND_CONV,AP_SAT>"
    assert (made.training.sparsity, made.training.shrink) == (0.5, (0.7,))
    assert (made.training.seeds, made.training.candidates) == (2, 1)
    assert made.scaling.leave_out == ("eta", "phi")


@pytest.mark.parametrize(
    ("space", "others", "sentence"),
    [
        ("input_bits: [5]", {}, r"Key 'scan\.space\.input_bits' contradicts the configuration: scaling\.codes gives pt a code; use mantissa_bits and octaves\."),
        ("octaves: [5]", {"codes": ""}, r"Key 'scan\.space\.octaves' contradicts the configuration: scaling\.codes has no code for pt; use input_bits\."),
        ("beta: [0.1, 1.0]", {}, r"Key 'scan\.space\.beta' contradicts the configuration: nothing is variational here; leave it out\."),
        ("leave_out: [[eta], [jet]]", {}, r"Key 'scan\.space\.leave_out' has a choice '\[\"jet\"\]' that no network can have: .*"),
        ("leave_out: [[pt, eta, phi]]", {}, r"Key 'scan\.space\.leave_out' has a choice .* All columns of layout 'l1topo44' are left out; .*"),
        ("mantissa_bits: [7]", {}, r"Key 'scan\.space\.mantissa_bits' has a choice 7 that no network can have: .*"),
        ("weight_bits: [4, 40]", {}, r"Key 'scan\.space\.weight_bits' has a choice 40 that no network can have: .*"),
    ],
)  # fmt: skip
def test_a_space_that_contradicts_itself_is_refused(tmp_path, space, others, sentence):
    with pytest.raises(ConfigError, match=f"^{sentence}$"):
        space_of(config(tmp_path, space, **others))


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ("hidden: []", r"t\.yaml: key 'scan\.space\.hidden': .* at least 1 item.*"),
        (
            "sparsity: [0.8, 0.2]",
            r"t\.yaml: key 'scan\.space': sparsity needs a smallest and a largest value, got 0\.8 and 0\.2, .*",
        ),
        ("weight_bits: [4, 4]", r"t\.yaml: key 'scan\.space': weight_bits names a choice twice: \[4, 4\], .*"),
        ("weight_bit: [4]", r"t\.yaml: key 'scan\.space\.weight_bit' is unknown; did you mean 'weight_bits'.*"),
    ],
)
def test_an_empty_space_is_refused_where_it_is_read(tmp_path, space, sentence):
    with pytest.raises(ConfigError, match=f"^{sentence}$"):
        config(tmp_path, space)
