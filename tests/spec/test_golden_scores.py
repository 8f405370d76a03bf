"""Golden integer scores of every shipped network's shape: whatever is rebuilt, the same events keep the same integers.

``L1AD_WRITE_GOLDEN=1 pytest tests/spec/test_golden_scores.py`` writes the file again; nobody does so without saying why in the commit.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from l1ad.core.network import Network, Score
from l1ad.emulator.kernel import Emulator
from l1ad.graph import evaluate, lower
from l1ad.spec import reference
from tests.networks import make_events, make_network

GOLDEN = Path(__file__).parents[1] / "golden" / "scores" / "shipped_shapes.json"
N_EVENTS, N_SHOWN = 2000, 32
CODERS = {
    "l1topo44": (32, 16, 3),
    "gelato60_128_3": (128, 64, 32, 3),
    "gelato60_128_8": (128, 64, 32, 8),
    "axol1tl57": (28, 15, 8),
    "fortymhz57": (32, 16, 3),
}
#: The scores that the file keeps; a newer score has its own test.
SCORES = (Score.LATENT_L2, Score.LINEAR, Score.MASKED_MSE, Score.MSE, Score.KL, Score.R_Z)
PT_CUT = {"l1topo44": "jet", "gelato60": "jet", "axol1tl57": "jet", "fortymhz57": "jet"}


def layout_of(name: str) -> str:
    return name.removesuffix("_128_3").removesuffix("_128_8")


def networks() -> dict[str, Network]:
    """Make every shape with Sum mu^2 and every layout with all scores of the file, with rotation and with pt thresholds."""
    found = {f"{name} latent_l2": make_network(layout_of(name), widths, seed=11) for name, widths in CODERS.items()}
    for layout in PT_CUT:
        n = make_network(layout).n_inputs
        for score in SCORES:
            width = n if score.is_reconstruction else 1 if score is Score.LINEAR else 6
            found[f"{layout} {score.value}"] = make_network(layout, (16, width), score, seed=12)
    for layout, kind in PT_CUT.items():
        n = make_network(layout).n_inputs
        cut = ((kind, 20),)
        found[f"{layout} cut and rotated"] = make_network(
            layout, (12, n), Score.MASKED_MSE, seed=13, phi_reference="met", min_pt_hw=cut, zero_fraction=0.6
        )
    return found


NETWORKS = networks()


def summary(network: Network, codes: list[int]) -> dict[str, object]:
    bits = {t.name: sum(code >= t.value for code in codes) for t in network.thresholds}
    return {
        "digest": hashlib.sha256(json.dumps(codes).encode()).hexdigest(),
        "first": codes[:N_SHOWN],
        "accepted": bits,
    }


def test_golden_file_is_of_these_networks() -> None:
    if os.environ.get("L1AD_WRITE_GOLDEN"):
        made = {
            name: summary(network, reference.scores(network, make_events(network.layout, N_EVENTS, seed=21)).tolist())
            for name, network in NETWORKS.items()
        }
        GOLDEN.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    assert sorted(json.loads(GOLDEN.read_text(encoding="utf-8"))) == sorted(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_and_the_graph_give_the_golden_scores(name: str) -> None:
    network = NETWORKS[name]
    x = make_events(network.layout, N_EVENTS, seed=21)
    wanted = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    assert summary(network, reference.scores(network, x).tolist()) == wanted
    assert summary(network, evaluate(lower(network), x)["score"][:, 0].tolist()) == wanted


@pytest.mark.parametrize("name", ["l1topo44 latent_l2", "gelato60 cut and rotated", "axol1tl57 kl", "fortymhz57 r_z"])
def test_the_emulator_gives_the_golden_scores(name: str) -> None:
    network = NETWORKS[name]
    x = make_events(network.layout, N_EVENTS, seed=21)
    assert summary(network, Emulator(network).scores(x).tolist()) == json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
