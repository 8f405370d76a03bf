"""A model that HGQ2 trained gives, imported, the integers that Keras gave: in the specification, the emulator and the RTL's logic."""

from __future__ import annotations

import importlib.util
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ConversionError, LayoutError, ModelError
from l1ad.core.fixed import FixedPoint, IntArray, Overflow, Rounding
from l1ad.core.layout import load_layout
from l1ad.core.network import Network
from l1ad.core.trained import load_trained
from l1ad.emulator.kernel import Emulator
from l1ad.hgq.archive import is_hgq, read_hgq
from l1ad.hgq.evaluate import is_installed
from l1ad.hgq.network import assemble
from l1ad.hgq.quantiser import Quantiser
from l1ad.rtl.trace import trace_network
from l1ad.scores.float_reference import float_outputs
from l1ad.spec import reference
from l1ad.stages.import_model import ImportRequest, import_model
from tests.networks import tiny_layout

#: Made by scripts/make_hgq_model.py: trained and answered by HGQ2 0.2.0 on Keras 3.15.1 with jax.
GOLDEN = Path(__file__).parents[1] / "golden" / "hgq2" / "0.2.0"
MODEL = GOLDEN / "model.keras"
SCALING = ScalingFile(shift=(5,) * 8)
WRAPS = TypesFile(may_wrap=True)


def made(path: Path = MODEL, types: TypesFile = WRAPS) -> Network:
    return assemble("hgq", read_hgq(path), tiny_layout(), SCALING, types, ScoreConfig(kind="latent_l2"))[0]


def answers() -> tuple[IntArray, IntArray]:
    """Return the events and what Keras gave, in units of 2**-12."""
    with np.load(GOLDEN / "answers.npz") as arrays:
        return arrays["x_hw"].astype(np.int64), arrays["units"].astype(np.int64)


def edited(folder: Path, change: Callable[[Any], None]) -> Path:
    """Copy the model with another configuration."""
    target = folder / "model.keras"
    with zipfile.ZipFile(MODEL) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                change({layer["config"]["name"]: layer for layer in config["config"]["layers"]})
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return target


def test_every_event_has_the_output_that_keras_gave() -> None:
    network, (x_hw, units) = made(), answers()
    outputs = reference.evaluate(network, x_hw)[f"{network.layers[-1].name}.output"]
    shifts = [12 - type_.fractional for type_ in network.layers[-1].outputs]
    np.testing.assert_array_equal(outputs << np.array(shifts), units)
    assert len(np.unique(units, axis=0)) > 500


def test_types_differ_from_element_to_element_and_some_have_no_bits() -> None:
    network = made()
    own = {layer.name: layer.own_outputs for layer in network.layers}
    assert len(set(own["hidden_quantised"])) == 8 - 1
    assert len(set(own["hidden"])) > 3
    rectified = network.layer("rectified_rectified")
    assert np.flatnonzero((rectified.weight == 0).all(axis=0)).tolist() == [3]


def test_emulator_and_rtl_give_the_sum_of_the_squares_of_keras_outputs() -> None:
    network, (x_hw, units) = made(), answers()
    wanted = (np.ldexp(units.astype(np.float64), -12) ** 2).sum(axis=1)
    total = network.score.total
    np.testing.assert_array_equal(total.from_int(Emulator(network).scores(x_hw)), wanted)
    pytest.importorskip("alkaid", reason="alkaid is not installed")
    values = {port: x_hw[:, i].astype(float) for i, port in enumerate(network.layout.ports)}
    for stage in trace_network(network).stages:
        found = stage.logic.predict(np.stack([values[net.name] for net in stage.inputs], axis=1))
        values |= {net.name: found[:, i] for i, net in enumerate(stage.outputs)}
    np.testing.assert_array_equal(values["score"], wanted)


