"""The shipped HGQ2 network 44-16-3: Keras, hls4ml, alkaid and the imported network give the same integers; its whole flow differs nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.config import load_config
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.core.layout import load_layout
from l1ad.core.network import Network
from l1ad.emulator.kernel import Emulator
from l1ad.hgq.archive import read_hgq
from l1ad.hgq.evaluate import is_installed, keras_outputs
from l1ad.hgq.network import assemble
from l1ad.spec import reference
from l1ad.stages.import_model import ImportRequest

CONFIG_FILE = Path(__file__).parents[2] / "configs" / "hgq_l1topo44.yaml"
CONFIG = load_config(CONFIG_FILE)
LAYOUT = load_layout(CONFIG.layout_source)
REQUEST = ImportRequest.from_config(CONFIG)
N_EVENTS = 9_000
needs_hgq = pytest.mark.skipif(
    not is_installed(), reason="HGQ2 is not installed: its environment is that of requirements-hgq.lock"
)


def network() -> Network:
    assert REQUEST.scaling is not None
    made = assemble("hgq", read_hgq(REQUEST.file), LAYOUT, REQUEST.scaling, REQUEST.types, REQUEST.score)
    return made[0]


def events() -> IntArray:
    """Draw events over the whole range of every column, of which a third are small and a third sparse."""
    random = np.random.default_rng(5)
    columns = LAYOUT.columns
    low, high = (np.array([getattr(c.type, end) for c in columns]) for end in ("min_int", "max_int"))
    x_hw = random.integers(low, high, (N_EVENTS, len(columns)), endpoint=True)
    x_hw[: N_EVENTS // 3] >>= 4
    x_hw[-N_EVENTS // 3 :] *= random.random((N_EVENTS // 3, len(columns))) < 0.4
    return x_hw


def values_of(x_hw: IntArray) -> FloatArray:
    return np.ldexp(x_hw.astype(np.float64), -np.array(CONFIG.scaling.shift))


def outputs_of(made: Network, x_hw: IntArray) -> FloatArray:
    codes = reference.evaluate(made, x_hw)[f"{made.layers[-1].name}.output"].astype(np.float64)
    return np.ldexp(codes, [-type_.fractional for type_ in made.layers[-1].outputs])


def test_emulator_and_specification_agree_and_the_network_is_no_trivial_one() -> None:
    made, x_hw = network(), events()
    assert (made.n_inputs, [layer.n_out for layer in made.layers][-2:]) == (44, [16, 3])
    scores = Emulator(made).scores(x_hw)
    np.testing.assert_array_equal(scores, reference.scores(made, x_hw))
    assert len(np.unique(scores)) > 1000


@needs_hgq
def test_keras_gives_the_imported_network() -> None:
    x_hw = events()
    np.testing.assert_array_equal(keras_outputs(REQUEST.file, values_of(x_hw)), outputs_of(network(), x_hw))


@needs_hgq
@pytest.mark.filterwarnings("ignore:Saturation mode:UserWarning")  # of 24 fractional bits for the input, which has 7
def test_hls4ml_gives_the_imported_network(tmp_path: Path) -> None:
    model, x_hw = loaded(), events()
    import hls4ml

    converted = hls4ml.converters.convert_from_keras_model(model, output_dir=str(tmp_path / "hls"), backend="Vitis")
    converted.compile()
    found = converted.predict(np.ascontiguousarray(values_of(x_hw), dtype=np.float32))
    np.testing.assert_array_equal(found, outputs_of(network(), x_hw))


@needs_hgq
def test_alkaid_gives_the_imported_network() -> None:
    model, x_hw = loaded(), events()
    from alkaid.converter import trace_model
    from alkaid.trace import trace

    found = trace(*trace_model(model, inputs_kif=(1, 11, 7))).predict(values_of(x_hw))
    np.testing.assert_array_equal(found, outputs_of(network(), x_hw))


def loaded() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import hgq  # noqa: F401 - registers its classes
    import keras

    return keras.models.load_model(REQUEST.file, compile=False)


@pytest.mark.slow
def test_the_whole_flow_differs_nowhere(tmp_path: Path) -> None:
    """Import, conversion, C simulation, RTL in Verilator and the mapped netlist on the shipped sample: five minutes."""
    text = CONFIG_FILE.read_text(encoding="utf-8").replace("../data", str(CONFIG_FILE.parents[1] / "data"))
    config = tmp_path / "hgq.yaml"
    text = text.replace("imported/", f"{CONFIG_FILE.parent / 'imported'}/")
    config.write_text(f"{text}runs: runs\nhls_projects: projects\n")
    subprocess.run([sys.executable, "-m", "l1ad.cli", "run", str(config), "--quiet"], cwd=tmp_path, check=True)
    found = {
        (file.parent.name, one["left"], one["right"]): one["n_different"]
        for file in sorted(tmp_path.rglob("agreement.json"))
        for one in json.loads(file.read_text())
    }
    assert {pair[2] for pair in found} >= {"CSIM", "RTL", "NETLIST"}, found
    assert set(found.values()) == {0}, found
