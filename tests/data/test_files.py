from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.config import parse_config
from l1ad.core.errors import ConfigError, InputError
from l1ad.core.provenance import fingerprint
from l1ad.data.files import common_format, resolve, same_sources
from l1ad.data.formats import recognise
from l1ad.data.readers import reader
from tests.root_files import write_xaod


def test_paths_and_patterns_are_resolved_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.h5", "a.h5", "sub/c.h5"):
        (tmp_path / name).touch()
    names = [path.name for path in resolve(["sub/c.h5", "*.h5"], tmp_path)]
    assert names == ["c.h5", "a.h5", "b.h5"]
    assert len(resolve(["**/*.h5"], tmp_path)) == 3


def test_a_pattern_without_match_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^Nothing matches '\*\.h5' in "):
        resolve(["*.h5"], tmp_path)


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").touch()
    with pytest.raises(InputError, match=r"a\.h5' is named twice; its events would count twice"):
        resolve(["a.h5", "*.h5"], tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^There is no file '.*gone\.h5'; check the path"):
        recognise(tmp_path / "gone.h5")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^'.*' is a folder; give a file, or a pattern such as"):
        recognise(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").touch()
    with pytest.raises(InputError, match=r"a\.h5' is empty; download or write it again\.$"):
        recognise(tmp_path / "a.h5")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("hello, world")
    with pytest.raises(InputError, match=r"a\.h5' is neither an HDF5, a ROOT nor a Parquet file \(it begins with b'hello, w'\)"):
        recognise(tmp_path / "a.h5")


def test_an_unknown_layout_of_hdf5_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["X"] = np.zeros(3)
    with pytest.raises(
        InputError,
        match=r"a\.h5' is an HDF5 file of unknown format: it has \['X'\]; expected 'Particles' \(40 MHz\), 'L1_data' or 'HLT_data' \(GELATO merged\), ",
    ):
        recognise(tmp_path / "a.h5")


def test_a_truncated_file_is_refused(fortymhz_file: Path) -> None:
    whole = fortymhz_file.read_bytes()
    fortymhz_file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        InputError, match=r"fortymhz\.h5' cannot be read as HDF5 \(.*truncated.*\); it may be cut off, fetch it again\.$"
    ):
        recognise(fortymhz_file)


def test_mixed_formats_are_refused(fortymhz_file: Path, gelato_file: Path) -> None:
    message = (
        r"^Sample 'zb' mixes formats: '.*fortymhz\.h5' is 'fortymhz', '.*gelato\.h5' is 'gelato'; make one sample of each\.$"
    )
    with pytest.raises(InputError, match=message):
        common_format({path: recognise(path) for path in (fortymhz_file, gelato_file)}, "auto", "zb")


def test_another_format_than_asked_for_is_refused(gelato_file: Path) -> None:
    with pytest.raises(
        InputError, match=r"gelato\.h5' has format 'gelato', the configuration says 'fortymhz'; set data\.format to 'auto'\.$"
    ):
        common_format({gelato_file: recognise(gelato_file)}, "fortymhz", "zb")


def test_files_of_other_containers_are_refused(tmp_path: Path) -> None:
    names = {"new": {}, "legacy": {"L1": {"jet": "LVL1JetRoIs"}}, "software": {"HLT": {"met": "HLT_MET_cell"}}}
    found = {}
    for name, containers in names.items():
        write_xaod(tmp_path / f"{name}.root", 2, names=containers)
        found[name] = reader("xaod").describe(tmp_path / f"{name}.root")
    same_sources(found["new"], found["software"], "zb")
    message = (
        r"^Sample 'zb' mixes sources: 'L1 jet' objects are 'L1_jFexSRJetRoI' in '.*new\.root' and 'LVL1JetRoIs' in '.*legacy\.root'; "
        r"make one sample of each\.$"
    )
    with pytest.raises(InputError, match=message):
        same_sources(found["new"], found["legacy"], "zb")


def test_an_unknown_format_is_refused() -> None:
    text = "name: t\nlayout: l1topo44\ndata: {background: {zb: b.h5}, format: gelatto}\nmodel: {kind: ae}\nscore: {kind: latent_l2}\n"
    with pytest.raises(ConfigError, match=r"key 'data\.format': .*'gelato'"):
        parse_config(text, "t.yaml", Path())


def test_fingerprints_follow_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    first = fingerprint(path)
    path.write_bytes(b"x" * 99 + b"y")
    assert fingerprint(path) != first


def test_fingerprints_of_large_files_see_size_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    first = fingerprint(path)
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"y")
    assert fingerprint(path) != first
