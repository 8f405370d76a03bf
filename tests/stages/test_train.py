"""The train stage: artefacts, nothing to do twice, the same weights after a kill, and messages for what cannot be trained."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import Config, parse_config
from l1ad.core.errors import ArtefactError, ConfigError, InputError, LayoutError
from l1ad.core.trained import load_trained
from l1ad.qkeras.evaluate import qkeras_scores
from l1ad.qkeras.files import KERAS_FILE, QKERAS_FILE
from l1ad.spec import reference
from l1ad.stages.train import train
from tests.datasets_made import make_dataset

MODEL = {
    "vae": "{kind: vae, hidden: [6], latent: 2}",
    "ae": "{kind: ae, hidden: [6], latent: 2}",
    "normalised": "{kind: vae, hidden: [6], latent: 2, batch_norm: true}",
}
SHORT = {"epochs": 3, "float_epochs": 2, "teacher_epochs": 2, "teachers": 2, "candidates": 2, "batch_size": 128}


def config_text(kind: str = "vae", score: str = "latent_l2", **training: object) -> str:
    section = ", ".join(f"{key}: {value}" for key, value in {**SHORT, **training}.items())
    return (
        f"name: t\nlayout: l1topo44\nruns: runs\ndata: {{background: {{zb: a.h5}}}}\nmodel: {MODEL[kind]}\n"
        f"score: {{kind: {score}}}\ntraining: {{{section}}}\nscaling: {{empty_columns: ignore}}\n"
    )


def config(folder: Path, *arguments: str, **training: object) -> Config:
    return parse_config(config_text(*arguments, **training), "t.yaml", folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_dataset(tmp_path / "runs" / "t" / "dataset", 2000, 200)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "score", "recipe", "shape"),
    [
        ("vae", "latent_l2", "robust", "44-6-2"),
        ("ae", "masked_mse", "plain", "44-6-2-6-44"),
        ("normalised", "latent_l2", "plain", "44-6-2"),
        pytest.param("normalised", "latent_l2", "robust", "44-6-2", marks=pytest.mark.slow),
        pytest.param("ae", "masked_mse", "robust", "44-6-2-6-44", marks=pytest.mark.slow),
        pytest.param("vae", "latent_l2", "plain", "44-6-2", marks=pytest.mark.slow),
        pytest.param("vae", "kl", "robust", "44-6-4", marks=pytest.mark.slow),
        pytest.param("vae", "r_z", "plain", "44-6-4", marks=pytest.mark.slow),
        pytest.param("ae", "mse", "plain", "44-6-2-6-44", marks=pytest.mark.slow),
    ],
)
def test_every_score_trains_to_an_exact_network(folder: Path, kind: str, score: str, recipe: str, shape: str) -> None:
    from qkeras.utils import load_qmodel

    chosen = config(folder, kind, score, recipe=recipe, seeds=2, sparsity=0.5)
    result = train(chosen)
    assert (result.fresh, result.kind, result.summary["shape"]) == (True, "model", shape)
    model = load_trained(result.path)
    assert model.reference is not None
    assert model.reference.score.kind is model.network.score.kind
    x = np.load(folder / "runs/t/dataset/x_hw.npy")[:500]
    np.testing.assert_array_equal(qkeras_scores(model.network, x), reference.scores(model.network, x))
    assert {path.name for path in (result.path / "seeds").iterdir()} == {"network_1.json", "network_2.json"}
    history = json.loads((result.path / "history.json").read_text())
    assert (len(history["float"]["loss"]), len(history["qat"]["loss"])) == (2, 3)
    assert (result.path / "curves.png").stat().st_size > 1000
    assert not list(result.path.glob("checkpoint*"))
    assert (folder / "runs/t/model_float" / KERAS_FILE).is_file()
    values = model.network.scaling.type.from_int(model.network.scaling.apply(model.network.layout, x))
    outputs = load_qmodel(str(result.path / QKERAS_FILE), compile=False)(values.astype(np.float32)).numpy().astype(np.float64)
    last = model.network.layers[-1]
    np.testing.assert_array_equal(last.output.to_int(outputs), reference.evaluate(model.network, x)[f"{last.name}.output"])


def test_nothing_to_do_twice_and_force(folder: Path) -> None:
    chosen = config(folder, recipe="plain")
    baseline = train(chosen, float_only=True)
    assert (baseline.kind, baseline.fresh) == ("float_model", True)
    first = train(chosen)
    before = (first.path / "manifest.json").read_bytes()
    again = train(chosen)
    assert (again.fresh, again.summary) == (False, first.summary)
    assert train(chosen, force=True).fresh
    assert (first.path / "manifest.json").read_bytes() == before
    assert again.to_dict()["path"] == str(first.path)


SCRIPT = """
import sys
from pathlib import Path
from l1ad.config import load_config
from l1ad.stages.train import train
for name in sys.argv[1:]:
    train(load_config(Path(name)))
