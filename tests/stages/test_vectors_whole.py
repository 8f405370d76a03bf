"""Formats with all events in one file go through the command line, out and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import cli
from l1ad.core.dataset import load_dataset
from l1ad.core.network import Threshold
from l1ad.spec import reference
from l1ad.vectors import topo
from l1ad.vectors.answers import answers
from l1ad.vectors.linkmap import absent_columns, load_link_map
from tests.networks import make_events, make_network
from tests.runs_made import TEXT, make_run

N = 120
UGT = make_network("axol1tl57", widths=(6, 3))


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr("sys.argv", ["l1ad", *map(str, words)])
    return cli.main()


@pytest.fixture
def ugt_config(tmp_path: Path) -> Path:
    x_hw = make_events(UGT.layout, N, seed=2)
    x_hw[:, absent_columns(load_link_map("cms_ugt"), UGT.layout)] = 0
    np.save(tmp_path / "x.npy", x_hw)
    cut = int(np.quantile(reference.scores(UGT, x_hw), 0.8))
    make_run(tmp_path, UGT.with_thresholds((Threshold("tight", cut),)), 0)
    path = tmp_path / "tiny.yaml"
    text = TEXT.replace("POLICY", "refuse").replace("l1topo44", "axol1tl57") + "firmware: {board: cms_ugt}\n"
    path.write_text(text, encoding="utf-8")
    return path


def test_global_trigger_vectors_are_written_and_verified(
    ugt_config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, played = ugt_config.parent / "out", ugt_config.parent / "x.npy"
    assert run(monkeypatch, "vectors", ugt_config, "--format", "ugt", "-o", out, "--events", played) == 0
    words = ("verify", ugt_config, "--played", played, "--json", "--capture")
    capsys.readouterr()
    assert run(monkeypatch, *words, out / "vectors.txt") == 0
    assert json.loads(capsys.readouterr().out)["events"] == N
    lines = (out / "vectors.txt").read_text(encoding="ascii").splitlines()
    x_hw = np.load(played).astype(np.int64)
    bits = [line.split()[58][-1] for line in lines]
    assert bits == [str(bit) for bit in answers(UGT.with_thresholds(_thresholds(x_hw)), x_hw)[:, 1]]
    for fault, message in (
        (
            _with(lines, 7, 58, "0" * 127 + "10"["01".index(bits[7])]),
            f"first event 7: expected trigger bit 'tight' {bits[7]}, got",
        ),
        (_with(lines, 9, 9, "00000001"), "first event 9: expected eg[0]."),
        (lines[:50], "holds 50 of 120 events"),
        (["0000 " + "0" * 16 + lines[0][21:], *lines[:-1]], "one crossing late"),
    ):
        (out.parent / "c.txt").write_text("\n".join(fault) + "\n", encoding="ascii")
        assert run(monkeypatch, *words, out.parent / "c.txt") == (2 if len(fault) < N else 1)
        assert message in capsys.readouterr().err


def _thresholds(x_hw: np.ndarray) -> tuple[Threshold, ...]:  # type: ignore[type-arg]
    return (Threshold("tight", int(np.quantile(reference.scores(UGT, x_hw), 0.8))),)


def _with(lines: list[str], line: int, word: int, text: str) -> list[str]:
    words = lines[line].split()
    words[word] = text
    return [*lines[:line], " ".join(words), *lines[line + 1 :]]


def test_muon_fields_swapped_in_the_global_trigger_are_named(
    ugt_config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, played = ugt_config.parent / "out", ugt_config.parent / "x.npy"
    assert run(monkeypatch, "vectors", ugt_config, "--format", "ugt", "-o", out, "--events", played) == 0
    lines = (out / "vectors.txt").read_text(encoding="ascii").splitlines()
    changed = []
    for line in lines:
        words = line.split()
        for i in range(1, 9):
            word = int(words[i], 16)
            eta, phi = word >> 23 & 0x1FF, word & 0x3FF
            eta -= (eta >> 8) << 9
            words[i] = f"{word & ~(0x1FF << 23 | 0x3FF) | (phi & 0x1FF) << 23 | eta & 0x3FF:016x}"
        changed.append(" ".join(words))
    (out.parent / "c.txt").write_text("\n".join(changed) + "\n", encoding="ascii")
    assert run(monkeypatch, "verify", ugt_config, "--played", played, "--capture", out.parent / "c.txt") == 1
    assert f"cause: eta and phi swapped in muon (explains {N} of {N} events)" in capsys.readouterr().err


def test_topo_events_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network("l1topo44")
    make_run(tmp_path, network, N)
    path = tmp_path / "tiny.yaml"
    path.write_text(TEXT.replace("POLICY", "refuse"), encoding="utf-8")
    assert run(monkeypatch, "vectors", path, "--format", "topo", "-o", tmp_path / "out") == 0
    x_hw = np.asarray(load_dataset(tmp_path / "runs/tiny/dataset").x_hw, dtype=np.int64)
    found = topo.read((tmp_path / "out/events.txt").read_text(encoding="ascii"), "x")
    assert found == tuple(topo.events_of(network.layout, x_hw))
    listing = np.loadtxt(tmp_path / "out/expected.csv", delimiter=",", skiprows=1, dtype=np.int64)
    np.testing.assert_array_equal(listing[:, 1], reference.scores(network, x_hw))


def test_topo_events_are_read_back_and_faults_in_them_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network = make_network("l1topo44")
    make_run(tmp_path, network, N)
    path, dump = tmp_path / "tiny.yaml", tmp_path / "c.txt"
    path.write_text(TEXT.replace("POLICY", "refuse"), encoding="utf-8")
    assert run(monkeypatch, "vectors", path, "--format", "topo", "-o", tmp_path / "out") == 0
    capsys.readouterr()
    assert run(monkeypatch, "verify", path, "--json", "--capture", tmp_path / "out/events.txt") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["events"], [(f["exact"], f["n_different"]) for f in found["files"]]) == (N, [(True, 0)])
    x_hw = np.asarray(load_dataset(tmp_path / "runs/tiny/dataset").x_hw, dtype=np.int64)
    events = list(topo.events_of(network.layout, x_hw))
    swapped = [
        replace(e, objects=e.objects | {"muon": tuple((pt, phi, eta) for pt, eta, phi in e.objects["muon"])}) for e in events
    ]
    odd = next(i for i, event in enumerate(events) if i > 30 and event.objects["met"])
    (ex, ey, et), moved = events[odd].objects["met"][0], list(events)
    moved[odd] = replace(events[odd], objects=events[odd].objects | {"met": ((ex, ey + 1, et),)})
    for fault, message in (
        (
            events[1:],
            f"holds {N - 1} of {N} events, 0 of them differ; the first begins at frame -1, not 0; cause: one crossing early",
        ),
        ([events[5], *events[:-1]], "cause: one crossing late"),
        (events[:70], f"cause: the capture ends after 70 of {N} events"),
        (moved, f"1 of them differ; first event {odd}: expected met[0].ey {ey}, got {ey + 1};"),
        (swapped, "; cause: eta and phi swapped in muon (explains "),
    ):
        dump.write_text("".join(topo.write(network.layout, fault)), encoding="ascii")
        assert run(monkeypatch, "verify", path, "--capture", dump) == (2 if fault == events[:70] else 1)
        assert message in capsys.readouterr().err
    many = [replace(events[0], objects=events[0].objects | {"jet": ((1, 1, 0, 0),) * 7})]
    for text, message in (
        ("".join(topo.write(network.layout, many)), "has 7 objects in a block 'jet', layout 'l1topo44' 6"),
        ("".join(topo.write(network.layout, events[:3]))[:-20], "it was cut off"),
    ):
        dump.write_text(text, encoding="ascii")
        assert run(monkeypatch, "verify", path, "--capture", dump) == 2
        assert message in capsys.readouterr().err


def test_a_board_without_algorithms_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path, make_network("l1topo44"), N)
    path = tmp_path / "tiny.yaml"
    path.write_text(TEXT.replace("POLICY", "refuse"), encoding="utf-8")
    assert run(monkeypatch, "vectors", path, "--format", "ugt", "-o", tmp_path / "out") == 2
    assert "need a link map with 'first_algorithm'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
