import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.config import Config, parse_config
from l1ad.core.dataset import Role, Split, load_dataset
from l1ad.core.errors import InputError, LayoutError
from l1ad.data import execute, part
from l1ad.data.readers import gelato
from l1ad.stages.prepare import PrepareResult, prepare
from tests.cluster import run_and_kill_a_worker, run_until_killed, two_workers
from tests.event_files import event_columns, write_fortymhz, write_gelato


def config(folder: Path, layout: str = "l1topo44", **data: object) -> Config:
    text = f"""
name: tiny
layout: {layout}
runs: runs
model: {{kind: vae}}
score: {{kind: latent_l2}}
data:
  background: {{zb: {{files: [zb1.h5, zb2.h5], label: Zero bias}}}}
  signals: {{tt: tt.h5}}
"""
    return parse_config(text + "".join(f"  {key}: {value}\n" for key, value in data.items()), "tiny.yaml", folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("zb1", "zb2", "tt")):
        write_gelato(tmp_path / f"{name}.h5", 200, seed * 10)
    with h5py.File(tmp_path / "zb2.h5", "a") as file:
        file["run_number"][:] = 8
    return tmp_path


def test_every_event_is_there_in_order(folder: Path) -> None:
    result = prepare(config(folder))
    dataset = load_dataset(result.path)
    assert result.fresh
    assert dataset.n_events == 600
    jets = write_gelato(folder / "again.h5", 200, 10)[0]["jet"]
    np.testing.assert_array_equal(dataset.x_hw[200:400, :18], jets.reshape(200, -1))
    np.testing.assert_array_equal(dataset.column("weight")[400:], event_columns(200)["weight"].astype(np.float64))
    np.testing.assert_array_equal(dataset.column("event")[:400], np.tile(np.arange(200), 2))
    assert dataset.menu_items == ("A", "B")
    assert [sample.label for sample in dataset.samples] == ["Zero bias", "tt"]


def test_the_background_is_shared_out_and_signals_are_for_testing(folder: Path) -> None:
    result = prepare(config(folder, split="{train: 0.6, validation: 0.2, test: 0.2}"))
    dataset = load_dataset(result.path)
    events = result.summary["events"]
    assert sum(events["zb"].values()) == 400
    assert 200 < events["zb"]["train"] < 280
    assert events["tt"] == {"train": 0, "validation": 0, "test": 200}
    assert len(dataset.rows(role=Role.BACKGROUND, split=Split.TRAIN)) == events["zb"]["train"]


def test_nothing_is_done_twice(folder: Path) -> None:
    first = prepare(config(folder))
    again = prepare(config(folder))
    assert not again.fresh
    assert again.to_dict() == first.to_dict() | {"fresh": False}
    assert prepare(config(folder), force=True).fresh


def test_a_changed_file_is_prepared_again(folder: Path) -> None:
    prepare(config(folder))
    write_gelato(folder / "tt.h5", 100, 77)
    assert prepare(config(folder)).summary["n_events"] == 500


def test_the_number_of_events_of_a_sample_can_be_limited(folder: Path) -> None:
    summary = prepare(config(folder, max_events=250)).summary
    assert {name: sum(parts.values()) for name, parts in summary["events"].items()} == {"zb": 250, "tt": 200}


def test_duplicates_are_found_and_fall_into_one_part(folder: Path) -> None:
    (folder / "zb2.h5").write_bytes((folder / "zb1.h5").read_bytes())
    with h5py.File(folder / "tt.h5", "a") as file:
        file["run_number"][:] = 9
    result = prepare(config(folder))
    assert result.summary["duplicates"] == 200
    split = load_dataset(result.path).column("split")
    np.testing.assert_array_equal(split[:200], split[200:400])


def test_both_levels_of_one_file_share_the_partition(folder: Path) -> None:
    level1 = load_dataset(prepare(config(folder)).path).column("split")[:]
    software = load_dataset(prepare(config(folder, layout="gelato60")).path).column("split")[:]
    np.testing.assert_array_equal(level1, software)


def test_columns_that_a_file_lacks_are_left_out_and_weights_become_one(folder: Path) -> None:
    with h5py.File(folder / "tt.h5", "a") as file:
        del file["EB_weights"]
        del file["mu"]
    dataset = load_dataset(prepare(config(folder)).path)
    assert "pileup" not in dataset.columns
    assert (dataset.column("weight")[400:] == 1).all()