"""


def test_killed_training_ends_with_the_same_weights(folder: Path) -> None:
    """One process is killed in the middle; another finishes its work, and does the same work from the start elsewhere."""
    if importlib.util.find_spec("tensorflow") is None:
        raise ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow")
    make_dataset(folder / "other" / "t" / "dataset", 2000, 200)
    text = config_text(sparsity=0.5).replace("epochs: 3", "epochs: 40").replace("teacher_epochs: 2", "teacher_epochs: 30")
    (folder / "a.yaml").write_text(text)
    (folder / "b.yaml").write_text(text.replace("runs: runs", "runs: other"))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT]
    process = subprocess.Popen([*command, "a.yaml"], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while not list((folder / "runs/t").glob(".model*.partial/checkpoint*.npz")):
        assert time.monotonic() < deadline
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "runs/t/model").exists()
    subprocess.run([*command, "a.yaml", "b.yaml"], cwd=folder, env=environment, check=True, stderr=subprocess.DEVNULL)
    for name in ("model_float/parameters.npz", "model/network.json", "model/history.json", "model/float.npz"):
        assert (folder / "runs/t" / name).read_bytes() == (folder / "other/t" / name).read_bytes(), name
    assert not list((folder / "runs/t").glob(".*partial"))


@pytest.mark.slow
def test_killed_again_and_again_at_random_times_ends_with_the_same_weights(folder: Path) -> None:
    """Several seeds of the robust recipe are killed until they finish by themselves: in teachers, students, candidates and between."""
    make_dataset(folder / "other" / "t" / "dataset", 2000, 200)
    text = (
        config_text(sparsity=0.5, seeds=3).replace("epochs: 3", "epochs: 25").replace("teacher_epochs: 2", "teacher_epochs: 15")
    )
    (folder / "a.yaml").write_text(text)
    (folder / "b.yaml").write_text(text.replace("runs: runs", "runs: other"))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT]
    began = time.monotonic()
    subprocess.run([*command, "b.yaml"], cwd=folder, env=environment, check=True, stderr=subprocess.DEVNULL)
    whole, random, kills = time.monotonic() - began, np.random.default_rng(11), 0
    while True:
        process = subprocess.Popen([*command, "a.yaml"], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
        try:
            assert process.wait(whole * random.uniform(0.2, 0.8) if kills < 6 else None) == 0
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills
    names = [
        "model_float/parameters.npz",
        "model_float/targets.npz",
        "model/network.json",
        "model/history.json",
        "model/float.npz",
    ]
    for name in [*names, *(f"model/seeds/network_{seed}.json" for seed in (1, 2, 3))]:
        assert (folder / "runs/t" / name).read_bytes() == (folder / "other/t" / name).read_bytes(), name
    assert not list((folder / "runs/t").glob(".*partial"))


def test_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"^Expected a 'dataset' artefact at '.*dataset', found no manifest.json there; .*$"):
        train(config(tmp_path))


def test_dataset_of_another_layout(tmp_path: Path) -> None:
    make_dataset(tmp_path / "runs" / "t" / "dataset", 100, 10, layout="gelato60")
    with pytest.raises(
        LayoutError, match=r"^The dataset has layout 'gelato60' and the configuration 'l1topo44'; run 'l1ad prepare' again\.$"
    ):
        train(config(tmp_path))


def test_no_background(tmp_path: Path) -> None:
    make_dataset(tmp_path / "runs" / "t" / "dataset", 100, 10, split=np.full(120, 2))
    with pytest.raises(InputError, match=r"^Dataset '.*' has no background in its train part; .*$"):
        train(config(tmp_path))


def test_imported_model_is_not_trained(folder: Path) -> None:
    text = config_text().replace(MODEL["vae"], "{kind: imported, file: a.h5}")
    with pytest.raises(ConfigError, match=r"^model.kind is 'imported': there is nothing to train; run 'l1ad import' instead\.$"):
        train(parse_config(text, "t", folder))
