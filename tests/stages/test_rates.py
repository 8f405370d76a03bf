import json
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import Config, parse_config
from l1ad.core.artefact import writing
from l1ad.core.dataset import Role, Split
from l1ad.core.errors import ArtefactError, InputError
from l1ad.core.scoreset import Source, load_scores
from l1ad.core.thresholds import ThresholdsFile, load_thresholds
from l1ad.reporting import drawing
from l1ad.reporting.document import Figure
from l1ad.stages.rates import rates
from tests.datasets_made import make_dataset, make_scores, pt_sum
from tests.networks import make_network

TEXT = """
name: demo
layout: l1topo44
data: {background: {zero_bias: b.h5}}
model: {kind: vae}
score: {kind: latent_l2}
runs: RUNS
rates: {target_khz: [400.0, 4000.0], SETTINGS}
"""


@pytest.fixture(autouse=True)
def quick_pictures(request, monkeypatch):
    """Draw nothing but where the page matters: pictures take most of the time."""
    if "page" not in request.node.name:
        empty = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
        monkeypatch.setattr(drawing, "draw_grid", lambda name, caption, *rest: Figure(name, caption, empty))


def make_config(tmp_path: Path, settings: str = "bunches: 2544") -> Config:
    text = TEXT.replace("RUNS", str(tmp_path)).replace("SETTINGS", settings)
    return parse_config(text, "demo.yaml", tmp_path)


def make_csim(config: Config, n_background: int = 2000, **options):
    dataset = make_dataset(config.run / "dataset", n_background=n_background, **options)
    codes = pt_sum(dataset)
    with writing(config.run / "csim", "csim", key="k", inputs={}, config={}) as draft:
        make_scores(dataset, codes * 0.25, Source.FLOAT).save(draft.path)
        make_scores(dataset, codes, Source.CSIM).save(draft.path)
    return dataset, codes


def test_thresholds_are_those_of_a_slow_count_over_the_test_background(tmp_path):
    config = make_config(tmp_path)
    dataset, codes = make_csim(config)
    result = rates(config)
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    weight, taken = dataset.column("weight")[rows], dataset.column("pass_l1")[rows]
    for entry in result.summary["thresholds"]:
        kind, target = entry["name"].split("_")
        counted = ~taken if kind == "pure" else np.ones(len(rows), bool)
        allowed = float(target.removesuffix("khz")) / (2544 * 11.245) * weight.sum()
        assert weight[counted & (codes[rows] >= entry["threshold"])].sum() <= allowed
        assert weight[counted & (codes[rows] >= entry["threshold"] - 1)].sum() > allowed
    written = load_thresholds(result.path / "thresholds.yaml")
    file = {t.name: t.value for t in written.thresholds}
    assert file == {e["name"]: e["threshold"] for e in result.summary["thresholds"]}
    assert written.network_digest == load_scores(config.run / "csim", Source.CSIM).model_digest
    pure = next(e for e in result.summary["signals"] if e["bit"] == "pure_4000khz" and e["signal"] == "a_4l")
    signal = dataset.rows(sample="a_4l")
    chosen = codes[signal] >= file["pure_4000khz"]
    assert pure["efficiency"] == chosen.mean()
    assert pure["pure"] == (chosen & ~dataset.column("pass_l1")[signal]).mean()


def test_the_page_and_the_data_hold_every_source(tmp_path):
    config = make_config(tmp_path)
    make_csim(config)
    path = rates(config).path
    page = (path / "rates.html").read_text(encoding="utf-8")
    for text in (
        "Rates and thresholds",
        "Overlap with the menu",
        "L1_XE60",
        "Pile-up and stability",
        "pure_400khz",
        "28.61\u202fMHz"[:5],
    ):
        assert text in page
    data = json.loads((path / "rates.json").read_text(encoding="utf-8"))
    assert [s["source"] for s in data["sources"]] == ["float", "csim"]
    floats, codes = (s["points"][0] for s in data["sources"])
    assert floats["total"] == codes["total"]
    assert {entry["variable"] for entry in data["sources"][1]["stability"]} == {"pile-up", "run"}