def overflow(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["L1_MET"][5, 0] = 4000.0


def test_values_out_of_range_are_refused_or_clipped_and_counted(folder: Path) -> None:
    overflow(folder / "tt.h5")
    with pytest.raises(InputError, match=r"tt\.h5: 1 values of met pt are outside the hardware range \[0, 32767\]"):
        prepare(config(folder))
    result = prepare(config(folder, out_of_range="clip"))
    assert result.summary["out_of_range"] == {"met.pt": 1}
    assert load_dataset(result.path).x_hw[405, 42] == 32767


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_impossible_weights_are_refused_and_nothing_is_written(folder: Path, bad: float) -> None:
    with h5py.File(folder / "zb1.h5", "a") as file:
        file["EB_weights"][17] = bad
    with pytest.raises(
        InputError,
        match=rf"zb1\.h5' has the weight {bad:g} at event 17; weights must be finite and not negative: give the sample",
    ):
        prepare(config(folder))
    assert not (folder / "runs").exists()


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "zb2.h5").unlink()
    with pytest.raises(InputError, match=r"^There is no file '.*zb2\.h5'; check the path"):
        prepare(config(folder))


def test_a_truncated_file_is_named_and_nothing_is_written(folder: Path) -> None:
    whole = (folder / "zb2.h5").read_bytes()
    (folder / "zb2.h5").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError, match=r"zb2\.h5' cannot be read as HDF5"):
        prepare(config(folder))
    assert not (folder / "runs").exists()


def test_an_unknown_layout_is_refused(folder: Path) -> None:
    with pytest.raises(LayoutError, match=r"^There is no layout 'l1topo43'; did you mean 'l1topo44'"):
        prepare(config(folder, layout="l1topo43"))


def test_another_number_of_objects_is_refused(folder: Path) -> None:
    with h5py.File(folder / "tt.h5", "a") as file:
        del file["L1_jFexSR_jets"]
        file["L1_jFexSR_jets"] = np.zeros((200, 4, 3))
    with pytest.raises(InputError, match=r"tt\.h5: the layout needs 6 objects of kind 'jet', the file has room for 4; choose"):
        prepare(config(folder))


def test_a_file_without_events_is_refused(folder: Path) -> None:
    write_fortymhz(folder / "tt.h5", 0)
    with pytest.raises(InputError, match=r"tt\.h5' has no events; remove it from sample 'tt'\.$"):
        prepare(config(folder, layout="fortymhz57"))


def test_files_of_different_menus_are_refused(folder: Path) -> None:
    with h5py.File(folder / "tt.h5", "a") as file:
        file.attrs["L1_menu_items"] = ["A", "C"]
    with pytest.raises(
        InputError, match=r"^The files were made with 2 different trigger menus; prepare those of one menu together\.$"
    ):
        prepare(config(folder))


def test_files_without_identity_are_shared_out_by_their_order(folder: Path) -> None:
    for name in ("zb1", "zb2", "tt"):
        with h5py.File(folder / f"{name}.h5", "a") as file:
            del file["event_number"]
    result = prepare(config(folder))
    assert result.summary["duplicates"] is None
    split = load_dataset(result.path).column("split")
    assert (split[:200] != split[200:400]).any()


