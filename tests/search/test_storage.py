"""A scan's trials on disk: killed while a line was written, of another scan, damaged."""

import pytest

from l1ad.core.errors import ArtefactError, InputError
from l1ad.search.pick import find_trial
from l1ad.search.space import Space
from l1ad.search.storage import JOURNAL, Storage, Trial

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
SPACE = Space({"hidden": ("[2]", "[4]")}, {"sparsity": (0.0, 0.5)})
ABOUT = {"dataset": "d" * 64, "scan": "s" * 64}
FOUND = {"efficiency": 0.5, "lut": 100.0, "latency_ns": 9.5, "efficiencies": [0.5], "digest": "f" * 64}
DONE = Trial(1, {"hidden": "[2]", "sparsity": 0.25}, (0.5,), FOUND)
FAILED = Trial(0, {"hidden": "[4]", "sparsity": 0.0}, (), {}, "the loss diverged.")


def filled(folder) -> Storage:
    storage = Storage.open(folder, SPACE, ABOUT)
    for trial in (DONE, FAILED):
        storage.add(trial)
    return storage


def test_trials_are_kept_in_order_with_what_they_found_or_why_they_failed(tmp_path):
    filled(tmp_path)
    again = Storage.open(tmp_path, SPACE, ABOUT)
    assert again.trials() == (FAILED, DONE)
    assert [len(again.study.best_trials), again.study.best_trials[0].values] == [1, [0.5, 100.0, 9.5]]


def test_a_line_that_was_cut_off_by_a_kill_does_not_count(tmp_path):
    filled(tmp_path)
    journal = tmp_path / JOURNAL
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for end in range(last, len(whole)):
        journal.write_bytes(whole[:end])
        storage = Storage.open(tmp_path, SPACE, ABOUT)
        assert storage.trials() == (DONE,)
    storage.add(FAILED)
    assert Storage.open(tmp_path, SPACE, ABOUT).trials() == (FAILED, DONE)


def test_a_lock_of_a_process_that_was_killed_does_not_hold_up(tmp_path):
    filled(tmp_path)
    (tmp_path / f"{JOURNAL}.lock").touch()
    assert len(Storage.open(tmp_path, SPACE, ABOUT).trials()) == 2


@pytest.mark.parametrize("name", ["dataset", "scan"])
def test_trials_of_another_scan_or_dataset_are_refused(tmp_path, name):
    filled(tmp_path)
    with pytest.raises(
        InputError,
        match=rf"^The trials at '.*' are of another {name} \(digest {name[0] * 12}, this one's is 0{{12}}\); give scan\.storage another "
        r"folder, or begin again with --force\.$",
    ):
        Storage.open(tmp_path, SPACE, ABOUT | {name: "0" * 64})
    assert Storage.open(tmp_path, SPACE, ABOUT | {name: "0" * 64}, fresh=True).trials() == ()


def test_a_damaged_journal_is_named(tmp_path):
    filled(tmp_path)
    (tmp_path / JOURNAL).write_text("no journal\n" * 3, encoding="utf-8")
    with pytest.raises(
        ArtefactError, match=r"^'.*study\.journal' is damaged or no journal of a scan \(.*\); run the scan with --force, or .*\.$"
    ):
        Storage.open(tmp_path, SPACE, ABOUT)


def test_a_pick_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"^There are no trials at '.*'; run 'l1ad scan' first\.$"):
        Storage.read(tmp_path / "none", SPACE, ABOUT)
    storage = filled(tmp_path / "some")
    assert find_trial(storage, 1) == DONE
    with pytest.raises(InputError, match=r"^There is no trial 7 in the scan at '.*': it has 0 to 1; give one of these\.$"):
        find_trial(storage, 7)
    with pytest.raises(InputError, match=r"^Trial 0 gave no network: the loss diverged; give another one\.$"):
        find_trial(storage, 0)