def test_no_rate_by_run_is_drawn_where_runs_are_simulated_processes(tmp_path):
    config = make_config(tmp_path)
    make_csim(config)
    runs = np.load(config.run / "dataset" / "run.npy")
    np.save(config.run / "dataset" / "run.npy", 101 + runs % 4)
    path = rates(config).path
    data = json.loads((path / "rates.json").read_text(encoding="utf-8"))
    assert {entry["variable"] for entry in data["sources"][1]["stability"]} == {"pile-up"}
    assert "group of runs" not in (path / "rates.html").read_text(encoding="utf-8")


def test_all_background_counts_when_asked(tmp_path):
    config = make_config(tmp_path, "background: all")
    make_csim(config)
    assert rates(config).summary["n_background"] == 2000


def test_again_does_nothing_and_other_targets_do(tmp_path):
    config = make_config(tmp_path)
    make_csim(config)
    first = rates(config)
    again = rates(config)
    assert (first.fresh, again.fresh, again.summary) == (True, False, dict(first.summary))
    assert rates(make_config(tmp_path, "bunches: 1000")).fresh


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ("bunches: 10", {}, r"^A target rate must be above 0 and at most the bunch-crossing rate of 112\.45 kHz, got 400\.0 kHz"),
        (
            "bunches: 2544",
            {"n_background": 50},
            r"^There are too few events for a total rate of 400 kHz: the 10 background events resolve",
        ),
        (
            "bunches: 2544",
            {"signals": ()},
            r"^Rates need signal events, dataset '.*' has none; add some to the section 'data'\.$",
        ),
        ("bunches: 2544", {"n_background": 0}, r"^Rates need background events, dataset '.*' has none"),
    ],
)
def test_impossible_questions_are_refused_and_leave_nothing(tmp_path, settings, options, message):
    config = make_config(tmp_path, settings)
    make_csim(config, **options)
    with pytest.raises(InputError, match=message):
        rates(config)
    assert not (config.run / "rates").exists()


def test_scores_of_another_dataset_are_refused(tmp_path):
    config = make_config(tmp_path)
    make_csim(config)
    import shutil

    shutil.rmtree(config.run / "dataset")
    make_dataset(config.run / "dataset", n_background=2000, seed=9)
    with pytest.raises(
        InputError, match=r"^The float scores belong to dataset [0-9a-f]{12}, not to [0-9a-f]{12}; score this dataset first\.$"
    ):
        rates(config)


def test_no_scores_name_the_command(tmp_path):
    config = make_config(tmp_path)
    make_dataset(config.run / "dataset")
    with pytest.raises(ArtefactError, match=r"^There are no scores in '.*csim'; run 'l1ad csim' first\.$"):
        rates(config)


def test_the_seeds_of_a_prescale_table_veto_and_are_reported(tmp_path):
    table = "Name,2p0E34\nL1_MU20,1\nL1_XE60,0\nL1_J100,1\nL1_GONE,1\n"
    (tmp_path / "table.csv").write_text(table, encoding="utf-8")
    settings = "prescales: table.csv, prescale_column: 2p0E34, anomaly_seeds: [L1_J100]"
    config = make_config(tmp_path, settings)
    dataset, codes = make_csim(config)
    result = rates(config)
    veto = {"column": "2p0E34", "seeds": ["L1_MU20"], "anomaly": ["L1_J100"], "prescaled": ["L1_XE60"], "missing": ["L1_GONE"]}
    assert json.loads((result.path / "rates.json").read_text())["veto"] == veto
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    weight, menu = dataset.column("weight")[rows], dataset.column("menu")[rows]
    pure = next(entry for entry in result.summary["thresholds"] if entry["name"] == "pure_4000khz")
    chosen = (codes[rows] >= pure["threshold"]) & (menu & 1 == 0)
    assert pure["pure_khz"] == pytest.approx(weight[chosen].sum() / weight.sum() * 2544 * 11.245)
    page = (result.path / "rates.html").read_text(encoding="utf-8")
    assert "The data lack 1 unprescaled seeds of the table, so pure rates are too high: L1_GONE." in page
    assert "seeds with prescale 1 in column 2p0E34" in page
    (tmp_path / "table.csv").write_text(table.replace("L1_XE60,0", "L1_XE60,1"), encoding="utf-8")
    again = rates(config)
    assert again.fresh
    assert tuple(again.summary["veto"]["seeds"]) == ("L1_MU20", "L1_XE60")


