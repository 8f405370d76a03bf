"""What results look like in a notebook, and their tables."""

from dataclasses import dataclass
from typing import Any

import pytest

from l1ad.core.errors import ConfigError
from l1ad.core.shown import Shown


@dataclass(frozen=True, slots=True)
class Made(Shown):
    data: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return self.data


RATES = Made(
    {
        "path": "runs/<demo>",
        "fresh": True,
        "summary": {
            "auc": 0.87654321,
            "nothing": None,
            "thresholds": [{"name": "loose", "value": 12}, {"name": "tight", "value": 99, "rate_khz": 1.5}],
            "samples": {"ztautau": {"events": 10}, "ttbar": {"events": 20}},
        },
    }
)


def test_a_notebook_shows_single_values_and_every_table_and_no_markup_of_others() -> None:
    page = RATES._repr_html_()
    assert "runs/&lt;demo&gt;" in page
    assert "<demo>" not in page
    assert "0.8765<" in page
    assert "nothing" not in page
    assert "<b>summary.thresholds</b>" in page
    assert "<th>rate_khz</th>" in page
    assert page.count("<table") == 3


def test_a_long_table_is_cut_and_says_so() -> None:
    page = Made({"rows": [{"i": i} for i in range(70)]})._repr_html_()
    assert "10 more rows" in page
    assert page.count("<tr>") == 61


def test_tables_have_names_and_records_of_records_a_column_of_theirs() -> None:
    assert list(RATES.tables) == ["summary.thresholds", "summary.samples"]
    assert RATES.tables["summary.samples"] == [{"name": "ztautau", "events": 10}, {"name": "ttbar", "events": 20}]


def test_tables_become_frames() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas of l1ad[notebook] is not installed")
    frame = RATES.to_pandas("summary.thresholds")
    assert isinstance(frame, pandas.DataFrame)
    assert frame["value"].tolist() == [12, 99]
    assert Made({"a": 1, "b": {"c": 2.5}}).to_pandas().to_dict("records") == [{"a": 1, "b.c": 2.5}]
    assert Made({"rows": [{"i": 1}]}).to_pandas()["i"].tolist() == [1]


def test_a_table_must_be_named_where_there_are_several() -> None:
    pytest.importorskip("pandas", reason="pandas of l1ad[notebook] is not installed")
    with pytest.raises(ConfigError, match=r"^This result has 2 tables; name one of summary\.thresholds, summary\.samples\.$"):
        RATES.to_pandas()
    with pytest.raises(ConfigError, match=r"^This result has no table 'thresholds'; "):
        RATES.to_pandas("thresholds")
