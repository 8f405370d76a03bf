"""The stage around the event source: batches become a dataset and files that are read back as the same integers."""

from pathlib import Path

import numpy as np
import pytest

from l1ad.config import Config, parse_config
from l1ad.core.dataset import Role, Split, load_dataset
from l1ad.core.errors import ConfigError, LayoutError
from l1ad.simulation.detector import SHAPES
from l1ad.simulation.production import Plan, produce
from l1ad.stages import simulate as stage
from l1ad.stages.prepare import prepare

BACKGROUND = {"minbias": 120, **{f"qcd{i}": 40 for i in range(1, 8)}, "w_lnu": 30}


def config(folder: Path, layout: str = "l1topo44", **simulation: object) -> Config:
    keys = {"background": BACKGROUND, "signals": {"ztautau": 50}, "batch": 25, "pool": 100, "pileup": 20.0} | simulation
    text = f"""
name: sim
layout: {layout}
runs: runs
data: {{background: {{zb: none.h5}}}}
model: {{kind: vae}}
score: {{kind: latent_l2}}
simulation:
"""
    return parse_config(text + "".join(f"  {key}: {value}\n" for key, value in keys.items()), "sim.yaml", folder)


def invent(plan: Plan, folder: Path, processes: int = 1) -> None:
    """Stand in for Pythia and the detector: random objects, sorted by energy, half of them absent."""
    folder.mkdir(exist_ok=True)
    for task in plan.pool_tasks():
        np.save(folder / f"sigma-{task.batch}.npy", 80.0)
    for task in plan.tasks():
        rng = np.random.default_rng([task.batch, len(task.process), *task.process.encode()])
        arrays = {name: _objects(rng, task.n_events, shape) for name, shape in SHAPES.items()}
        index = int(task.process[3]) if task.process.startswith("qcd") else 0
        low = (0, 20, 30, 45, 70, 110, 180, 350)[index]
        np.savez(
            folder / task.file,
            **arrays,
            pthat_gev=np.full(task.n_events, low * 1.01),
            interactions=rng.integers(1, 50, task.n_events),
            sigma_mb=0.7 * 0.2**index,
            factor=np.ones(task.n_events),
            n_generated=task.n_events,
            event=task.batch * plan.batch + np.arange(task.n_events),
            collision=np.arange(task.n_events),
        )


def _objects(rng: np.random.Generator, n_events: int, shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) == 1:
        return np.stack([rng.exponential(20, n_events), rng.uniform(-3.1, 3.1, n_events)], axis=1).astype(np.float32)
    if shape[1] != 3:  # energies of regions
        return np.minimum(rng.exponential(20, (n_events, *shape)), 600.0).astype(np.float32)
    number = (n_events, shape[0])
    there = np.arange(shape[0]) < rng.integers(0, shape[0] + 1, n_events)[:, None]
    energy = -np.sort(-(10 + rng.exponential(40, number)), axis=1)
    objects = np.stack([energy, rng.uniform(-2.4, 2.4, number), rng.uniform(-3.1, 3.1, number)], axis=2)
    return (objects * there[:, :, None]).astype(np.float32)


