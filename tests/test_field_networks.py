"""The networks of the field: every configuration that docs/networks.md names is there, the table says what runs left, the tagger is its file's."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.config import load_config
from l1ad.core.network import Network
from l1ad.qkeras.runtime import tensorflow
from l1ad.spec import reference
from l1ad.stages.import_model import ImportRequest, import_model

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("network_table", PROJECT / "scripts/network_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_of_the_configurations_that_the_page_names(script: Any) -> None:
    named = set(re.findall(r"configs/(\w+)\.yaml", (PROJECT / "docs/networks.md").read_text(encoding="utf-8")))
    assert named - {"simulated_regions"} == set(script.NETWORKS)
    for name in script.NETWORKS:
        assert load_config(PROJECT / f"configs/{name}.yaml").name == name


def test_a_line_says_what_the_study_found_and_dashes_where_there_is_none(script: Any, tmp_path: Path) -> None:
    selection = {"mean": [0.1234, 0.12, 0.13], "n_effective": 57.4}
    (tmp_path / "studies/met").mkdir(parents=True)
    found = {"total": [{"selections": [selection, {"mean": [0.5, 0.4, 0.6], "n_effective": 3}]}], "pure": []}
    (tmp_path / "studies/met/study.json").write_text(json.dumps(found), encoding="utf-8")
    assert script.working_point(tmp_path) == ["12.34 (12.00 to 13.00) %", "57", "–", "–"]
    config = load_config(PROJECT / "configs/cnn_ae57.yaml").model_copy(update={"runs": str(tmp_path / "none")})
    assert script.row(config) == "| `cnn_ae57` | – | – | – | – | – | – | – | – |"


def test_the_tagger_is_what_qkeras_computes(tmp_path: Path) -> None:
    """The file as QKeras itself reads it, against the imported integers: the largest of five outputs."""
    from qkeras.utils import load_qmodel

    config = load_config(PROJECT / "configs/jet_tagger.yaml").model_copy(update={"runs": str(tmp_path)})
    network = Network.load(import_model(ImportRequest.from_config(config)).path / "network.json")
    assert network.shape == "16-64-32-32-5"
    x_hw = np.random.default_rng(1).integers(0, 1024, (2000, 16))
    tensorflow()
    model = load_qmodel(str(PROJECT / "configs/imported/jet_tagger.h5"), compile=False)
    outputs = model.predict(((x_hw - 512) / 128.0).astype(np.float32), verbose=0)
    assert np.unique(outputs.argmax(axis=1)).size == 5
    scores = np.ldexp(reference.scores(network, x_hw), -network.score.total.fractional)
    np.testing.assert_array_equal(scores, outputs.max(axis=1))
