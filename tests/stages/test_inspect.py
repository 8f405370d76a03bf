from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.stages.inspect import _edges, inspect
from tests.event_files import write_fortymhz, write_gelato
from tests.root_files import write_l1ntuple, write_nanoaod, write_xaod


@pytest.mark.parametrize(
    ("write", "name", "form", "views"),
    [
        (write_fortymhz, "f.h5", "fortymhz", ["fortymhz57"]),
        (write_gelato, "g.h5", "gelato", ["l1topo44", "gelato60"]),
        (write_nanoaod, "n.root", "nanoaod", ["axol1tl57"]),
        (write_l1ntuple, "l.root", "l1ntuple", ["axol1tl57"]),
        (write_xaod, "x.root", "xaod", ["l1topo44", "gelato60"]),
    ],
)
def test_every_format_is_told_and_counted(tmp_path: Path, write, name: str, form: str, views: list[str]) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / name, 30)
    result = inspect(tmp_path / name)
    assert result.format == form
    assert result.n_events == 30
    assert list(result.means) == views
    assert result.page is None


def test_means_are_those_of_the_events(tmp_path: Path) -> None:
    counts = write_fortymhz(tmp_path / "f.h5", 50)
    means = inspect(tmp_path / "f.h5", max_events=20).means["fortymhz57"]
    assert means == {kind: pytest.approx((values[:20, :, 0] > 0).sum() / 20) for kind, values in counts.items()}


def test_a_page_is_drawn(tmp_path: Path) -> None:
    write_fortymhz(tmp_path / "f.h5", 50)
    inspect(tmp_path / "f.h5", page=tmp_path / "out" / "page.html")
    text = (tmp_path / "out" / "page.html").read_text(encoding="utf-8")
    assert "Objects in layout fortymhz57" in text
    # Four panels a kind; missing E_T is always one and has no η.
    assert text.count("<svg") == 4 * 4 - 2
    assert "50 events, of which the first 50 are drawn" in text
    assert "hardware counts of 0.0436332" in text
    assert "Unfiltered" in text or "Filtered" in text


def test_a_file_of_one_level_is_shown_in_that_level(tmp_path: Path) -> None:
    write_gelato(tmp_path / "g.h5", 20)
    with h5py.File(tmp_path / "g.h5", "a") as file:
        for name in list(file):
            if name.startswith("HLT"):
                del file[name]
    assert list(inspect(tmp_path / "g.h5").means) == ["l1topo44"]


def test_damage_is_not_hidden(tmp_path: Path) -> None:
    write_gelato(tmp_path / "g.h5", 20)
    with h5py.File(tmp_path / "g.h5", "a") as file:
        file["HLT_MET"][3] = 20.0, 0.0, np.nan
    with pytest.raises(InputError, match=r"'HLT_MET' has nan at event 3"):
        inspect(tmp_path / "g.h5")


def test_a_layout_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    write_fortymhz(tmp_path / "f.h5", 20)
    with pytest.raises(InputError, match=r"^Layout 'l1topo44' needs objects of kind 'tau'"):
        inspect(tmp_path / "f.h5", layout="l1topo44")


def test_bins_are_whole_counts_and_hold_every_value() -> None:
    for period in (128, 144, 576):
        edges = _edges(np.arange(-period // 2, period // 2), period)
        filled = np.histogram(np.arange(-period // 2, period // 2), edges)[0]
        assert len(set(filled)) == 1
        assert filled.sum() == period
        assert 32 <= len(filled) <= 64
    counts = np.array([-113, 0, 5, 131])
    edges = _edges(counts, None)
    assert np.histogram(counts, edges)[0].sum() == 4
    assert set(np.diff(edges)) == {4.0}
    assert _edges(np.array([3]), None).tolist() == [2.5, 3.5]


def test_a_layout_that_lacks_objects_is_named(tmp_path: Path) -> None:
    write_gelato(tmp_path / "g.h5", 20)
    with h5py.File(tmp_path / "g.h5", "a") as file:
        del file["L1_MET"]
    result = inspect(tmp_path / "g.h5")
    assert list(result.means) == ["gelato60"]
    assert result.notes == ["Not shown in layout 'l1topo44': the file has none of its met objects."]
