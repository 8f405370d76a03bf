"""The import stage: the public firmware's weights, all of them, and a model artefact that everything downstream takes."""

import os
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import load_config
from l1ad.core.errors import ConfigError, ModelError
from l1ad.core.trained import load_trained
from l1ad.spec import reference
from l1ad.stages.import_model import ImportRequest, import_model
from tests.networks import make_events

ROOT = Path(__file__).parents[2]
GELATO = Path(os.environ.get("L1AD_REFERENCE_DIR", ROOT.parent / "shared" / "reference")) / "gelato"
CONFIGS = ROOT / "configs"

needs_reference = pytest.mark.skipif(not GELATO.is_dir(), reason=f"there is no reference data at {GELATO}")


def request_for(runs: Path) -> ImportRequest:
    return ImportRequest.from_options(
        GELATO / "encoder_qdensebatchnorm.h5",
        layout="l1topo44",
        scaling=CONFIGS / "imported" / "gelato_scaling.yaml",
        types=CONFIGS / "imported" / "gelato_types.yaml",
        name="gelato_reference",
        runs=runs,
    )


def numbers(path: Path) -> np.ndarray:
    return np.array([float(value) for value in path.read_text().replace("\n", ",").split(",") if value.strip()])


@needs_reference
def test_all_weights_of_the_public_firmware(tmp_path: Path) -> None:
    result = import_model(request_for(tmp_path))
    network = load_trained(result.path).network
    assert (network.shape, network.may_wrap, result.summary["shape"]) == ("44-32-16-3", True, "44-32-16-3")
    for layer, number in zip(network.layers, (2, 5, 8), strict=True):
        np.testing.assert_array_equal(
            layer.weight_type.from_int(layer.weight).ravel(), numbers(GELATO / f"firmware_weights/w{number}.txt")
        )
        np.testing.assert_array_equal(layer.bias_type.from_int(layer.bias), numbers(GELATO / f"firmware_weights/b{number}.txt"))
    scores = reference.scores(network, make_events(network.layout, 1000))
    assert len(np.unique(scores)) > 100


@needs_reference
def test_nothing_to_do_twice(tmp_path: Path) -> None:
    assert import_model(request_for(tmp_path)).fresh
    again = import_model(request_for(tmp_path))
    assert not again.fresh
    assert again.to_dict()["path"] == str(tmp_path / "gelato_reference" / "model")
    assert import_model(request_for(tmp_path), force=True).fresh


@needs_reference
def test_shipped_configuration_asks_for_the_same() -> None:
    config = load_config(CONFIGS / "gelato_reference.yaml")
    request = ImportRequest.from_config(config)
    wanted = request_for(config.path(config.runs))
    assert (request.scaling.shift, request.types, request.target) == (wanted.scaling.shift, wanted.types, wanted.target)


def options(**changes: object) -> ImportRequest:
    chosen = {"layout": "l1topo44", "scaling": CONFIGS / "imported" / "gelato_scaling.yaml"} | changes
    return ImportRequest.from_options(Path("none.h5"), **chosen)  # type: ignore[arg-type]


def test_missing_model() -> None:
    with pytest.raises(ModelError, match=r"^There is no model file 'none.h5'; give an HDF5 or .keras file\.$"):
        import_model(options())


def test_name_and_score() -> None:
    assert options().name == "none"
    with pytest.raises(
        ConfigError,
        match=r"^A model's name must consist of letters, digits and underscores, a letter first, got '1a'; give --name\.$",
    ):
        options(name="1a")
    with pytest.raises(ConfigError, match=r"^There is no score 'l2'; valid are latent_l2, linear, .*\.$"):
        options(score="l2")


def test_configuration_that_trains() -> None:
    with pytest.raises(ConfigError, match=r"^Configuration 'l1topo44' has model.kind 'vae'; set 'imported' and model.file\.$"):
        ImportRequest.from_config(load_config(CONFIGS / "l1topo44.yaml"))
