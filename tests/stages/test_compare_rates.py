"""What a new network or new data do to thresholds that were derived before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import Config, parse_config
from l1ad.core.artefact import writing
from l1ad.core.dataset import Dataset, Role, Split
from l1ad.core.errors import ConfigError, InputError
from l1ad.core.scoreset import Source
from l1ad.core.thresholds import load_thresholds
from l1ad.reporting import drawing
from l1ad.reporting.document import Figure
from l1ad.stages.compare_rates import compare_rates
from l1ad.stages.rates import rates
from tests.datasets_made import make_dataset, make_scores, pt_sum

TEXT = """
name: NAME
layout: l1topo44
data: {background: {zero_bias: b.h5}}
model: {kind: vae}
score: {kind: latent_l2}
runs: RUNS
rates: {target_khz: [400.0, 4000.0]}
"""


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
    monkeypatch.setattr(drawing, "draw_grid", lambda name, caption, *rest: Figure(name, caption, empty))


def run_of(
    folder: Path, name: str, factor: int = 1, offset: int = 0, seed: int = 1, digest: str = "0" * 64
) -> tuple[Config, Dataset]:
    """Make a run whose scores are the sum of pT, times a factor."""
    config = parse_config(TEXT.replace("RUNS", str(folder)).replace("NAME", name), f"{name}.yaml", folder)
    (folder / f"{name}.yaml").write_text(TEXT.replace("RUNS", str(folder)).replace("NAME", name), encoding="utf-8")
    dataset = make_dataset(config.run / "dataset", n_background=2000, seed=seed)
    with writing(config.run / "csim", "csim", key="k", inputs={}, config={}) as draft:
        scores = make_scores(dataset, pt_sum(dataset) * factor + offset, Source.CSIM)
        replace(scores, model_digest=digest).save(draft.path)
    return config, dataset


def test_the_same_run_keeps_everything(tmp_path: Path) -> None:
    config, _ = run_of(tmp_path, "old")
    rates(config)
    result = compare_rates(config, config.run)
    assert (
        result.summary["finding"] == "Network, data and menu are unchanged. Every threshold keeps its rate within the interval."
    )
    assert [row["move"] for row in result.summary["thresholds"]] == [0, 0, 0, 0]
    for row in result.summary["thresholds"]:
        assert row["rate_now_khz"] == row["rate_then_khz"] <= row["wanted_khz"]
    assert not compare_rates(config, config.run).fresh


def test_a_network_whose_score_is_twice_as_large_needs_twice_the_threshold(tmp_path: Path) -> None:
    old, _ = run_of(tmp_path, "old")
    rates(old)
    # T is one above the first score it leaves out, v = T - 1; of scores 2 s + 1 that is 2 v + 1 + 1 = 2 T.
    new, dataset = run_of(tmp_path, "newer", factor=2, offset=1, digest="1" * 64)
    result = compare_rates(new, old.run / "rates" / "thresholds.yaml")
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    score, weight, taken = 2 * pt_sum(dataset)[rows] + 1, dataset.column("weight")[rows], dataset.column("pass_l1")[rows]
    for row in result.summary["thresholds"]:
        assert (row["needed"], row["move"], row["keeps"]) == (2 * row["old"], row["old"], False)
        chosen = (score >= row["old"]) & (~taken if row["name"].startswith("pure") else True)
        assert row["rate_now_khz"] == pytest.approx(weight[chosen].sum() / weight.sum() * 2544 * 11.245, rel=1e-12)
    data = json.loads((result.path / "comparison.json").read_text(encoding="utf-8"))
    assert data["network"] == {"old": "0" * 64, "new": "1" * 64}
    assert data["dataset"]["old"] == data["dataset"]["new"] == dataset.digest
    for row in data["thresholds"]:
        needed = row["needed"]
        assert needed["low"] <= needed["threshold"] <= needed["high"]
        assert row["rate"]["khz"] <= row["definition"]["target_khz"]
    page = (result.path / "comparison.html").read_text(encoding="utf-8")
    assert "Changed: the network (000000000000 → 111111111111)." in page
    assert "every stage of this project refuses them" in page


def test_the_ends_of_the_needed_threshold_are_where_the_rate_is_crossed(tmp_path: Path) -> None:
    config, dataset = run_of(tmp_path, "old")
    rates(config)
    row = json.loads((compare_rates(config, config.run).path / "comparison.json").read_text(encoding="utf-8"))["thresholds"][0]
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    score, weight = pt_sum(dataset)[rows], dataset.column("weight")[rows]
    khz = [weight[score >= t].sum() / weight.sum() * 2544 * 11.245 for t in range(int(score.max()) + 2)]
    for end, bound in (("low", "low_khz"), ("high", "high_khz")):
        scale = row["rate"][bound] / row["rate"]["khz"]
        assert row["needed"][end] == next(t for t, rate in enumerate(khz) if rate * scale <= 400.0 * (1 + 1e-9))


def test_other_data_are_told_and_the_configuration_names_the_old_run(tmp_path: Path) -> None:
    old, _ = run_of(tmp_path, "old")
    rates(old)
    new, dataset = run_of(tmp_path, "newer", seed=5)
    result = compare_rates(new, tmp_path / "old.yaml")
    was = load_thresholds(old.run / "rates" / "thresholds.yaml").dataset_digest
    assert result.summary["finding"].startswith(f"Changed: the data ({was[:12]} → {dataset.digest[:12]}).")


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (
            lambda text: text.split("dataset:")[0],
            InputError,
            r"does not say what its thresholds were derived for .*; run 'l1ad rates'",
        ),
        (
            lambda text: text.replace("kind: total", "kind: totl"),
            ConfigError,
            r"needs under 'definitions' for each name kind, target",
        ),
        (lambda text: "thresholds: 3", ConfigError, r"needs the keys 'network' and 'thresholds'"),
    ],
)
def test_what_is_no_old_threshold_is_refused_and_leaves_nothing(tmp_path: Path, edit, error, message: str) -> None:  # type: ignore[no-untyped-def]
    config, _ = run_of(tmp_path, "old")
    file = rates(config).path / "thresholds.yaml"
    file.write_text(edit(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(error, match=message):
        compare_rates(config, file)
    with pytest.raises(ConfigError, match=r"^Cannot read firmware\.thresholds_file"):
        compare_rates(config, tmp_path / "gone")
    assert not (config.run / "rates_comparison").exists()


def test_a_rate_that_the_new_data_do_not_resolve_has_no_threshold(tmp_path: Path) -> None:
    old, _ = run_of(tmp_path, "old")
    rates(old)
    new, dataset = run_of(tmp_path, "newer")
    # All scores alike: 400 kHz is between none and all.
    with writing(new.run / "csim", "csim", key="k2", inputs={}, config={}) as draft:
        make_scores(dataset, np.full(dataset.n_events, 7), Source.CSIM).save(draft.path)
    result = compare_rates(new, old.run)
    assert {row["needed"] for row in result.summary["thresholds"]} == {None}
    assert "Too few events are behind the rates of total_400khz" in (result.path / "comparison.html").read_text(encoding="utf-8")