@pytest.fixture(autouse=True)
def invented(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real" not in request.node.name:
        monkeypatch.setattr(stage, "produce", invent)


def test_a_dataset_with_weights_parts_and_menu(tmp_path: Path) -> None:
    result = stage.simulate(config(tmp_path))
    dataset = load_dataset(result.path)
    assert dataset.n_events == 480
    assert [sample.name for sample in dataset.samples] == ["zero_bias", "ztautau"]
    background = dataset.rows(role=Role.BACKGROUND)
    assert len(background) == 430
    weights = dataset.column("weight")
    assert (weights[dataset.rows(sample="ztautau")] == 1).all()
    assert weights[background][dataset.column("run")[background] == 100].sum() == pytest.approx(
        430 * np.exp(-20 * 0.175 / 80), rel=0.01
    )
    assert len(dataset.rows(sample="ztautau", split=Split.TEST)) == 50
    np.testing.assert_array_equal(dataset.column("pass_l1"), dataset.column("menu") > 0)
    assert not (result.path / "work").exists()
    assert result.summary["events"] == {"zero_bias": 430, "ztautau": 50}


def test_nothing_is_done_twice_and_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    first = stage.simulate(config(tmp_path))
    x_hw = load_dataset(first.path).x_hw.copy()
    assert not stage.simulate(config(tmp_path)).fresh
    again = stage.simulate(config(tmp_path), force=True)
    assert again.fresh
    np.testing.assert_array_equal(load_dataset(again.path).x_hw, x_hw)


@pytest.mark.parametrize(
    ("layout", "form", "suffix"),
    [
        ("l1topo44", "gelato", "h5"),
        ("gelato60", "gelato", "h5"),
        ("fortymhz57", "fortymhz", "h5"),
        ("axol1tl57", "nanoaod", "root"),
        ("cicada252", "cicada", "h5"),
    ],
)
def test_each_format_is_read_back_as_the_same_integers(tmp_path: Path, layout: str, form: str, suffix: str) -> None:
    simulated = stage.simulate(config(tmp_path, layout, formats=f"[{form}]"))
    dataset = load_dataset(simulated.path)
    rows = {name: dataset.rows(sample=name) for name in ("zero_bias", "ztautau")}
    wanted = {name: dataset.x_hw[index] for name, index in rows.items()}
    events = {name: dataset.column("event")[index] for name, index in rows.items()}
    files = {name: simulated.path / "files" / f"{form}_{name}.{suffix}" for name in rows}
    text = f"""
name: back
layout: {layout}
runs: runs
data: {{background: {{zb: {files["zero_bias"]}}}, signals: {{z: {files["ztautau"]}}}}}
model: {{kind: vae}}
score: {{kind: latent_l2}}
"""
    back = load_dataset(prepare(parse_config(text, "back.yaml", tmp_path)).path)
    for name, sample in (("zero_bias", "zb"), ("ztautau", "z")):
        np.testing.assert_array_equal(back.x_hw[back.rows(sample=sample)], wanted[name])
        np.testing.assert_array_equal(back.column("event")[back.rows(sample=sample)], events[name])
    zero_bias = back.rows(sample="zb")
    for column in ("weight", "menu", "pass_l1") if suffix == "h5" else ():
        np.testing.assert_array_equal(back.column(column)[zero_bias], dataset.column(column)[rows["zero_bias"]])


def test_the_menu_is_tuned_to_a_rate(tmp_path: Path) -> None:
    summary = stage.simulate(config(tmp_path, menu_khz=3000.0, crossing_khz=30000.0)).summary
    assert 0 < summary["menu_khz"] <= 3000.0
    assert summary["menu"]["L1_J100"] != 100.0


def test_a_stopped_run_keeps_its_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "_write", stop)
    with pytest.raises(KeyboardInterrupt):
        stage.simulate(config(tmp_path))
    (kept,) = (tmp_path / "runs" / "sim").glob(".dataset.*.partial/work")
    assert len(list(kept.glob("qcd1-*"))) == 2
    assert not (tmp_path / "runs" / "sim" / "dataset").exists()


def test_signals_alone_can_be_simulated(tmp_path: Path) -> None:
    summary = stage.simulate(config(tmp_path, background={})).summary
    assert summary["events"] == {"ztautau": 50}
    assert summary["menu_khz"] is None


def test_an_unknown_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^There is no process 'ztautua'; did you mean 'ztautau'"):
        stage.simulate(config(tmp_path, signals={"ztautua": 5}))


def test_a_zero_bias_without_all_slices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"background needs minimum bias and every QCD slice for its weights; qcd2, .* are missing"
    ):
        config(tmp_path, background={"minbias": 5, "qcd1": 5})


def test_a_layout_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    text = (
        "name: odd\nslots:\n- {kind: tau, multiplicity: 1, phi_period: 8, features: {pt: {type: uint<4>, lsb: 1.0}}}\n"
        "- {kind: photon, multiplicity: 1, phi_period: 8, features: {pt: {type: uint<4>, lsb: 1.0}}}\n"
    )
    (tmp_path / "odd.yaml").write_text(text)
    with pytest.raises(
        LayoutError, match=r"^Layout 'odd' has objects \['photon', 'tau'\], which the simulation does not make together"
    ):
        stage.simulate(config(tmp_path, "odd.yaml"))


@pytest.mark.slow
def test_real_events_are_simulated(tmp_path: Path) -> None:
    small = dict.fromkeys(BACKGROUND, 20)
    result = stage.simulate(config(tmp_path, background=small, signals={"ztautau": 30}, processes=2))
    x_hw = load_dataset(result.path).x_hw
    assert (x_hw[:, -2] > 0).mean() > 0.9
    assert produce is not invent