def truncate(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def test_bad_files_are_skipped_and_listed_on_demand(folder: Path) -> None:
    truncate(folder / "zb2.h5")
    with h5py.File(folder / "tt.h5", "a") as file:
        file["L1_MET"][3] = 20.0, 0.0, np.nan
    with pytest.raises(InputError, match=r"zb2\.h5' cannot be read"):
        prepare(config(folder))
    result = prepare(config(folder), skip_bad=True)
    assert result.summary["n_events"] == 200
    reasons = {Path(path).name: reason for path, reason in result.summary["skipped"].items()}
    assert set(reasons) == {"zb2.h5", "tt.h5"}
    assert "has nan at event 3" in reasons["tt.h5"]
    with pytest.raises(InputError, match=r"zb2\.h5' cannot be read"):
        prepare(config(folder))


def test_if_all_files_are_bad_nothing_is_written(folder: Path) -> None:
    for name in ("zb1", "zb2", "tt"):
        truncate(folder / f"{name}.h5")
    with pytest.raises(
        InputError, match=r"^None of the 3 files can be used; the first was refused because: '.*zb1\.h5' cannot be read"
    ):
        prepare(config(folder), skip_bad=True)
    assert not (folder / "runs").exists()


def test_training_can_be_on_events_that_fail_level_one(folder: Path) -> None:
    result = prepare(config(folder, select="{train_on: failing_l1}"))
    dataset = load_dataset(result.path)
    training = dataset.column("split") != Split.TEST
    assert not dataset.column("pass_l1")[training].any()
    assert dataset.column("pass_l1")[~training].any()
    assert result.summary["deselected"] == 600 - dataset.n_events > 0


def test_events_can_be_selected_by_pileup(folder: Path) -> None:
    dataset = load_dataset(prepare(config(folder, select="{pileup_above: 49.5}")).path)
    assert dataset.column("pileup").min() == 50
    assert dataset.n_events == 3 * int((event_columns(200)["pileup"] > 49.5).sum())


def test_a_cut_on_a_column_that_is_not_there_is_refused(folder: Path) -> None:
    with h5py.File(folder / "zb2.h5", "a") as file:
        del file["mu"]
    with pytest.raises(
        InputError, match=r"zb2\.h5 has no column 'pileup', which data\.select\.pileup_above needs; leave the cut out"
    ):
        prepare(config(folder, select="{pileup_above: 0.0}"))


def test_objects_below_threshold_are_left_out_and_others_move_up(folder: Path) -> None:
    dataset = load_dataset(prepare(config(folder, select="{min_pt_gev: {jet: 1000.0}}")).path)
    jets = write_gelato(folder / "again.h5", 200, 0)[0]["jet"]
    for row, objects in zip(dataset.x_hw[:200, :18].reshape(200, 6, 3), jets, strict=True):
        kept = objects[objects[:, 0] >= 10_000]
        np.testing.assert_array_equal(row[: len(kept)], kept)
        assert (row[len(kept) :] == 0).all()


def test_objects_can_be_sorted(folder: Path) -> None:
    x_hw = load_dataset(prepare(config(folder, select="{sort_by_pt: true}")).path).x_hw
    assert (np.diff(x_hw[:, 0:18:3], axis=1) <= 0).all()


def test_a_threshold_for_an_unknown_object_is_refused(folder: Path) -> None:
    with pytest.raises(LayoutError, match=r"has no object 'jets'; did you mean 'jet'"):
        prepare(config(folder, select="{min_pt_gev: {jets: 1.0}}"))


def test_no_scheduler_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"^No Dask scheduler answers at 'nonsense://x' \(.*\); start one or give 'local'\.$"):
        prepare(config(folder), scheduler="nonsense://x")


def digest(result: PrepareResult) -> str:
    return load_dataset(result.path).digest


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Split files into pieces of 25 events; the files' own blocks are larger and are cut."""
    monkeypatch.setattr(execute, "PIECE_EVENTS", 25)
    monkeypatch.setattr(gelato, "block", lambda data: None)


@pytest.mark.usefixtures("small_pieces")
def test_a_stopped_run_goes_on_with_the_next_piece(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, int]] = []
    plain, stop = part._write, True

    def stopping(job: part.Job, place: Path) -> part.PartSummary:
        if stop and len(made) == 10:
            raise KeyboardInterrupt
        made.append((job.path.name, job.events.start))
        return plain(job, place)

    monkeypatch.setattr(part, "_write", stopping)
    with pytest.raises(KeyboardInterrupt):
        prepare(config(folder))
    assert not (folder / "runs" / "tiny" / "dataset").exists()
    stop = False
    result = prepare(config(folder))
    assert made == [(name, n) for name in ("zb1.h5", "zb2.h5", "tt.h5") for n in range(0, 200, 25)]
    monkeypatch.undo()
    assert digest(prepare(config(folder), force=True)) == digest(result)
    assert [path.name for path in (folder / "runs" / "tiny").iterdir()] == ["dataset"]


_KILLED = """
import sys
from pathlib import Path
from l1ad.data import execute
from l1ad.data.readers import gelato
from l1ad.stages.prepare import prepare
from tests.stages.test_prepare import config
execute.PIECE_EVENTS, gelato.block = 25, lambda data: None
prepare(config(Path(sys.argv[1])))
"""


@pytest.mark.usefixtures("small_pieces")
def test_a_killed_run_goes_on_and_ends_with_the_same_dataset(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = run_until_killed(_KILLED, folder, folder / "runs" / "tiny", ".dataset.*.partial/parts/*[0-9]/part.json", 4)
    made = []
    plain = part._write
    monkeypatch.setattr(part, "_write", lambda job, place: made.append(job.events) or plain(job, place))
    result = prepare(config(folder))
    assert len(made) == 24 - begun
    monkeypatch.undo()
    assert digest(prepare(config(folder), force=True)) == digest(result)


@pytest.mark.usefixtures("small_pieces")
def test_a_killed_worker_loses_nothing(folder: Path) -> None:
    serial = digest(prepare(config(folder)))
    with two_workers() as client:
        result, pid = run_and_kill_a_worker(client, lambda address: prepare(config(folder), force=True, scheduler=address))
        assert pid not in client.run(os.getpid).values()
    assert digest(result) == serial


@pytest.mark.slow
def test_a_local_cluster_gives_the_same_dataset(folder: Path) -> None:
    serial = digest(prepare(config(folder)))
    assert digest(prepare(config(folder), force=True, scheduler="local")) == serial