def test_the_stage_writes_a_model_and_says_whether_keras_was_asked(tmp_path: Path) -> None:
    layout = tmp_path / "tiny.yaml"
    layout.write_text(json.dumps(tiny_layout().to_dict()))
    target = tmp_path / "model"
    request = ImportRequest(MODEL, str(layout), SCALING, "hgq", target, WRAPS, ScoreConfig(kind="latent_l2"))
    result = import_model(request)
    assert result.summary["shape"] == "8-8-10-6-6-3"
    compared = "0 of 2000 events differ" if is_installed() else "not compared: HGQ2 is not installed here"
    assert result.summary["compared_with_keras"].startswith(compared)
    model = load_trained(target)
    assert model.network.digest == made().digest
    assert model.reference is not None
    values = float_outputs(model.reference, answers()[0][:100])
    assert np.corrcoef(values[:, 0], answers()[1][:100, 0])[0, 1] > 0.8


def test_a_file_of_qkeras_is_not_taken_for_one_of_hgq2(tmp_path: Path) -> None:
    assert is_hgq(MODEL)
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")
    assert not is_hgq(tmp_path / "model.h5")


def test_wrapping_types_are_refused_unless_they_are_declared() -> None:
    with pytest.raises(
        ConversionError, match=r"^Node '.*' of network '.*' can wrap: .* declare the network as wrapping by design"
    ):
        made(types=TypesFile())


def test_another_layout_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"^The model takes 8 inputs, layout 'l1topo44' has 44 columns; choose"):
        assemble("hgq", read_hgq(MODEL), load_layout("l1topo44"), SCALING, WRAPS, ScoreConfig(kind="latent_l2"))


def _table(layers: Any) -> None:
    layers["middle"] |= {"class_name": "QDenseT", "registered_name": "hgq>QDenseT"}


def _float(layers: Any) -> None:
    layers["middle"]["config"]["kq_conf"]["config"]["q_type"] = "float"


def _tanh(layers: Any) -> None:
    layers["hidden"]["config"]["activation"] = "tanh"


def _scaled(layers: Any) -> None:
    layers["middle"]["config"]["iq_conf"]["config"]["scaler"] = 3.0


def _reflecting(layers: Any) -> None:
    layers["middle"]["config"]["oq_conf"]["config"]["overflow_mode"] = "WRAP_SM"


def _other_kind(layers: Any) -> None:
    layers["middle"]["config"]["oq_conf"]["config"]["overflow_mode"] = "WRAP"


