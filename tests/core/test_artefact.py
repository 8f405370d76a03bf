import errno
import json
from pathlib import Path

import pytest

from l1ad.core import artefact, provenance
from l1ad.core.errors import ArtefactError
from l1ad.core.imports import closure


def write(target: Path, text: str = "one", *, key: str = "a" * 64, resumable: bool = False) -> None:
    with artefact.writing(target, "thing", key=key, inputs={"in": "d"}, config={"x": 1}, seed=3, resumable=resumable) as draft:
        (draft.path / "data.txt").write_text(text)
        draft.summary["n"] = 1


def interrupted(target: Path, *, resumable: bool) -> None:
    with artefact.writing(target, "thing", key="c" * 64, inputs={}, config={}, resumable=resumable) as draft:
        assert not draft.resumed
        (draft.path / "data.txt").write_text("half")
        raise KeyboardInterrupt


def test_an_artefact_is_written_whole_and_read_back(tmp_path: Path) -> None:
    write(tmp_path / "thing")
    manifest = artefact.read_manifest(tmp_path / "thing", "thing")
    assert (manifest.kind, manifest.inputs, manifest.config, manifest.seed) == ("thing", {"in": "d"}, {"x": 1}, 3)
    assert manifest.summary == {"n": 1}
    assert "python" in manifest.versions
    assert manifest.digest == artefact.folder_digest(tmp_path / "thing")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thing"]


def test_writing_again_replaces_and_equal_content_has_an_equal_digest(tmp_path: Path) -> None:
    write(tmp_path / "thing")
    first = artefact.read_manifest(tmp_path / "thing")
    write(tmp_path / "thing", "two", key="b" * 64)
    assert artefact.read_manifest(tmp_path / "thing").digest != first.digest
    write(tmp_path / "thing")
    assert artefact.read_manifest(tmp_path / "thing") == first


def test_an_exception_leaves_the_old_artefact_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "thing")
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "thing", resumable=False)
    assert (tmp_path / "thing" / "data.txt").read_text() == "one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thing"]


def test_folders_made_for_what_failed_go_too(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "runs" / "name" / "thing", resumable=False)
    assert not list(tmp_path.iterdir())
    (tmp_path / "runs").mkdir()
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "runs" / "name" / "thing", resumable=False)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert not list((tmp_path / "runs").iterdir())


def test_a_resumable_stage_finds_its_checkpoints(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    with pytest.raises(KeyboardInterrupt):
        interrupted(target, resumable=True)
    assert not target.exists()
    with artefact.writing(target, "thing", key="c" * 64, inputs={}, config={}, resumable=True) as draft:
        assert draft.resumed
        assert (draft.path / "data.txt").read_text() == "half"
    assert target.is_dir()


def test_another_key_starts_clean(tmp_path: Path) -> None:
    stale = tmp_path / f".thing.{'c' * 16}.partial"
    stale.mkdir()
    with artefact.writing(tmp_path / "thing", "thing", key="d" * 64, inputs={}, config={}, resumable=True) as draft:
        assert not draft.resumed
    assert not stale.exists()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(
            ArtefactError, match=r"^Could not write .*: No space left on device; free some disk space or choose another place\.$"
        ),
        artefact.writing(tmp_path / "thing", "thing", key="e" * 64, inputs={}, config={}),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "thesis.tex").write_text("years of work")
    with pytest.raises(ArtefactError, match=r"exists and is not an artefact of this project; move it away"):
        write(tmp_path / "thing")
    assert (tmp_path / "thing" / "thesis.tex").read_text() == "years of work"


def test_what_is_no_artefact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"^Expected a 'model' artefact at .*, found no manifest\.json there"):
        artefact.read_manifest(tmp_path, "model")
    write(tmp_path / "thing")
    with pytest.raises(
        ArtefactError, match=r"^Expected a 'model' artefact at .*, got one of kind 'thing'; give the right folder\.$"
    ):
        artefact.read_manifest(tmp_path / "thing", "model")
    file = tmp_path / "thing" / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"spec_version": 99}))
    with pytest.raises(ArtefactError, match=r"has format version 99, this version of l1ad reads up to 1; update l1ad\.$"):
        artefact.read_manifest(tmp_path / "thing")
    file.write_text("{")
    with pytest.raises(ArtefactError, match=r"is not a manifest of this project; remove the folder"):
        artefact.read_manifest(tmp_path / "thing")


def test_keys_and_currency(tmp_path: Path) -> None:
    key = artefact.stage_key("thing", {"in": "d"}, {"x": 1}, 3, "code")
    assert key == artefact.stage_key("thing", {"in": "d"}, {"x": 1}, 3, "code")
    others = [
        artefact.stage_key("other", {"in": "d"}, {"x": 1}, 3, "code"),
        artefact.stage_key("thing", {"in": "e"}, {"x": 1}, 3, "code"),
        artefact.stage_key("thing", {"in": "d"}, {"x": 2}, 3, "code"),
        artefact.stage_key("thing", {"in": "d"}, {"x": 1}, 4, "code"),
        artefact.stage_key("thing", {"in": "d"}, {"x": 1}, 3, "other code"),
    ]
    assert len({key, *others}) == 6
    assert not artefact.is_current(tmp_path / "thing", "thing", key)
    write(tmp_path / "thing", key=key)
    assert artefact.is_current(tmp_path / "thing", "thing", key)
    assert not artefact.is_current(tmp_path / "thing", "thing", others[0])


def test_the_code_digest_follows_imports_and_logs_do_not_count(tmp_path: Path) -> None:
    names = closure("l1ad.core.dataset")
    assert {"l1ad.core.dataset", "l1ad.core.artefact", "l1ad.core.layout", "l1ad.core.fixed", "l1ad.core.errors"} <= names.keys()
    assert "l1ad.cli" not in names
    assert provenance.code_digest("l1ad.core.fixed") != provenance.code_digest("l1ad.core.layout")
    (tmp_path / "a.txt").write_text("x")
    before = artefact.folder_digest(tmp_path)
    (tmp_path / "b.log").write_text("x")
    assert artefact.folder_digest(tmp_path) == before
    (tmp_path / "c.txt").write_text("x")
    assert artefact.folder_digest(tmp_path) != before


def test_a_folder_digest_sees_every_byte_name_and_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefact, "_HASHED_BYTES", 4)
    digests = set()
    contents = [b"", b"abcdefghij", b"abcdefghik", b"Xbcdefghij", b"abcdefgh", b"efghabcd", b"abcdefghij\0"]
    for content in contents:
        (tmp_path / "a.bin").write_bytes(content)
        digests.add(artefact.folder_digest(tmp_path))
    (tmp_path / "a.bin").rename(tmp_path / "b.bin")
    digests.add(artefact.folder_digest(tmp_path))
    assert len(digests) == len(contents) + 1
