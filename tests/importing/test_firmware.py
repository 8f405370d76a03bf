"""Networks of firmwares' sources: AXOL1TL's forms against integers by hand, hls4ml's own projects, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ConfigError, LayoutError, ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import load_layout
from l1ad.core.network import Network
from l1ad.core.trained import load_trained
from l1ad.emulator.kernel import Emulator
from l1ad.spec import reference
from l1ad.stages.import_model import ImportRequest, import_model
from tests.importing.firmware_sources import Firmware, chain, embedding
from tests.networks import make_network
from tests.projects import make_project
from tests.rtl.test_trace import require_equal

LAYOUT = load_layout("axol1tl57")


def imported(folder: Path, **options: object) -> Network:
    request = ImportRequest.from_options(folder, **({"layout": "axol1tl57", "runs": folder.parent / "runs"} | options))  # type: ignore[arg-type]
    return load_trained(import_model(request, force=True).path).network


def events(n: int, seed: int = 5) -> np.ndarray:
    """Random hardware events: over the whole range, small objects, and every column at both ends."""
    random = np.random.default_rng(seed)
    low, high = (np.array([getattr(c.type, f"{end}_int") for c in LAYOUT.columns]) for end in ("min", "max"))
    x = random.integers(low, high + 1, (n, 57))
    x[: n // 2] = np.clip(random.integers(-40, 80, (n // 2, 57)), low, high)
    x[0], x[1] = low, high
    return x


@pytest.mark.parametrize("firmware", [chain(), chain(3, narrow=False), embedding()], ids=["wrapping chain", "chain", "embedding"])
def test_scores_of_the_sources_are_those_by_hand(firmware: Firmware, tmp_path: Path) -> None:
    network = imported(firmware.write(tmp_path / "v4"))
    x, half = events(300), [c.feature == "pt" for c in LAYOUT.columns]
    wanted = np.array([firmware.score([int(v) for v in row], half) for row in x])
    assert len(np.unique(wanted)) > 150
    np.testing.assert_array_equal(reference.scores(network, x), wanted)
    np.testing.assert_array_equal(Emulator(network).scores(x), wanted)


def test_the_network_of_the_sources_goes_to_the_chip(tmp_path: Path) -> None:
    from l1ad.rtl.trace import trace_network

    network = imported(embedding().write(tmp_path / "v5"))
    require_equal(network, trace_network(network))


def test_what_the_sources_say_is_kept(tmp_path: Path) -> None:
    network = imported(chain().write(tmp_path / "v4"))
    assert (network.name, network.shape, network.score.kind.value, network.may_wrap) == ("v4", "57-6-5-4", "latent_l2", True)
    assert [layer.name for layer in network.layers] == ["q_dense", "q_dense_1", "mu"]
    first = network.layers[0]
    assert (str(first.accumulator), first.result, str(first.output)) == (
        "ap_fixed<14,9>",
        None,
        "ap_ufixed<10,6,AP_RND_CONV,AP_SAT>",
    )
    assert str(network.scaling.through) == "ap_fixed<18,13>"
    assert network.scaling.type == FixedPoint.parse("ap_fixed<8,6,AP_RND_CONV,AP_SAT>")


def test_offsets_in_gev_become_counts_after_their_own_type(tmp_path: Path) -> None:
    firmware = chain()
    firmware.offsets[0], firmware.shifts[0] = 4.5, 3  # ap_fixed<10,10> cuts the half off
    firmware.offsets[1], firmware.shifts[1] = 2.0, -1
    scaling = imported(firmware.write(tmp_path / "v4")).scaling
    assert (scaling.offset[:2], scaling.shift[:2]) == ((8, 2), (4, -1))
    firmware.offset_type = (True, 12, 10, False, False)
    assert imported(firmware.write(tmp_path / "finer")).scaling.offset[0] == 9


@pytest.mark.parametrize("explicit", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["explicit", "bit_exact"])
def test_a_project_of_hls4ml_gives_its_network_back(explicit: bool, tmp_path: Path) -> None:
    types = (
        {"accumulator": FixedPoint.parse("ap_fixed<20,10>"), "result": FixedPoint.parse("ap_fixed<16,9>"), "may_wrap": True}
        if explicit
        else {}
    )
    network = make_network(widths=(4, 3, 2), zero_fraction=0.2, **types)  # type: ignore[arg-type]
    project = make_project(tmp_path / "project", network)
    assert project.route == ("explicit" if explicit else "bit_exact")
    layout, scaling = tmp_path / "layout.yaml", tmp_path / "scaling.yaml"
    layout.write_text(LAYOUT_TEXT, encoding="utf-8")
    scaling.write_text(f"shift: {list(network.scaling.shift)}\noffset: {list(network.scaling.offset)}\n", encoding="utf-8")
    again = imported(tmp_path / "project", layout=str(layout), scaling=scaling)
    assert again.scaling.type == network.scaling.type
    x = np.random.default_rng(1).integers(0, 30, (500, 8))
    wanted, found = reference.evaluate(network, x), reference.evaluate(again, x)
    for made, layer in zip(again.layers, network.layers, strict=True):
        np.testing.assert_array_equal(made.weight_type.from_int(made.weight), layer.weight_type.from_int(layer.weight))
        assert made.output == layer.output
        np.testing.assert_array_equal(found[f"{made.name}.output"], wanted[f"{layer.name}.output"])


LAYOUT_TEXT = """
name: eight
source: made for tests
slots:
  - {kind: jet, multiplicity: 8, features: {pt: {type: uint<10>, lsb: 0.5}}}