def test_a_threshold_says_what_it_is_for(tmp_path):
    config = make_config(tmp_path)
    dataset, _ = make_csim(config)
    result = rates(config)
    written = load_thresholds(result.path / "thresholds.yaml")
    assert written.dataset_digest == dataset.digest
    assert written.menu == "pass_l1"
    for entry in result.summary["thresholds"]:
        found = written.definitions[entry["name"]]
        kind, target = entry["name"].split("_")
        assert (found.kind, found.target_khz) == (kind, float(target.removesuffix("khz")))
        assert found.khz == entry[f"{kind}_khz"]
        assert found.low_khz < found.khz < found.high_khz
        assert found.n_events == entry["n_events"]


def test_scores_and_thresholds_of_another_network_are_refused(tmp_path):
    config = make_config(tmp_path)
    make_csim(config)
    own = load_scores(config.run / "csim", Source.CSIM).model_digest
    for digest in (own, "f" * 64):
        (tmp_path / "t.yaml").write_text(ThresholdsFile(digest, ()).text("t", ()), encoding="utf-8")
        text = TEXT.replace("RUNS", str(tmp_path)).replace("SETTINGS", "bunches: 2544") + "firmware: {thresholds_file: t.yaml}\n"
        settings = parse_config(text, "demo.yaml", tmp_path)
        if digest == own:
            assert rates(settings).fresh
            continue
        with pytest.raises(
            InputError, match=rf"^The scores in .* are of network {own[:12]}, the thresholds in .* of ffffffffffff; run"
        ):
            rates(settings, force=True)
    network = make_network("l1topo44")
    with writing(config.run / "model", "model", key="k", inputs={}, config={}) as draft:
        network.save(draft.path / "network.json")
    with pytest.raises(
        InputError, match=rf"^The scores in .* are of network {own[:12]}, the model .* of {network.digest[:12]}; run"
    ):
        rates(config)


def test_rate_and_threshold_by_luminosity_block_and_drift_between_halves(tmp_path):
    config = make_config(tmp_path)
    n_events = 2000 + 200
    # Later blocks have larger scores by the factor that the pile-up gives them.
    lumi = np.arange(n_events) * 10 // 2000
    dataset = make_dataset(config.run / "dataset", n_background=2000, lumi=lumi, run=np.full(n_events, 300))
    codes = (pt_sum(dataset) * (1 + lumi)).astype(np.int64)
    with writing(config.run / "csim", "csim", key="k", inputs={}, config={}) as draft:
        make_scores(dataset, codes, Source.CSIM).save(draft.path)
    data = json.loads((rates(config).path / "rates.json").read_text(encoding="utf-8"))["sources"][-1]
    blocks = next(e for e in data["stability"] if (e["variable"], e["bit"]) == ("luminosity block", "total_4000khz"))
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    score, weight, block = codes[rows], dataset.column("weight")[rows], lumi[rows]
    for entry in blocks["rates"]:
        inside = block == int(entry["label"].removeprefix("300:"))
        chosen = inside & (score >= blocks["threshold"])
        assert entry["rate"]["khz"] == pytest.approx(weight[chosen].sum() / weight[inside].sum() * 2544 * 11.245)
        needed = inside & (score >= entry["needed"]["threshold"])
        assert weight[needed].sum() <= 4000.0 / (2544 * 11.245) * weight[inside].sum() * (1 + 1e-9)
    needed = [entry["needed"]["threshold"] for entry in blocks["rates"]]
    assert needed[-1] > 3 * needed[0]
    assert blocks["probability"] < 0.01
    time = [d for d in data["drifts"] if d["variable"] == "time" and d["bit"] == "total_4000khz"]
    assert {(d["set_on"], d["significant"]) for d in time} == {("the earlier half", True), ("the later half", True)}
    assert not any(d["significant"] for d in data["drifts"] if d["variable"] in ("chance", "pile-up"))


def test_the_page_of_a_report_says_whether_thresholds_hold(tmp_path):
    from l1ad.core.plain import Origin
    from l1ad.physics.rates_record import RATES_FILE, RatesRecord, StabilityRecord
    from l1ad.physics.stability_page import report_section

    config = make_config(tmp_path)
    make_csim(config)
    place = Origin(rates(config).path / RATES_FILE, "'l1ad rates'")
    section = report_section(RatesRecord.read(place.json(), place))
    assert section.title == "Do the thresholds hold?"
    assert report_section(RatesRecord((StabilityRecord((), ()),))) is None
