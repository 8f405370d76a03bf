"""The files that are played and those that are answered hold the events, the scores and the trigger bits, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from l1ad import cli
from l1ad.core.dataset import load_dataset
from l1ad.core.network import Network, Threshold
from l1ad.spec import reference
from l1ad.vectors.answers import answer_widths, answers, input_widths
from l1ad.vectors.formats import FORMATS, read_frames
from l1ad.vectors.linkmap import input_pieces, load_link_map, output_pieces
from l1ad.vectors.packing import unpack
from tests.networks import make_events, make_network
from tests.runs_made import TEXT, make_run

LINKS = load_link_map("l1topo")


def network() -> Network:
    made = make_network("l1topo44")
    scores = reference.scores(made, make_events(made.layout, 400, seed=11))
    return made.with_thresholds(tuple(Threshold(n, int(np.quantile(scores, q))) for n, q in (("loose", 0.5), ("tight", 0.9))))


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["l1ad", *map(str, words)])
    return cli.main()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    make_run(tmp_path, network(), 400)
    path = tmp_path / "tiny.yaml"
    path.write_text(TEXT.replace("POLICY", "refuse"), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_all_events_scores_and_bits_are_in_the_files(
    name: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = config.parent / "out"
    assert run(monkeypatch, "vectors", config, "--format", name, "-o", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["events"], told["files"], told["public"]) == (400, 6, "none")
    net = network()
    x_hw = np.asarray(load_dataset(config.parent / "runs/tiny/dataset").x_hw)
    pieces, answer = input_pieces(LINKS, net.layout), output_pieces(LINKS, answer_widths(net)[0][0], 2)
    played, answered = [], []
    for i in range(3):
        found, frames = read_frames(next(out.glob(f"input_{i:04d}.*")))
        assert found == name
        assert frames.n_frames <= 1024
        played.append(unpack(LINKS, pieces, input_widths(net), frames))
        _, frames = read_frames(next(out.glob(f"output_{i:04d}.*")))
        assert frames.n_frames <= 1024
        assert not frames.flags[:6].any()
        answered.append(unpack(LINKS, answer, answer_widths(net), frames, 6))
    np.testing.assert_array_equal(np.concatenate(played), x_hw)
    np.testing.assert_array_equal(np.concatenate(answered), answers(net, x_hw))
    listing = np.loadtxt(out / "expected.csv", delimiter=",", skiprows=1, dtype=np.int64)
    np.testing.assert_array_equal(listing, np.column_stack([np.arange(400), answers(net, x_hw)]))
    assert (out / "expected.csv").read_text().startswith("event,score,loose,tight\n")
    assert 0 < answers(net, x_hw)[:, 2].sum() < answers(net, x_hw)[:, 1].sum() < 400


def test_nothing_is_done_twice_and_a_count_is_taken(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("vectors", config, "--format", "memh", "-o", config.parent / "out", "--json")
    fresh = []
    for more in ((), (), ("--count", 7)):
        assert run(monkeypatch, *words, *more) == 0
        fresh.append(json.loads(capsys.readouterr().out))
    assert [one["fresh"] for one in fresh] == [True, False, True]
    assert [one["events"] for one in fresh] == [400, 400, 7]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "empv3"), "There is no vector format 'empv3'; did you mean 'empv2' or 'empv1'?"),
        (("--format", "apx", "--count", "401"), "Expected 401 events of"),
        (("--format", "apx", "--count", "0"), "Expected 0 events of"),
        (("--format", "apx", "--events", "nothing"), "found no manifest.json there"),
        (("--format", "apx", "--events", "nothing.npy"), "Cannot read 'nothing.npy' as a NumPy array"),
        (("--format", "apx", "--links", "nothing.yaml"), "Cannot read the link map 'nothing.yaml'"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    words: tuple[str, ...], message: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(config.parent.iterdir())
    assert run(monkeypatch, "vectors", config, "-o", config.parent / "out", *words) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
    assert sorted(config.parent.iterdir()) == before


def test_a_map_without_an_object_and_a_value_without_bits_are_refused(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = yaml.safe_load((Path(__file__).parents[2] / "l1ad/links/l1topo.yaml").read_text(encoding="utf-8"))
    links = config.parent / "links.yaml"
    words = ("vectors", config, "--format", "apx", "-o", config.parent / "out", "--links", links)
    del shipped["fill_links"]
    places = {kind: [[i, f] for f in range(n)] for i, (kind, n) in enumerate([("jet", 6), ("tau", 4), ("muon", 4), ("met", 1)])}
    for change, message in (
        ({"places": {k: v for k, v in places.items() if k != "tau"}}, "leaves out the object 'tau'"),
        ({"places": places, "absent": {"met": ["phi"]}, "fields": {"met": {"pt": [0, 15]}}}, "has met[0].phi_hw = "),
    ):
        links.write_text(yaml.safe_dump(shipped | change), encoding="utf-8")
        assert run(monkeypatch, *words) == 2
        assert message in capsys.readouterr().err
        assert not (config.parent / "out").exists()
    links.write_text(yaml.safe_dump(shipped | {"places": places}), encoding="utf-8")
    assert run(monkeypatch, *words) == 0
