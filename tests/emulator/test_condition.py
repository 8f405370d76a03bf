"""The condition's types: outputs packed into integers come out again, the header names the types, what does not fit says why."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.board import ConditionTypes, load_board
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import load_layout
from l1ad.core.network import Network, Score
from l1ad.emulator.condition import _packed, _packs, condition_files, unfit
from l1ad.emulator.package import package_files
from l1ad.firmware.golden import INPUTS, SCORES, adversarial_events, make_golden
from l1ad.spec import reference
from tests.networks import make_network

TYPES = ConditionTypes("ap_fixed<18,13>", "ap_ufixed<18,14>")
RESULT = FixedPoint.parse("ap_fixed<10,7,AP_RND_CONV,AP_SAT>")


def network(seed: int = 1) -> Network:
    """Eight outputs of ten bits on CMS' columns, squares and score in the types of AXOL1TL."""
    made = make_network(load_layout("axol1tl57"), (5, 8), seed=seed, output_type=RESULT, may_wrap=True)
    total = FixedPoint.parse("ap_ufixed<18,14>")
    return replace(made, score=replace(made.score, square=total, total=total))


def test_the_board_of_cms_names_the_types_of_its_condition() -> None:
    assert load_board("cms_ugt").condition == TYPES
    assert load_board("l1topo").condition is None


def test_packed_outputs_are_the_network_s() -> None:
    made = network()
    x = adversarial_events(made, 600)
    wanted = reference.evaluate(made, x)["dense2.output"]
    assert _packs(made) == [(0, 6), (6, 2)]
    for first, n in _packs(made):
        packed = reference.scores(_packed(made, first, n), x)
        for k in range(n):
            digit = (packed & 1023 ^ 512) - 512
            np.testing.assert_array_equal(digit, wanted[:, first + k])
            packed = (packed - digit) >> 10
        assert not packed.any()


def test_the_header_names_types_and_units() -> None:
    files = condition_files(network(), TYPES)
    assert sorted(files) == ["condition.h", "outputs_0.cpp", "outputs_1.cpp"]
    assert "using answer_t = std::pair<std::array<result_t, 8>, score_t>;" in files["condition.h"]
    assert "using result_t = ap_fixed<10,7,AP_RND_CONV,AP_SAT>;" in files["condition.h"]
    assert "COUNTS[] = {2, 1, 1, 2, 1, 1," in files["condition.h"]


def test_a_score_that_is_no_sum_of_squares_is_the_result_itself() -> None:
    made = make_network(load_layout("axol1tl57"), (5, 1), Score.LINEAR, output_type=RESULT)
    made = replace(made, score=replace(made.score, total=FixedPoint.parse("ap_ufixed<17,13,AP_RND_CONV,AP_SAT>")))
    files = condition_files(made, TYPES)
    assert list(files) == ["condition.h"]
    assert "using answer_t = std::pair<result_t, score_t>;" in files["condition.h"]


def test_what_does_not_fit_says_why() -> None:
    wide = replace(network(), score=replace(network().score, total=FixedPoint.parse("ap_ufixed<19,14>")))
    reason = (
        "the score's type ap_ufixed<19,14> does not fit the condition's ap_ufixed<18,14>; give score.total in the configuration"
    )
    assert unfit(wide, TYPES) == reason
    assert f'#error "{reason}: build without AP_TYPES"' in condition_files(wide, TYPES)["condition.h"]
    assert "no condition's types are known" in condition_files(wide, None)["condition.h"]
    tenths = make_network(load_layout("l1topo44"), (5, 8), output_type=RESULT)
    total = FixedPoint.parse("ap_ufixed<18,14>")
    assert "do not fit the condition's ap_fixed<18,13>" in str(
        unfit(replace(tenths, score=replace(tenths.score, total=total)), TYPES)
    )


LOADER = """
#include <array>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include "ap_fixed.h"
#include "hls4ml_model.h"
using Answer = std::pair<std::array<ap_fixed<10, 7, AP_RND_CONV, AP_SAT>, 8>, ap_ufixed<18, 14>>;
using Model = hls4mlEmulator::Model;
void* open(const char* path) {
  void* library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (!library) std::exit(3);
  return library;
}
int main(int, char** names) {
  void* libraries[2] = {open(names[1]), open(names[2])};
  Model* models[2];
  for (int i = 0; i < 2; ++i) models[i] = ((Model * (*)()) dlsym(libraries[i], "create_model"))();
  std::ifstream events(names[3]);
  for (int value; events >> value;) {
    ap_fixed<18, 13> u[57];
    for (int i = 0; i < 57; ++i) {
      if (i) events >> value;
      u[i] = value * (i % 3 ? 1.0 : 0.5);
    }
    for (auto* model : models) {
      Answer answer;
      model->prepare_input((ap_fixed<18, 13>*)u);
      model->predict();
      model->read_result(&answer);
      std::printf("%ld", (long)(answer.second.to_double() * 16));
      for (auto& output : answer.first) std::printf(" %ld", (long)(output.to_double() * 8));
      std::printf("\\n");
    }
  }
  for (int i = 0; i < 2; ++i) ((void (*)(Model*)) dlsym(libraries[i], "destroy_model"))(models[i]);
}
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("make") and shutil.which("g++") and find_spec("hls4ml")), reason="make, g++ or the headers are missing"
)
def test_two_versions_side_by_side_answer_the_condition_under_sanitizers(tmp_path: Path) -> None:
    types = Path(str(find_spec("hls4ml").origin)).parent / "templates" / "vivado" / "ap_types"  # type: ignore[union-attr]
    x = adversarial_events(network(), 200)
    wanted = []
    for seed in (1, 2):
        made, folder = network(seed), tmp_path / f"v{seed}"
        golden = make_golden(made, 50).files()
        folder.mkdir()
        for name, text in package_files(made, golden[INPUTS].decode(), golden[SCORES].decode(), TYPES).items():
            (folder / name).write_text(text, encoding="utf-8")
        flags = "-O1 -Werror -fsanitize=address,undefined -fno-sanitize-recover"
        subprocess.run(["make", "-s", f"CXXFLAGS={flags}", f"AP_TYPES={types}"], cwd=folder, check=True)
        assert (
            "0 differences"
            in subprocess.run(["./test_golden", "."], cwd=folder, check=True, capture_output=True, text=True).stdout
        )
        nodes = reference.evaluate(made, x)
        wanted.append(np.column_stack([nodes["score"], nodes["dense2.output"]]))
    (tmp_path / "loader.cpp").write_text(LOADER, encoding="utf-8")
    (tmp_path / "events.txt").write_text("\n".join(" ".join(map(str, row)) for row in x.tolist()), encoding="utf-8")
    command = ["g++", "-std=c++17", "-w", "-fsanitize=address,undefined", "-isystem", str(types), "-I", str(tmp_path / "v1")]
    subprocess.run([*command, "loader.cpp", "-o", "loader", "-ldl"], cwd=tmp_path, check=True)
    libraries = [str(tmp_path / f"v{seed}" / "libl1ad_emulator.so") for seed in (1, 2)]
    done = subprocess.run(["./loader", *libraries, "events.txt"], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = np.array([line.split() for line in done.stdout.splitlines()], dtype=np.int64)
    np.testing.assert_array_equal(found[0::2], wanted[0])
    np.testing.assert_array_equal(found[1::2], wanted[1])
