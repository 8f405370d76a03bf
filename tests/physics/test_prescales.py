"""Prescale tables are read by the column's name, and only unprescaled seeds that are no anomaly seeds veto."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import Config, parse_config
from l1ad.core.errors import ConfigError, InputError
from l1ad.physics.prescales import load_prescales
from l1ad.physics.rates import menu_taken
from l1ad.physics.veto import veto_of
from tests.datasets_made import make_dataset

CSV = """Index,Name,Emergency,2p0E34,1p8E34,Comment
18,L1_MU20,0,1,1,
19,L1_XE60,1,0,2,not at high luminosity
20,L1_J100,1,1,1,
21,L1_OTHER,1,1.5,1,
22,L1_AXO_Tight,1,1,1,
"""
XML = """<run-settings id="uGT"><context id="uGtProcessor"><param id="index" type="uint">0</param>
<param id="prescales" type="table"><columns>algo/prescale-index, 0, 1, 2</columns><types>string,uint,uint,uint</types>
<rows><row>L1_MU20, 0, 1, 1</row><row>L1_XE60, 1, 0, 2</row><!-- a comment --><row>L1_J100,1,1,1</row></rows></param></context></run-settings>
"""
TEXT = """
name: demo
layout: l1topo44
data: {background: {zero_bias: b.h5}}
model: {kind: vae}
score: {kind: latent_l2}
runs: runs
rates: {SETTINGS}
"""


def write(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def config(folder: Path, settings: str) -> Config:
    return parse_config(TEXT.replace("SETTINGS", settings), "demo.yaml", folder)


def test_a_column_is_read_by_its_name_wherever_it_stands(tmp_path: Path) -> None:
    wanted = {"L1_MU20": 1.0, "L1_XE60": 0.0, "L1_J100": 1.0, "L1_OTHER": 1.5, "L1_AXO_Tight": 1.0}
    assert load_prescales(write(tmp_path, CSV), "2p0E34") == wanted
    for order in ([5, 3, 2, 4, 1, 0], [1, 0, 4, 3, 5, 2]):
        moved = "".join(";".join(line.split(",")[i] for i in order) + "\n" for line in CSV.splitlines())
        assert load_prescales(write(tmp_path, moved), "2p0E34") == wanted
    assert load_prescales(write(tmp_path, CSV), "1p8E34")["L1_XE60"] == 2.0
    assert load_prescales(write(tmp_path, XML, "t.xml"), "1") == {"L1_MU20": 1.0, "L1_XE60": 0.0, "L1_J100": 1.0}
    assert load_prescales(write(tmp_path, "\ufeff# made by hand\n" + CSV), "2p0E34") == wanted


RECORDS = [
    {"Index": 18, "Name": "L1_MU20", "2p0E34": 1, "1p8E34": 1},
    {"Index": 19, "Name": "L1_XE60", "2p0E34": 0, "1p8E34": 2.5},
]
BY_SEED = {"L1_MU20": {"1p8E34": 1, "2p0E34": 1}, "L1_XE60": {"2p0E34": 0, "1p8E34": 2.5}}
FORMS = {
    "records": RECORDS,
    "split": {"columns": list(RECORDS[0]), "data": [list(row.values()) for row in RECORDS], "index": [0, 1]},
    "rows": {"columns": list(RECORDS[0]), "rows": [list(row.values()) for row in RECORDS]},
    "by seed": BY_SEED,
    "by column": {column: {seed: inner[column] for seed, inner in BY_SEED.items()} for column in ("2p0E34", "1p8E34")},
}


@pytest.mark.parametrize("form", FORMS)
def test_json_in_every_form(tmp_path: Path, form: str) -> None:
    path = write(tmp_path, json.dumps(FORMS[form]), "t.json")
    assert load_prescales(path, "2p0E34") == {"L1_MU20": 1.0, "L1_XE60": 0.0}
    assert load_prescales(path, "1p8E34") == {"L1_MU20": 1.0, "L1_XE60": 2.5}
    with pytest.raises(InputError, match="has no prescale column '2p0E43'; did you mean '2p0E34'"):
        load_prescales(path, "2p0E43")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"2p0E34": {"L1_A": 1, "L1_A": 0}}', r"is not a JSON table: 'L1_A' is there twice; it was cut off or edited\.$"),
        ('{"2p0E34": {"L1_A": 1', "is not a JSON table: Expecting"),
        ("[" * 100_000, "is not a JSON table: "),
        ("[1, 2]", "is not a prescale table: expected a list of records with the same names, 'columns' with 'data'"),
        (
            '[{"Name": "L1_A", "2p0E34": 1}, {"Name": "L1_B"}]',
            "is not a prescale table: expected a list of records with the same names",
        ),
        ("{}", "is not a prescale table"),
        ('{"2p0E34": {"L1_A": true}}', "the prescale of 'L1_A' is 'True', expected a number from 0"),
        ('{"2p0E34": {"L1_A": null}}', "the prescale of 'L1_A' is 'None'"),
        ('{"2p0E34": {"L1_A": 1}, "1p8E34": {"L1_B": 1}}', "the prescale of 'L1_B' is ''"),
        ('{"columns": ["Name", "2p0E34"], "data": [["L1_A"]]}', "row 1: expected 2 cells, got 1"),
    ],
)
def test_wrong_json_is_refused_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_prescales(write(tmp_path, text, "t.json"), "2p0E34")


@pytest.mark.parametrize(
    ("old", "new", "column", "message"),
    [
        ("", "", "2p0E43", "has no prescale column '2p0E43'; did you mean '2p0E34'"),
        ("", "", "Name", "has no prescale column 'Name'"),
        ("", "", "Comment", "has no prescale column 'Comment'"),
        ("Name", "Nom", "2p0E34", "has no column of seeds"),
        ("1p8E34", "2p0E34", "2p0E34", "has 2 columns '2p0E34'"),
        ("L1_XE60", "L1_MU20", "2p0E34", "has the seed 'L1_MU20' twice"),
        ("L1_MU20,0,1", "L1_MU20,0,-1", "2p0E34", "the prescale of 'L1_MU20' is '-1', expected a number from 0"),
        ("L1_MU20,0,1", "L1_MU20,0,one", "2p0E34", "the prescale of 'L1_MU20' is 'one'"),
        ("L1_MU20,0,1", "L1_MU20,0,nan", "2p0E34", "the prescale of 'L1_MU20' is 'nan'"),
        ("22,L1_AXO_Tight,1,1,1,", "22,L1_AXO_T", "2p0E34", "row 6: expected 6 cells, got 2"),
        ("L1_XE60", "19", "2p0E34", "the seed is the number 19"),
        (CSV, "Index,Name\n", "2p0E34", "needs a header and a row for each seed, got 1 rows"),
        (CSV, "", "2p0E34", "needs a header and a row for each seed, got 0 rows"),
    ],
)
def test_a_wrong_table_is_refused_in_a_sentence(tmp_path: Path, old: str, new: str, column: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"^'.*table\.csv'.*{re.escape(message)}.*[.?]$"):
        load_prescales(write(tmp_path, CSV.replace(old, new) if old else CSV), column)


def test_wrong_xml_is_refused(tmp_path: Path) -> None:
    for text, message in (
        (XML[:-40], "is not XML"),
        (XML.replace('"prescales"', '"masks"'), "has no table 'prescales'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + XML, "declares a document type"),
        (XML.replace("L1_XE60", "7"), "the seed is the number 7"),
    ):
        with pytest.raises(InputError, match=message):
            load_prescales(write(tmp_path, text, "t.xml"), "1")
    with pytest.raises(InputError, match=r"^Cannot read the prescale table .*No such file"):
        load_prescales(tmp_path / "none.csv", "1")


def test_only_unprescaled_seeds_that_are_no_anomaly_seeds_veto(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset")  # its menu is L1_MU20, L1_XE60, L1_J100
    rows, bits = np.arange(200), np.asarray(dataset.column("menu")[:200])
    write(tmp_path, CSV)
    veto = veto_of(
        config(tmp_path, 'prescales: table.csv, prescale_column: 2p0E34, anomaly_seeds: ["L1_J*", "L1_AXO*"]'), dataset
    )
    assert veto is not None
    assert (veto.seeds, veto.prescaled, veto.anomaly, veto.missing) == (("L1_MU20",), ("L1_XE60",), ("L1_J100",), ())
    taken = menu_taken(dataset, rows, veto)
    np.testing.assert_array_equal(taken, bits & 1 == 1)
    assert 0 < (bits & 1).sum() < (bits > 0).sum()  # the others matter
    other = veto_of(config(tmp_path, "prescales: table.csv, prescale_column: 1p8E34"), dataset)
    assert other is not None
    assert (other.seeds, other.prescaled, other.missing) == (("L1_MU20", "L1_J100"), ("L1_XE60",), ("L1_OTHER",))
    np.testing.assert_array_equal(menu_taken(dataset, rows, other), bits & 5 != 0)


def test_anomaly_seeds_never_veto_also_without_a_table(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset")
    bits = np.asarray(dataset.column("menu")[:200])
    assert veto_of(config(tmp_path, "bunches: 2544"), dataset) is None
    veto = veto_of(config(tmp_path, "anomaly_seeds: [L1_MU20]"), dataset)
    assert veto is not None
    np.testing.assert_array_equal(menu_taken(dataset, np.arange(200), veto), bits & 6 != 0)


def test_data_that_do_not_fit_the_table_are_refused(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset")
    write(tmp_path, CSV.replace("L1_XE60", "L1_XE66"))
    settings = config(tmp_path, "prescales: table.csv, prescale_column: 2p0E34")
    with pytest.raises(
        InputError, match=r"^The data have the seed 'L1_XE60', the prescale table does not; did you mean 'L1_XE66'"
    ):
        veto_of(settings, dataset)
    for bare in (replace(dataset, menu_items=()), replace(dataset, columns=tuple(c for c in dataset.columns if c != "menu"))):
        with pytest.raises(InputError, match=r"^rates\.prescales needs data with the decisions of single seeds"):
            veto_of(settings, bare)
    with pytest.raises(ConfigError, match="prescales and prescale_column go together"):
        config(tmp_path, "prescales: table.csv")
