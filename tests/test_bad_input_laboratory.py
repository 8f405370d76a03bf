"""What goes wrong at the laboratory: link maps, prescale tables, thresholds and Parquet files that are not the right ones, through the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from l1ad import cli
from l1ad.core.artefact import writing
from l1ad.core.network import Threshold
from l1ad.core.scoreset import Source
from l1ad.core.thresholds import ThresholdsFile
from l1ad.vectors.linkmap import load_link_map, plain
from tests.datasets_made import make_dataset, make_scores, pt_sum
from tests.networks import make_network
from tests.runs_made import TEXT, make_run

NETWORK = make_network("l1topo44", (2, 2), zero_fraction=0.9)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_run(tmp_path, NETWORK, 60)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> str:
    """Run a command that must end with exit code 2, one sentence and no new file."""
    before = set(folder.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["l1ad", *arguments])
    assert cli.main() == 2
    text = capsys.readouterr().err
    assert text.startswith("l1ad: ")
    assert text.count("\n") == 1
    assert set(folder.rglob("*")) == before
    return text


def test_a_link_map_that_leaves_an_object_out(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "tiny.yaml").write_text(TEXT.replace("POLICY", "refuse"))
    data = plain(load_link_map("cms_ugt")) | {"places": {"jet": [[0, i] for i in range(6)]}, "absent": {}, "fields": {}}
    (place / "short.yaml").write_text(yaml.safe_dump(data))
    for command in (("vectors", "tiny.yaml", "--format", "empv2", "-o", "out"), ("verify", "tiny.yaml", "--capture", "dump.txt")):
        (place / "dump.txt").write_text("ID: x\n")
        text = refused(capsys, monkeypatch, place, *command, "--links", "short.yaml")
        assert "leaves out the object " in text or "dump.txt" in text


def test_thresholds_of_another_network(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "thresholds.yaml").write_text(ThresholdsFile("0" * 64, (Threshold("a", 3),)).text("t", [""]))
    config = TEXT.replace("POLICY", "refuse") + "firmware: {thresholds_file: thresholds.yaml}\n"
    (place / "tiny.yaml").write_text(config)
    for command in (
        ("emulator", "tiny.yaml"),
        ("convert", "tiny.yaml"),
        ("score", "runs/tiny/dataset", "-c", "tiny.yaml", "-o", "s.h5"),
    ):
        text = refused(capsys, monkeypatch, place, *command)
        assert (
            f"The thresholds in 'thresholds.yaml' were found for network 000000000000, this one is {NETWORK.digest[:12]}; run"
            in text
        )


def test_a_prescale_table_without_the_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = TEXT.replace("POLICY", "refuse") + "rates: {prescales: t.csv, prescale_column: 2p0E34}\n"
    (tmp_path / "tiny.yaml").write_text(config)
    (tmp_path / "t.csv").write_text("Index,Name,1p8E34\n1,L1_MU20,1\n")
    dataset = make_dataset(tmp_path / "runs" / "tiny" / "dataset")
    with writing(tmp_path / "runs" / "tiny" / "csim", "csim", key="k", inputs={}, config={}) as draft:
        make_scores(dataset, pt_sum(dataset), Source.CSIM).save(draft.path)
    for command in (("rates", "tiny.yaml"),):
        text = refused(capsys, monkeypatch, tmp_path, *command)
        assert "t.csv' has no prescale column '2p0E34'; " in text
        assert "'1p8E34'" in text


def test_parquet_without_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    lists = pa.array([[1], []], pa.list_(pa.int16()))
    parquet.write_table(
        pa.table({"jets_jetIEt": lists, "jets_jetIPhi": lists, "MET_Et": lists, "MET_phi": lists}), tmp_path / "a.parquet"
    )
    text = "name: tiny\nlayout: axol1tl57\nruns: runs\ndata: {background: {zb: a.parquet}}\nmodel: {kind: vae}\nscore: {kind: latent_l2}\n"
    (tmp_path / "tiny.yaml").write_text(text)
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    assert "has no column '" in refused(capsys, monkeypatch, tmp_path, "prepare", "tiny.yaml")
