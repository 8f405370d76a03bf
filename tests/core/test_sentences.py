"""What is said of networks, layouts, scores and prescale tables that contradict themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.dataset import load_dataset
from l1ad.core.errors import ArtefactError, InputError, LayoutError, ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout, ObjectSlot, parse_layout_dict
from l1ad.core.network import Score
from l1ad.core.scoreset import Source, load_scores
from l1ad.physics.prescales import load_prescales
from tests.datasets_made import make_dataset
from tests.networks import make_network, make_scaling, tiny_layout

NARROW = FixedPoint.parse("ap_fixed<6,3>")


def test_networks_that_contradict_themselves() -> None:
    network = make_network()
    first, second = network.layers
    with pytest.raises(ModelError, match=r"^Layer 'dense2' has 2 outputs and 3 types for them; give one each\.$"):
        replace(network, layers=(first, replace(second, own_outputs=(NARROW,) * 3)))
    with pytest.raises(ModelError, match=r"^Score 'latent_l2' reads 1 nodes, got 2: dense1, dense2\.$"):
        replace(network, score=replace(network.score, sources=("dense1", "dense2")))
    with pytest.raises(ModelError, match=r"^Network 'tiny' has no layer 'dense3'; it has dense1, dense2\.$"):
        network.layer("dense3")
    kl = make_network(score=Score.KL)
    types = (kl.layers[1].output, NARROW)
    with pytest.raises(ModelError, match=r"^Score 'kl' addresses one table, 'dense2' has outputs of several types; use one\.$"):
        replace(kl, layers=(kl.layers[0], replace(kl.layers[1], own_outputs=types)))


def test_layouts_that_contradict_themselves() -> None:
    data = tiny_layout().to_dict()
    data["slots"][0]["features"]["energy"] = data["slots"][0]["features"].pop("pt")
    message = r"^x: features of 'jet' must be of \('pt', 'eta', 'phi'\) and include 'pt', got \('eta', 'phi', 'energy'\)\.$"
    with pytest.raises(LayoutError, match=message):
        parse_layout_dict(data, "x")
    integer = FixedPoint.parse("uint<8>")
    slots = tuple(
        ObjectSlot(kind, 1, ("pt", "phi"), (integer, integer), (1.0, 0.1), period) for kind, period in (("a", 10), ("b", 12))
    )
    layout = ObjectLayout("odd", slots)
    with pytest.raises(LayoutError, match=r"^Phi of 'b' \(12 counts\) and of 'a' \(10\) have no common grid\.$"):
        make_scaling(layout, NARROW, "a").check(layout)


def test_artefacts_that_lack_something(tmp_path: Path) -> None:
    with pytest.raises(
        ArtefactError, match=r"^There are no CSIM scores in '.*'; run the stage that makes them\.$|^There are no csim"
    ):
        load_scores(tmp_path, Source.CSIM)
    name = Source.CSIM.value
    (tmp_path / f"{name}.json").write_text("{}")
    np.save(tmp_path / f"{name}.npy", np.zeros(2))
    np.save(tmp_path / f"{name}_rows.npy", np.zeros(2))
    with pytest.raises(ArtefactError, match=rf"^The {name} scores in '.*' are damaged \(KeyError 'step'\); make them again\.$"):
        load_scores(tmp_path, Source.CSIM)
    dataset = make_dataset(tmp_path / "dataset", n_background=10, n_signal=0, signals=())
    with pytest.raises(InputError, match=r"^Dataset '.*' has no sample 'zz'; "):
        dataset.sample("zz")
    (dataset.path / "x_hw.npy").write_bytes(b"no")
    with pytest.raises(
        ArtefactError, match=r"^Dataset '.*' is damaged \(x_hw\.npy is not an array \(.*\)\); run 'l1ad prepare --force'\.$"
    ):
        _ = load_dataset(dataset.path).x_hw


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Name,a,a\nx,1,2\n", r"^'.*' has 2 columns 'a'; give each its own name\.$"),
        ("Name,a\nx,1,2\n", r"^'.*', row 2: expected 2 cells, got 3; the table is damaged\.$"),
        ("Name,a\nx,1\nx,1\n", r"^'.*' has the seed 'x' twice; keep one row\.$"),
        ("Name,a\n,1\n", r"^'.*' has no seeds below its header; it was cut off\.$"),
        (
            "Name,a\n" + "x" * 200_000 + ",1\n",
            r"^'.*' is not a table of cells \(field larger than field limit \(131072\)\); give a prescale table\.$",
        ),
    ],
)
def test_prescale_tables_that_are_damaged(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        load_prescales(tmp_path / "p.csv", "a")
