"""The emulator's folder builds by itself and replays its golden vectors through every interface."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ArtefactError, ConversionError
from l1ad.core.network import Network, Score, Threshold
from l1ad.emulator.package import model_info, package_files
from l1ad.spec import reference
from l1ad.stages.emulator_package import emulator_package
from tests.networks import make_network
from tests.runs_made import make_run

NETWORK = make_network(widths=(4, 8), score=Score.MASKED_MSE, min_pt_hw=(("jet", 40), ("met", 7)))
needs_make = pytest.mark.skipif(not (shutil.which("make") and shutil.which("g++")), reason="make and g++ are not installed")
LOADER = """
#include <dlfcn.h>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <vector>
#include "hls4ml_model.h"
int main() {
  void* library = dlopen("./libl1ad_emulator.so", RTLD_LAZY | RTLD_LOCAL);
  if (!library) return 3;
  auto* create = (hls4mlEmulator::Model* (*)())dlsym(library, "create_model");
  auto* destroy = (void (*)(hls4mlEmulator::Model*))dlsym(library, "destroy_model");
  hls4mlEmulator::Model* model = create();
  std::vector<int> event = {EVENT};
  int64_t score = -1;
  model->prepare_input(&event);
  model->predict();
  model->read_result(&score);
  std::printf("%lld", (long long)score);
  event[0] = 5000;
  model->prepare_input(&event);
  try { model->predict(); } catch (const std::out_of_range& error) { std::printf(" %s", error.what()); }
  destroy(model);
}
"""


def make(folder: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", "-j2", "CXXFLAGS=-O1", *targets]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = emulator_package(make_run(tmp_path_factory.mktemp("package"), NETWORK, 0)).path
    done = make(folder, "all")
    assert done.returncode == 0, done.stderr
    return folder


@needs_make
def test_it_builds_and_replays_the_golden_vectors(built: Path) -> None:
    done = make(built, "check")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        rf"tiny 0\.1\.0, digest {NETWORK.digest[:12]}, variant \w+: 2000 events, 0 differences, \d+ ns a call\n", done.stdout
    )


@needs_make
def test_a_wrong_golden_vector_fails(built: Path, tmp_path: Path) -> None:
    for name in ("golden_inputs.txt", "golden_scores.txt"):
        shutil.copy(built / name, tmp_path)
    lines = (tmp_path / "golden_scores.txt").read_text().splitlines()
    first = lines[7].split()
    lines[7] = " ".join([str(int(first[0]) + 1), *first[1:]])
    (tmp_path / "golden_scores.txt").write_text("\n".join(lines))
    done = subprocess.run([str(built / "test_golden"), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "score differs at event 7: " in done.stderr
    assert "score of the CMSSW class differs at event 7: " in done.stderr


@needs_make
def test_the_loader_of_cmssw_finds_its_symbols(built: Path) -> None:
    event = [int(value) for value in (built / "golden_inputs.txt").read_text().splitlines()[20].split()]
    (built / "loader.cpp").write_text(LOADER.replace("EVENT", ", ".join(map(str, event))))
    subprocess.run(["g++", "-std=c++17", "loader.cpp", "-o", "loader", "-ldl"], cwd=built, check=True)
    out = subprocess.run(["./loader"], cwd=built, capture_output=True, text=True, check=True).stdout
    wanted = int(reference.scores(NETWORK, np.array([event]))[0])
    assert out == f"{wanted} an input is outside the hardware range of its column"


@needs_make
@pytest.mark.slow
def test_cmake_builds_it_too(built: Path, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    subprocess.run(["cmake", "-S", str(built), "-B", str(tmp_path)], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", str(tmp_path)], check=True, capture_output=True)
    subprocess.run(["ctest", "--test-dir", str(tmp_path)], check=True, capture_output=True)


def test_it_needs_nothing_from_here(tmp_path: Path) -> None:
    result = emulator_package(make_run(tmp_path, NETWORK, 0))
    texts = {path.name: path.read_text() for path in result.path.iterdir()}
    included = {name for text in texts.values() for name in re.findall(r'#include "([^"]+)"', text)}
    assert included <= set(texts) | {"hls4ml/emulator.h"}
    assert not any("ap_fixed" in text or "Python.h" in text for name, text in texts.items() if name.endswith((".h", ".cpp")))
    assert NETWORK.digest in texts["model_info.h"]
    assert len(texts["golden_scores.txt"].splitlines()) == result.summary["golden_vectors"]


def test_nothing_is_done_twice_and_thresholds_are_the_configurations(tmp_path: Path) -> None:
    config = make_run(tmp_path, NETWORK, 0)
    assert emulator_package(config).fresh
    assert not emulator_package(config).fresh
    other = config.model_copy(update={"firmware": config.firmware.model_copy(update={"thresholds": {"only": 7}})})
    result = emulator_package(other)
    assert result.fresh
    assert result.summary["thresholds"] == {"only": 7}
    assert 'THRESHOLD_NAME[] = {"only"}' in (result.path / "model_info.h").read_text()


def test_a_network_without_thresholds_has_none(tmp_path: Path) -> None:
    bare: Network = NETWORK.with_thresholds(())
    assert "constexpr int THRESHOLDS = 0;" in model_info(bare)


def test_more_thresholds_than_a_mask_has_bits_are_refused() -> None:
    many = NETWORK.with_thresholds(tuple(Threshold(f"t{i}", i) for i in range(65)))
    with pytest.raises(ConversionError, match=r"^The emulator gives up to 64 trigger bits, got 65 thresholds; give fewer\.$"):
        package_files(many, "", "")


def test_there_must_be_a_model(tmp_path: Path) -> None:
    config = make_run(tmp_path, NETWORK, 0)
    shutil.rmtree(config.run / "model")
    with pytest.raises(ArtefactError, match=r"^Expected a 'model' artefact at "):
        emulator_package(config)
