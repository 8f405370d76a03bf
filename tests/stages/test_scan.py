"""The stage of the scan: goes on where it was stopped, records failures, shows the front, and a pick makes its network again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad import cli
from l1ad.config import load_config
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import ConfigError, InputError
from l1ad.core.network import Network
from l1ad.core.scaling import columns_left_out
from l1ad.search import search
from l1ad.search.judge import search_jury
from l1ad.search.trial import Job
from l1ad.spec import reference
from l1ad.stages.scan import pick, scan
from tests.cluster import run_until_killed, two_workers
from tests.datasets_made import make_dataset
from tests.scans_made import FAST, TEXT, made, stand_in

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "run_trial", stand_in)


def trials_of(result: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((result.path / "scan.json").read_text(encoding="utf-8"))["trials"]
    return found


@pytest.mark.usefixtures("fast")
def test_a_scan_that_was_stopped_twice_ends_with_the_same_trials(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    expected = trials_of(scan(made(whole), scheduler="none"))
    for n in (3, 6):
        scan(made(parts, FAST.replace("12", str(n))), scheduler="none")
    result = scan(made(parts), scheduler="none")
    assert trials_of(result) == expected
    assert [trial["number"] for trial in expected] == list(range(12))
    assert not scan(made(parts), scheduler="none").fresh


@pytest.mark.usefixtures("fast")
def test_a_failed_trial_is_recorded_and_the_page_says_what_was_found(tmp_path: Path) -> None:
    result = scan(made(tmp_path), scheduler="none")
    failed = [trial for trial in trials_of(result) if "failed" in trial]
    assert failed
    assert all(trial["failed"] == "The loss of seed 1 became nan in epoch 1." for trial in failed)
    assert result.summary["n_failed"] == len(failed)
    data = json.loads((result.path / "scan.json").read_text(encoding="utf-8"))
    luts = [trial["lut"] for trial in data["trials"] if trial["number"] in data["front"]]
    assert luts == sorted(luts)
    page = (result.path / "scan.html").read_text(encoding="utf-8")
    assert "trials failed; the first one" in page
    assert "No point was synthesised" in page


@pytest.mark.usefixtures("fast")
def test_trials_of_another_space_or_dataset_are_refused(tmp_path: Path) -> None:
    scan(made(tmp_path), scheduler="none")
    other = made(tmp_path, FAST + ", seeds: 3")
    with pytest.raises(InputError, match=r"are of another scan \(digest"):
        scan(other, scheduler="none")
    assert len(trials_of(scan(made(tmp_path, FAST + ", seeds: 3, storage: elsewhere"), scheduler="none"))) == 12
    make_dataset(tmp_path / "runs" / "t" / "dataset", 3000, 100, seed=2)
    with pytest.raises(InputError, match=r"are of another dataset \(digest"):
        scan(made(tmp_path), scheduler="none")
    assert scan(made(tmp_path), scheduler="none", force=True).fresh


@pytest.mark.usefixtures("fast")
def test_what_the_data_cannot_give_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"^scan\.efficiency is 'signals' and dataset '.*' has none; add some to data\.signals, or use 'mixed'\.$",
    ):
        scan(made(tmp_path, FAST + ", efficiency: signals", signals=()), scheduler="none")
    chosen = made(tmp_path)
    with pytest.raises(
        InputError,
        match=r"^scan\.fraction is 1e-07, above which the data have 0 effective background events of at least 10 needed; .*\.$",
    ):
        scan(
            chosen.model_copy(update={"scan": chosen.scan.model_copy(update={"fraction": 1e-7})}),
            scheduler="none",
        )
    imported = chosen.model_copy(update={"model": chosen.model.model_copy(update={"kind": "imported"})})
    with pytest.raises(ConfigError, match=r"^model\.kind is 'imported' and a scan trains networks; .*\.$"):
        scan(imported, scheduler="none")


@pytest.mark.usefixtures("fast")
def test_signals_decide_only_where_the_configuration_says_so(tmp_path: Path) -> None:
    found = {}
    for efficiency in ("mixed", "signals"):
        folder = tmp_path / efficiency
        folder.mkdir()
        trials = trials_of(scan(made(folder, FAST + f", efficiency: {efficiency}"), scheduler="none"))
        found[efficiency] = {trial["number"]: trial["efficiency"] for trial in trials if "failed" not in trial}
    number, value = max(found["signals"].items(), key=lambda pair: pair[1])
    network = Network.load(tmp_path / "signals" / "runs" / "t" / "scan_trials" / "trials" / f"{number:05d}" / "network.json")
    dataset = load_dataset(tmp_path / "signals" / "runs" / "t" / "dataset")
    scores = reference.scores(network, np.asarray(dataset.x_hw, dtype=np.int64))
    split, sample, weight = (np.asarray(dataset.column(name)) for name in ("split", "sample", "weight"))
    looked_at = (sample == 0) & (split < 2)
    # By hand: the threshold is the lowest score that leaves at most the fraction of the weight.
    levels = np.unique(scores)[::-1]
    kept = [s for s in levels if weight[looked_at & (scores >= s)].sum() <= 0.02 * weight[looked_at].sum()]
    assert value == pytest.approx(np.mean(scores[sample == 1] > levels[len(kept)]))
    assert 0 < value != found["mixed"][number]


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["l1ad", "scan", *arguments])
    assert cli.main() == 2
    text = capsys.readouterr().err
    assert text.startswith("l1ad: ")
    assert text.count("\n") == 1
    return text


@pytest.mark.usefixtures("fast")
def test_the_command_refuses_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path)
    file = str(tmp_path / "t.yaml")
    assert "There are no trials at" in refused(capsys, monkeypatch, file, "--pick", "3")
    scan(load_config(file), scheduler="none")
    assert "There is no trial 99 in the scan at" in refused(capsys, monkeypatch, file, "--pick", "99")
    assert "No Dask scheduler answers at" in refused(capsys, monkeypatch, file, "--scheduler", "tcp://127.0.0.1:1", "--force")
    assert "There is no trial 99" in refused(capsys, monkeypatch, file, "--pick", "99")  # the trials are still there
    (tmp_path / "t.yaml").write_text(TEXT.replace("SCAN", FAST).replace("[[2], [3], [4]]", "[]"), encoding="utf-8")
    assert "scan.space.hidden" in refused(capsys, monkeypatch, file)


@pytest.mark.usefixtures("fast")
def test_a_pick_is_a_configuration_of_its_own(tmp_path: Path) -> None:
    config = made(tmp_path)
    result = scan(config, scheduler="none")
    number = result.summary["front"][0]
    chosen = pick(config, tmp_path / "t.yaml", number)
    assert chosen.path == tmp_path / f"t_pick{number}.yaml"
    trial = trials_of(result)[number]
    written = load_config(chosen.path)
    assert written.name == f"t_pick{number}"
    assert list(written.model.hidden) == json.loads(trial["parameters"]["hidden"])
    assert written.training.sparsity == trial["parameters"]["sparsity"]
    assert (written.training.seeds, written.training.candidates) == (2, 1)


#: A scan whose trials take a moment and train nothing, as a process of its own.
SCRIPT = """
import sys, time
from pathlib import Path
from l1ad.search import search
from tests.stages.test_scan import made, stand_in
from l1ad.stages.scan import scan

