from pathlib import Path

import numpy as np
import pytest

from l1ad.core import artefact
from l1ad.core.dataset import COLUMNS, KIND, Dataset, DatasetWriter, Role, Sample, Split, load_dataset
from l1ad.core.errors import ArtefactError, InputError, LayoutError
from l1ad.core.layout import load_layout

LAYOUT = load_layout("l1topo44")
SAMPLES = (Sample("zero_bias", Role.BACKGROUND, "Zero bias"), Sample("ztautau", Role.SIGNAL, "Z→ττ"))


def write(target: Path, chunks: list[int]) -> None:
    rng = np.random.default_rng(1)
    with (
        artefact.writing(target, KIND, key="k" * 64, inputs={}, config={}) as draft,
        DatasetWriter(draft.path, LAYOUT, SAMPLES, ("sample", "split", "weight", "menu"), ("L1_J100",)) as writer,
    ):
        for n in chunks:
            x = rng.integers(0, 100, (n, 44))
            sample = rng.integers(0, 2, n)
            split = np.where(sample == 0, rng.integers(0, 3, n), Split.TEST)
            writer.append(x, sample=sample, split=split, weight=np.arange(n) * 0.5, menu=np.zeros(n))


def opened(tmp_path: Path, chunks: list[int]) -> Dataset:
    write(tmp_path / "dataset", chunks)
    return load_dataset(tmp_path / "dataset")


def test_chunks_make_one_dataset_that_numpy_reads(tmp_path: Path) -> None:
    data = opened(tmp_path, [10, 0, 5])
    assert data.n_events == 15
    assert data.x_hw.shape == (15, 44)
    assert data.x_hw.dtype == np.int16
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(data.x_hw[:10], rng.integers(0, 100, (10, 44)))
    assert data.column("weight").tolist() == [*(np.arange(10) * 0.5), *(np.arange(5) * 0.5)]
    assert data.samples == SAMPLES
    assert data.menu_items == ("L1_J100",)
    assert data.layout == LAYOUT


def test_an_empty_dataset_is_legal(tmp_path: Path) -> None:
    assert opened(tmp_path, []).x_hw.shape == (0, 44)


def test_files_of_plain_numbers_are_appended_as_arrays_are(tmp_path: Path) -> None:
    columns = ("sample", "split", "weight")
    x = np.arange(88, dtype=np.int16).reshape(2, 44)
    values = {"sample": np.array([0, 1]), "split": np.array([0, 2]), "weight": np.array([0.5, 2.0])}
    part, folders = tmp_path / "part", [tmp_path / "files", tmp_path / "arrays"]
    for folder in (part, *folders):
        folder.mkdir()
    x.tofile(part / "x_hw")
    for name in columns:
        values[name].astype(COLUMNS[name]).tofile(part / name)
    with DatasetWriter(folders[0], LAYOUT, SAMPLES, columns) as writer:
        writer.append_files(part, 2)
        writer.append_files(part, 2)
    with DatasetWriter(folders[1], LAYOUT, SAMPLES, columns) as writer:
        writer.append(np.concatenate([x, x]), **{name: np.tile(value, 2) for name, value in values.items()})
    assert artefact.folder_digest(folders[0]) == artefact.folder_digest(folders[1])


def test_files_of_another_length_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x_hw").write_bytes(bytes(87))
    with DatasetWriter(tmp_path, LAYOUT, SAMPLES, ("sample", "split", "weight")) as writer:
        with pytest.raises(ArtefactError, match=r"^'.*x_hw' needs 88 bytes, got 87; run 'l1ad prepare --force'\.$"):
            writer.append_files(tmp_path, 1)
        (tmp_path / "x_hw").write_bytes(bytes(88))
        with pytest.raises(ArtefactError, match=r"^'.*sample' needs 1 bytes, got None; run 'l1ad prepare --force'\.$"):
            writer.append_files(tmp_path, 1)


def test_rows_select_by_role_sample_and_split(tmp_path: Path) -> None:
    data = opened(tmp_path, [200])
    background, signal = data.rows(role=Role.BACKGROUND), data.rows(sample="ztautau")
    assert sorted([*background, *signal]) == list(range(200))
    train = data.rows(role=Role.BACKGROUND, split=Split.TRAIN)
    assert 0 < len(train) < len(background)
    assert set(data.column("split")[signal]) == {Split.TEST}


def test_bad_columns_and_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^A dataset needs columns of"):
        DatasetWriter(tmp_path, LAYOUT, SAMPLES, ("sample",))
    with DatasetWriter(tmp_path, LAYOUT, SAMPLES, ("sample", "split", "weight")) as writer:
        zeros = np.zeros(2)
        with pytest.raises(InputError, match=r"^This dataset has columns \['sample', 'split', 'weight'\], got \['sample'\]"):
            writer.append(np.zeros((2, 44), dtype=np.int16), sample=zeros)
        with pytest.raises(InputError, match=r"^Column 'weight' needs shape \(2,\), got \(3,\)\.$"):
            writer.append(np.zeros((2, 44), dtype=np.int16), sample=zeros, split=zeros, weight=np.zeros(3))
        with pytest.raises(LayoutError, match=r"^Events to write: 1 values of jet\[0\]\.phi_hw are outside"):
            writer.append(np.full((1, 44), 128, dtype=np.int16), sample=[0], split=[0], weight=[1.0])


def test_missing_columns_samples_and_damage_are_said(tmp_path: Path) -> None:
    data = opened(tmp_path, [3])
    with pytest.raises(InputError, match=r"has no column 'pileup'; valid are 'menu', 'sample', 'split', 'weight'\.$"):
        data.column("pileup")
    with pytest.raises(InputError, match=r"has no sample 'ztautu'; did you mean 'ztautau'\?"):
        data.sample("ztautu")
    (data.path / "dataset.json").write_text("{}")
    with pytest.raises(ArtefactError, match=r"^Dataset .* is damaged \(KeyError 'samples'\); run 'l1ad prepare --force'\.$"):
        load_dataset(data.path)


def test_samples_that_could_not_be_told_apart_are_refused(tmp_path: Path) -> None:
    def write(names: list[str]) -> None:
        samples = tuple(Sample(name, Role.BACKGROUND, name) for name in names)
        DatasetWriter(tmp_path, LAYOUT, samples, ("sample", "split", "weight"))

    write([f"s{i}" for i in range(256)])
    with pytest.raises(
        InputError, match=r"^A dataset holds at most 256 samples, got 257; make one sample of several files, or two"
    ):
        write([f"s{i}" for i in range(257)])
    with pytest.raises(InputError, match=r"^Two samples are called 'a'; background and signals need different names\.$"):
        write(["a", "b", "a"])
