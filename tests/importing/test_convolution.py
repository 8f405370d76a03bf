"""A convolution in a firmware's sources is the sum over its window, in both strategies' orders of weights; CICADA's own layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.core.layout import load_layout
from l1ad.core.network import Network
from l1ad.core.trained import load_trained
from l1ad.spec import reference
from l1ad.stages.import_model import ImportRequest, import_model
from tests.importing.test_firmware import LAYOUT_TEXT

KERNEL = np.random.default_rng(1).integers(-7, 8, (2, 2, 1, 3))
OUT = np.random.default_rng(2).integers(-3, 4, (24, 2))
DEFINES = """
#define N_FILT_2 3
typedef ap_fixed<10,10> input_t;
typedef ap_fixed<16,16> accum_t;
typedef ap_fixed<14,14> layer2_t;
typedef ap_ufixed<6,6,AP_TRN,AP_SAT,AP_SAT> layer3_t;
typedef ap_fixed<4,4> weight2_t;
typedef ap_uint<2> bias2_t;
typedef ap_fixed<20,20> result_t;
"""
PARAMETERS = """
struct config2_mult : nnet::dense_config {
  static const unsigned strategy = nnet::STRATEGY;
  template<class x_T, class y_T> using product = nnet::product::mult<x_T, y_T>;
};
struct config2 : nnet::conv2d_config {
  static const unsigned pad_top = 0; static const unsigned pad_bottom = 1;
  static const unsigned pad_left = 0; static const unsigned pad_right = 1;
  static const unsigned in_height = 4; static const unsigned in_width = 2; static const unsigned n_chan = 1;
  static const unsigned filt_height = 2; static const unsigned filt_width = 2; static const unsigned n_filt = N_FILT_2;
  static const unsigned stride_height = 1; static const unsigned stride_width = 1;
  static const unsigned out_height = 4; static const unsigned out_width = 2;
  typedef accum_t accum_t; typedef bias2_t bias_t; typedef weight2_t weight_t; typedef config2_mult mult_config;
};
struct relu_config3 : nnet::activ_config { static const unsigned n_in = 4*2*N_FILT_2; };
struct config4 : nnet::dense_config {
  static const unsigned n_in = 24; static const unsigned n_out = 2;
  typedef accum_t accum_t; typedef bias2_t bias_t; typedef weight2_t weight_t;
};
"""
NETWORK = """
void net(input_t x[8], result_t out[2]) {
    nnet::conv_2d_cl<input_t, layer2_t, config2>(x, layer2_out, w2, b2); // conv
    nnet::relu<layer2_t, layer3_t, relu_config3>(layer2_out, layer3_out); // relu
    auto& layer5_out = layer3_out;
    nnet::dense<layer3_t, result_t, config4>(layer5_out, out, w4, b4); // latent
}
"""


def write(folder: Path, strategy: str, parameters: str = PARAMETERS) -> Path:
    """Write an hls4ml project whose weights lie in text files beside declarations."""
    inner = folder / "firmware"
    (inner / "weights").mkdir(parents=True)
    kernel = KERNEL if strategy == "latency" else KERNEL.transpose(3, 0, 1, 2)
    (inner / "defines.h").write_text(DEFINES, encoding="utf-8")
    (inner / "parameters.h").write_text(parameters.replace("STRATEGY", strategy), encoding="utf-8")
    (inner / "net.cpp").write_text(NETWORK, encoding="utf-8")
    arrays = {"w2": kernel.ravel(), "b2": [1, 0, 3], "w4": OUT.ravel(), "b4": [2, 1]}
    for name, values in arrays.items():
        type_ = "bias2_t" if name[0] == "b" else "weight2_t"
        (inner / "weights" / f"{name}.h").write_text(f"{type_} {name}[{len(values)}];\n", encoding="utf-8")
        (inner / "weights" / f"{name}.txt").write_text(", ".join(str(v) for v in values), encoding="utf-8")
    return folder


def imported(folder: Path) -> Network:
    layout, scaling = folder.parent / "layout.yaml", folder.parent / "scaling.yaml"
    layout.write_text(LAYOUT_TEXT, encoding="utf-8")
    scaling.write_text(f"shift: {[0] * 8}\n", encoding="utf-8")
    request = ImportRequest.from_options(folder, layout=str(layout), scaling=scaling, runs=folder.parent / "runs")
    return load_trained(import_model(request).path).network


@pytest.mark.parametrize("strategy", ["latency", "resource"])
def test_a_convolution_of_the_sources_is_the_sum_over_its_window(strategy: str, tmp_path: Path) -> None:
    network = imported(write(tmp_path / "project", strategy))
    x = np.random.default_rng(3).integers(0, 30, (400, 8))
    hidden = np.zeros((400, 4, 2, 3), dtype=np.int64)
    image = np.pad(x.reshape(400, 4, 2), [(0, 0), (0, 1), (0, 1)])
    for i in range(4):
        for j in range(2):
            window = image[:, i : i + 2, j : j + 2]
            hidden[:, i, j] = np.einsum("nab,abf->nf", window, KERNEL[:, :, 0]) + np.array([1, 0, 3])
    hidden = np.clip(hidden, 0, 63).reshape(400, 24)
    latent = hidden @ OUT + np.array([2, 1])
    nodes = reference.evaluate(network, x)
    np.testing.assert_array_equal(nodes["conv.output"], hidden)
    np.testing.assert_array_equal(nodes["latent.output"], latent)
    np.testing.assert_array_equal(nodes["score"], (latent**2).sum(axis=1))


def test_a_padding_that_keras_has_not_is_refused(tmp_path: Path) -> None:
    parameters = PARAMETERS.replace("pad_top = 0", "pad_top = 1").replace("pad_bottom = 1", "pad_bottom = 0")
    with pytest.raises(ModelError, match=r"^Layer 'conv' pads its input in a way that is not imported; known are Keras' 'valid'"):
        imported(write(tmp_path / "project", "latency", parameters))


def test_the_layout_of_cicada_has_18_times_14_regions() -> None:
    layout = load_layout("cicada252")
    assert (layout.n_columns, layout.names[251], str(layout.columns[0].type)) == (252, "region[251].pt_hw", "ap_ufixed<10,10>")