def slowly(job, place):
    time.sleep(0.2)
    return stand_in(job, place)

search.run_trial = slowly
scan(made(Path(sys.argv[1])), scheduler="none")
"""


@pytest.mark.slow
@pytest.mark.usefixtures("fast")
def test_a_scan_killed_twice_has_the_same_trials(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir(), killed.mkdir()
    expected = trials_of(scan(made(whole), scheduler="none"))
    made(killed)
    trials = killed / "runs" / "t" / "scan_trials" / "trials"
    for number in (2, 6):
        assert run_until_killed(SCRIPT, killed, trials, "*/trial.json", number) < 12
    assert trials_of(scan(made(killed), scheduler="none")) == expected


@pytest.mark.slow
@pytest.mark.usefixtures("fast")
def test_a_cluster_has_the_same_trials(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    expected = trials_of(scan(made(here), scheduler="none"))
    with two_workers() as client:
        assert trials_of(scan(made(there), scheduler=client.scheduler.address)) == expected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_pick_trains_the_same_network_to_the_last_bit_and_the_front_is_proved(tmp_path: Path) -> None:
    from l1ad.stages.train import train

    config = made(tmp_path, "trials: 2, batch: 2, points: 1, strategy: random")
    result = scan(config, scheduler="none")
    (tmp_path / "runs" / "t_pick1").mkdir()
    (tmp_path / "runs" / "t_pick1" / "dataset").symlink_to(tmp_path / "runs" / "t" / "dataset")
    trained = train(load_config(pick(config, tmp_path / "t.yaml", 1).path))
    trial = trials_of(result)[1]
    assert trained.summary["network_digest"] == trial["digest"]
    shrunk = scan(made(tmp_path, "trials: 3, batch: 1, points: 0, strategy: shrink"), scheduler="none")
    last = trials_of(shrunk)[2]
    assert len(last["shrink"]) == 1
    (tmp_path / "runs" / "t_pick2").mkdir()
    (tmp_path / "runs" / "t_pick2" / "dataset").symlink_to(tmp_path / "runs" / "t" / "dataset")
    trained = train(load_config(pick(made(tmp_path), tmp_path / "t.yaml", 2).path))
    assert trained.summary["network_digest"] == last["digest"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_point_of_the_front_is_synthesised_and_equal_everywhere(tmp_path: Path) -> None:
    result = scan(made(tmp_path, "trials: 1, batch: 1, points: 1"), scheduler="none")
    data = json.loads((result.path / "scan.json").read_text(encoding="utf-8"))
    (proof,) = data["proved"].values()
    assert proof["n_different"] == 0
    names = {name for one in proof["agreements"] for name in (one["left"], one["right"])}
    assert {"reference", "emulator", "csim", "rtl", "qkeras", "NETLIST"} <= names
    assert proof["lut"] > 0
    assert (result.path / "points" / "00000" / "report.html").is_file()
    assert 'href="points/00000/report.html"' in (result.path / "scan.html").read_text(encoding="utf-8")


def summing(job: Job, place: Path) -> dict[str, Any]:
    """Make a score without training: the sum of log(1 + pT) over the columns that are read, in steps as coarse as the weights have few bits."""
    model, dataset = job.config.model, load_dataset(job.dataset)
    left_out = columns_left_out(dataset.layout, job.config.scaling.leave_out)
    read = [i for i in dataset.layout.feature_columns("pt") if i not in left_out]
    step = 2.0 ** (4 - model.weight_bits[0])

    def scores(x_hw: Any) -> Any:
        return np.floor(np.log1p(np.asarray(x_hw)[:, read].astype(float)).sum(axis=1) / step).astype(np.int64)

    efficiency = search_jury(dataset, job.config.scan).efficiency(scores, job.fraction)
    lut = 10.0 * len(read) * model.hidden[0] * model.weight_bits[0]
    found = {"efficiency": efficiency, "lut": lut, "latency_ns": 10.0, "efficiencies": [efficiency]}
    return found | {"kept": 0, "weights": 7, "zero_weights": 0.5, "digest": ""}


def test_a_scan_finds_the_one_input_that_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only jets tell signal from background: the best network reads nothing else, and the cheapest of the best has two neurons."""
    monkeypatch.setattr(search, "run_trial", summing)
    made(tmp_path, "trials: 40, batch: 8, startup: 16, points: 0, efficiency: signals")
    rng, n, folder = np.random.default_rng(3), 4000, tmp_path / "runs" / "t" / "dataset"
    plain, layout = np.asarray(load_dataset(folder).x_hw[:3000], dtype=np.int64), load_dataset(folder).layout
    x_hw = plain[rng.integers(0, len(plain), n + 500)]
    jets = layout.feature_columns("pt", "jet")
    x_hw[n:, jets] = rng.integers(900, 1500, (500, len(jets)))
    make_dataset(folder, n, 500, signals=("ttbar",), x_hw=x_hw)
    pt = [f"{slot.kind}.pt" for slot in layout.slots]
    others, angles = [name for name in pt if name != "jet.pt"], ["eta", "phi"]
    choices = [angles, ["jet.pt", *angles], *([name, *angles] for name in others), [*others, *angles], [*pt[:2], *angles]]
    text = (tmp_path / "t.yaml").read_text(encoding="utf-8")
    space = f"hidden: [[2], [3], [4], [8], [16]], weight_bits: [2, 3, 4, 5, 6], leave_out: {json.dumps(choices)}, sparsity: [0.0, 0.0]"
    (tmp_path / "t.yaml").write_text(text[: text.index("space: {")] + f"space: {{{space}}}}}\n", encoding="utf-8")
    result = scan(load_config(tmp_path / "t.yaml"), scheduler="none")
    trials = {trial["number"]: trial for trial in trials_of(result)}
    front = [trials[number] for number in result.summary["front"]]
    best = max(front, key=lambda trial: (trial["efficiency"], -trial["lut"]))
    assert json.loads(best["parameters"]["leave_out"]) == [*others, *angles]
    assert best["parameters"]["hidden"] == "[2]"
    blind = [t["efficiency"] for t in trials.values() if "jet.pt" in t["parameters"]["leave_out"]]
    assert best["efficiency"] > 0.9
    assert max(blind) < 0.3