def _units(layers: Any) -> None:
    layers["middle"]["config"]["units"] = 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_table, r"^Layer 'middle' is a 'hgq>QDenseT', which is not imported; known are hgq>QDense, "),
        (_float, r"^The kernel of layer 'middle' has a quantiser of type 'float'; only HGQ2's fixed-point types 'kif' and 'kbi'"),
        (_tanh, r"^Layer 'hidden' has activation 'tanh'; only 'relu' and 'linear' are imported from HGQ2\.$"),
        (_scaled, r"quantiser that scales its values; train it without scaler and affine\.$"),
        (_reflecting, r"^The output of layer 'middle' has overflow_mode 'WRAP_SM', which is not a hardware type's; "),
        (_other_kind, r"^The output of layer 'middle' has a quantiser with 3 arrays in the file, expected 4; save it again\.$"),
        (_units, r"^Layer 'middle' has kernel and bias of shapes \[\(10, 6\), \(6,\)\], expected \[\(10, 7\), \(7,\)\]; save"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(change: Callable[[Any], None], message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        made(edited(tmp_path, change))


def test_a_types_file_that_says_what_the_model_says_is_refused() -> None:
    with pytest.raises(ModelError, match=r"^A model of HGQ2 defines every type itself; leave 'layers'"):
        made(types=TypesFile(layers={"hidden": {}}, may_wrap=True))


def test_rounding_is_that_of_float32_where_the_half_is_added() -> None:
    one = np.array([1])
    quantiser = Quantiser(one, one * 3, one * 0, Rounding.RND, Overflow.SAT_SYM, False)
    below = float(np.nextafter(np.float32(0.5), np.float32(0)))  # 0.49999997 + 0.5 is 1 in float32
    codes, fractional = quantiser.codes(np.array([below, -0.5, 0.49, 9.0, -9.0]), "here")
    assert (codes.tolist(), fractional) == ([1, 0, 0, 7, -7], 0)


def test_an_element_without_bits_has_no_type() -> None:
    k, i, f = np.array([1, 1, 0, 1]), np.array([2, 0, 1, 0]), np.array([-3, 0, -1, 0])
    types = Quantiser(k, i, f, Rounding.RND, Overflow.SAT, False).types(4, "here")
    assert types == (
        None,
        FixedPoint(True, 1, 1, Rounding.RND, Overflow.SAT),
        None,
        FixedPoint(True, 1, 1, Rounding.RND, Overflow.SAT),
    )
    assert Quantiser(k, i, f, Rounding.RND, Overflow.SAT_SYM, False).types(4, "here") == (None,) * 4


needs_hgq = pytest.mark.skipif(
    importlib.util.find_spec("hgq") is None, reason="HGQ2 is not installed: its environment is that of requirements-hgq.lock"
)


@needs_hgq
@pytest.mark.parametrize("overflow", ["WRAP", "SAT", "SAT_SYM"])
@pytest.mark.parametrize("rounding", ["RND", "RND_CONV", "TRN", "S_RND"])
@pytest.mark.parametrize("kind", ["kif", "kbi"])
def test_models_with_random_bits_give_what_keras_gives(kind: str, rounding: str, overflow: str, tmp_path: Path) -> None:
    from l1ad.hgq.evaluate import keras_outputs

    random_model(tmp_path / "model.keras", kind, rounding, overflow)
    network = assemble("hgq", read_hgq(tmp_path / "model.keras"), tiny_layout(), SCALING, WRAPS, ScoreConfig(kind="latent_l2"))[0]
    x_hw = answers()[0]
    outputs = reference.evaluate(network, x_hw)[f"{network.layers[-1].name}.output"].astype(np.float64)
    found = np.ldexp(outputs, [-type_.fractional for type_ in network.layers[-1].outputs])
    wanted = keras_outputs(tmp_path / "model.keras", x_hw / 32.0)
    np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(wanted)) > 5


def random_model(path: Path, kind: str, rounding: str, overflow: str) -> None:
    """Save a model whose quantisers have random bits, some of them none, and random weights; its last layer keeps its sums."""
    import keras
    from hgq.layers import QDense
    from hgq.quantizer import QuantizerConfig

    seed = sum(map(ord, kind + rounding + overflow))
    random = np.random.default_rng(seed)

    def modes(place: str) -> Any:
        return QuantizerConfig(kind, place, round_mode=rounding, overflow_mode=overflow)

    def dense(units: int, name: str, **more: Any) -> Any:
        return QDense(units, iq_conf=modes("datalane"), kq_conf=modes("weight"), bq_conf=modes("bias"), name=name, **more)

    model = keras.Sequential([keras.Input((8,)), dense(9, "first", activation="relu"), dense(5, "second"), dense(2, "third")])
    for layer in model.layers:
        layer.kernel.assign(random.normal(size=layer.kernel.shape))
        layer.bias.assign(random.normal(size=layer.bias.shape))
        for part in (layer.iq, layer.kq, layer.bq):
            for variable in part.quantizer.variables:
                low, high = {"k": (0, 2), "i": (0, 5), "f": (-1, 5), "b": (1, 8)}.get(variable.name, (0, 0))
                if high:
                    variable.assign(random.integers(low, high, variable.shape) + (0.3 if variable.name != "k" else 0))
    model.save(path)


@needs_hgq
def test_an_import_that_is_not_keras_is_refused(tmp_path: Path) -> None:
    from l1ad.hgq.evaluate import check

    network = made()
    layer = network.layers[1]
    layer.weight[0, 0] += 1
    with pytest.raises(ConversionError, match=r"^Keras gives \d+ of 2000 events another output than the imported network"):
        check(MODEL, network)
    assert re.match(r"0 of 500 events differ", check(MODEL, made(), 500))
