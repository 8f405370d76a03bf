"""The plan has the field's shapes and types, and refuses what could not be converted exactly."""

from pathlib import Path
from typing import Any

import pytest

from l1ad.config import Config, parse_config
from l1ad.core.errors import ConfigError, ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import load_layout
from l1ad.core.network import Activation
from l1ad.training.plan import Plan, plan_model


def config(model: str, score: str = "latent_l2", layout: str = "l1topo44") -> Config:
    text = f"name: t\nlayout: {layout}\ndata: {{background: {{zb: a.h5}}}}\nmodel: {model}\nscore: {{kind: {score}}}\n"
    return parse_config(text, "t.yaml", Path())


def plan(model: str, score: str = "latent_l2", layout: str = "l1topo44") -> Plan:
    return plan_model(config(model, score, layout), load_layout(layout))


def shapes(made: Plan) -> list[tuple[int, int]]:
    return [(layer.n_in, layer.n_out) for layer in made.layers]


@pytest.mark.parametrize(
    ("model", "score", "layout", "wanted", "n_chip", "outputs"),
    [
        ("{kind: vae}", "latent_l2", "l1topo44", [44, 32, 16, 6], 3, 3),
        ("{kind: vae, latent: 2}", "kl", "l1topo44", [44, 32, 16, 4], 3, 4),
        ("{kind: ae}", "latent_l2", "l1topo44", [44, 32, 16, 3], 3, 3),
        ("{kind: vae, hidden: [128, 64, 32], latent: 8}", "latent_l2", "gelato60", [60, 128, 64, 32, 16], 4, 8),
        ("{kind: vae, hidden: []}", "latent_l2", "fortymhz57", [57, 6], 1, 3),
    ],
)
def test_encoder_on_the_chip(model: str, score: str, layout: str, wanted: list[int], n_chip: int, outputs: int) -> None:
    made = plan(model, score, layout)
    assert [made.layers[0].n_in, *(layer.n_out for layer in made.layers[: made.n_encoder])] == wanted
    assert (made.n_chip, made.chip_outputs) == (n_chip, outputs)
    assert made.layers[-1].n_out == wanted[0]
    assert all((layer.types is not None) == (i < n_chip) for i, layer in enumerate(made.layers))


def test_autoencoder_on_the_chip() -> None:
    made = plan("{kind: ae}", "masked_mse", "gelato60")
    assert shapes(made) == [(60, 32), (32, 16), (16, 3), (3, 16), (16, 32), (32, 60)]
    assert (made.n_chip, made.chip_outputs) == (6, 60)
    kinds = [layer.activation for layer in made.layers]
    assert [kind is Activation.LINEAR for kind in kinds] == [False, False, True, False, False, True]


def test_widths_by_layer() -> None:
    made = plan(
        "{kind: vae, weight_bits: [4, 5, 6], activation_bits: [7, 8], activation_integer: 3, output_type: 'ap_fixed<7,3,AP_RND_CONV,AP_SAT>'}"
    )
    types = [layer.types for layer in made.layers[:3]]
    assert [t.weight.width for t in types if t] == [4, 5, 6]
    assert [t.output for t in types if t] == [
        FixedPoint.from_quantized_relu(7, 3),
        FixedPoint.from_quantized_relu(8, 3),
        FixedPoint.parse("ap_fixed<7,3,AP_RND_CONV,AP_SAT>"),
    ]


@pytest.mark.parametrize(
    ("model", "score", "error", "message"),
    [
        (
            "{kind: ae}",
            "kl",
            ConfigError,
            r"^Score 'kl' needs log-variances and model.kind is 'ae'; use 'vae' or another score\.$",
        ),
        ("{kind: vae}", "mse", ConfigError, r"^Score 'mse' of a 'vae' would need random numbers on the chip; .*$"),
        (
            "{kind: vae, weight_bits: [4, 5]}",
            "latent_l2",
            ConfigError,
            r"^Key 'model.weight_bits' takes one number or 3, .*\[4, 5\]\.$",
        ),
        (
            "{kind: vae, weight_bits: 1}",
            "latent_l2",
            ModelError,
            r"^The weights of layer 'dense1' must have at least one bit .*$",
        ),
        (
            "{kind: vae, input_type: 'ap_fixed<8,4>'}",
            "latent_l2",
            ModelError,
            r"^The input must round half to even and saturate \(AP_RND_CONV, AP_SAT\) as QKeras does, got 'ap_fixed<8,4>'\.$",
        ),
        (
            "{kind: vae, output_type: 'ap_fixed<8,4,AP_RND,AP_SAT>'}",
            "latent_l2",
            ModelError,
            r"^The output of layer 'dense3' must round half to even and saturate .*$",
        ),
        (
            "{kind: vae, weight_bits: [4, 48, 4]}",
            "latent_l2",
            ModelError,
            r"^Products of layer 'dense2' need 56 bits \(8 of its inputs, 48 of its weights\), float64 has 53; use narrower types\.$",
        ),
        ("{kind: imported, file: a.h5}", "latent_l2", ConfigError, r"^model.kind is 'imported': there is nothing to train; .*$"),
    ],
)
def test_refusals(model: str, score: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plan(model, score)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("model: {kind: imported}", r"^t: key 'model': kind 'imported' needs file .*$"),
        ("model: {kind: vae, file: a.h5}", r"^t: key 'model': kind 'imported' needs file .*$"),
        ("model: {kind: vae, hidden: [0]}", r"^t: key 'model': hidden must have widths of at least 1, .*$"),
        ("model: {kind: vae, activation_bits: 0}", r"^t: key 'model': activation_bits must have 1 to 62 bits, got \[0\], .*$"),
        ("model: {kind: vae, weight_bits: [4, 63]}", r"^t: key 'model': weight_bits must have 1 to 62 bits, got \[4, 63\], .*$"),
        ("model: {kind: vae}\ntraining: {prune_from: 0.9, prune_to: 0.2}", r"^t: key 'training': prune_from must be below .*$"),
        (
            "model: {kind: vae}\ntraining: {object_weights: {jet: -1.0}}",
            r"^t: key 'training': object_weights must not be negative, .*$",
        ),
        ("model: {kind: vae}\nscaling: {shift: [1]}", r"^t: key 'scaling': rule 'given' needs shift .*$"),
    ],
)
def test_impossible_configurations(extra: str, message: str) -> None:
    text = "name: t\nlayout: l1topo44\ndata: {background: {zb: a.h5}}\nscore: {kind: latent_l2}\n" + extra
    with pytest.raises(ConfigError, match=message):
        parse_config(text, "t", Path())


def test_plans_are_values() -> None:
    first: Any = plan("{kind: vae}")
    assert first == plan("{kind: vae}")