"""


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    file = folder / name
    content = file.read_text(encoding="utf-8")
    assert old in content, f"{old} is not in {name}"
    file.write_text(content.replace(old, new), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "NN/network.cpp",
            "nnet::relu<",
            "nnet::softmax<",
            r"^The firmware calls 'nnet::softmax', which is not imported; known are add, ",
        ),
        ("NN/network.cpp", "nnet::relu<", "own::relu<", r"^The firmware calls 'own::relu', which is not imported"),
        ("NN/network.cpp", "(x, layer2_out", "(layer4_out, layer2_out", r"^Layer 'q_dense_1' is written twice in the sources"),
        ("NN/parameters.h", "nnet::io_parallel", "nnet::io_stream", r"^nnet::dense 'q_dense' has io_type 'nnet::io_stream'"),
        ("NN/parameters.h", "nnet::latency", "nnet::unrolled", r"^nnet::dense 'q_dense' has strategy 'nnet::unrolled'"),
        (
            "NN/parameters.h",
            "product::mult<",
            "product::weight_exponential<",
            r"^nnet::dense 'q_dense' multiplies by 'weight_exponential'",
        ),
        (
            "NN/parameters.h",
            "n_in = 6;",
            "n_in = 7;",
            r"^nnet::relu 'q_dense_activation' reads 7 values, 'layer2_out' has 6; the",
        ),
        (
            "NN/defines.h",
            "ap_fixed<6,3> weight2_t",
            "half weight2_t",
            r"^Type 'weight2_t' is 'half', expected a fixed-point type of 1 to 62 bits",
        ),
        (
            "NN/weights.h",
            " b2[6] = {",
            " b2[6] = {system(1), ",
            r"^Array 'b2' holds 'system\(1\)', expected numbers; nothing in a firmware's",
        ),
        (
            "NN/weights.h",
            " b2[6] = {",
            " b2[6] = {0.5, ",
            r"^Array 'b2' is declared with 6 elements and holds 7; the file is damaged\.$",
        ),
        ("NN/weights.h", " b2[6] = {", " other[6] = {", r"^The values of array 'b2' are not in the sources"),
        ("scales.h", "ad_shift[57] = {", "ad_shift[57] = {1, ", r"^Array 'ad_shift' is declared with 57 elements and holds 58"),
        ("scales.h", "ad_shift[57]", "other[57]", r"^The values of array 'ad_shift' are not in the sources"),
        (
            "emulator.cpp",
            "tmp0 >> SPACE".replace("SPACE", "axol_test"),
            "tmp0 << axol_test",
            r"^The sources scale their inputs \('_scaleNNInputs'\)",
        ),
        ("emulator.cpp", "result_p[i] * result_p[i]", "result_p[i]", r"^The sources compute their score \('_computeLoss'\)"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(file: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    folder = changed(chain().write(tmp_path / "v4"), file, old, new)
    with pytest.raises((ModelError, LayoutError), match=message):
        imported(folder)
    assert not (tmp_path / "runs" / "v4").exists()


def test_half_a_count_of_phi_is_refused(tmp_path: Path) -> None:
    firmware = chain()
    firmware.offset_type, firmware.offsets[2] = (True, 12, 10, False, False), 33.5
    with pytest.raises(
        LayoutError, match=r"^The sources' offset 33.5 of column 'met\[0\].phi_hw' is 33.5 hardware counts, expected a whole"
    ):
        imported(firmware.write(tmp_path / "v1"))


def test_several_firmwares_in_a_folder_are_named(tmp_path: Path) -> None:
    chain().write(tmp_path / "every" / "v3")
    chain().write(tmp_path / "every" / "v4")
    with pytest.raises(
        ModelError, match=r"holds 2 firmwares \['v3/NN', 'v4/NN'\], expected one; give the folder of one of them\.$"
    ):
        imported(tmp_path / "every")


def test_a_scaling_is_asked_for_where_the_sources_have_none(tmp_path: Path) -> None:
    folder = chain().write(tmp_path / "v4")
    (folder / "scales.h").unlink()
    with pytest.raises(ConfigError, match=r"^The firmware's sources hold no offsets and shifts; give its scaling with --scaling"):
        imported(folder)
