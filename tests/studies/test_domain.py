import numpy as np
import pytest

from l1ad.core.errors import InputError, LayoutError
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.studies.domain import HLT, L1, common_layout, event_selections, object_inputs
from l1ad.studies.trainings import OtherInputs
from tests.datasets_made import make_dataset, make_x


def test_shared_columns_are_those_both_layouts_have():
    left, right = load_layout("l1topo44"), load_layout("hlt48")
    common = common_layout(left, right)
    assert [(s.kind, s.multiplicity, s.features) for s in common.slots] == [
        ("jet", 6, ("pt", "eta", "phi")),
        ("muon", 3, ("pt", "eta", "phi")),
        ("met", 1, ("pt", "phi")),
    ]


def test_both_kinds_of_object_end_up_in_the_same_columns(tmp_path):
    dataset = make_dataset(tmp_path / "dataset", n_background=50, n_signal=10)
    hlt = load_layout("hlt48")
    software = OtherInputs(make_x(hlt, np.random.default_rng(3), np.zeros(70, int)), hlt)
    inputs = object_inputs(dataset, software)
    names = inputs[L1].layout.names
    assert names == inputs[HLT].layout.names
    column = names.index("muon[2].eta_hw")
    np.testing.assert_array_equal(inputs[L1].x_hw[:, column], dataset.x_hw[:, dataset.layout.index("muon[2].eta_hw")])
    np.testing.assert_array_equal(inputs[HLT].x_hw[:, column], software.x_hw[:, hlt.index("muon[2].eta_hw")])


def test_layouts_on_other_grids_or_without_shared_objects_are_refused():
    left, right = load_layout("l1topo44"), load_layout("fortymhz57")
    with pytest.raises(
        LayoutError, match=r"^The two layouts count '\w+' in other steps or types; choose another studies\.hlt_layout\.$"
    ):
        common_layout(left, right)
    jets, taus = (ObjectLayout(kind, (left.slot(kind),)) for kind in ("jet", "tau"))
    with pytest.raises(LayoutError, match=r"^Layouts 'jet' and 'tau' share no object"):
        common_layout(jets, taus)


def test_selections_follow_the_triggers(tmp_path):
    dataset = make_dataset(tmp_path / "dataset")
    found = event_selections(dataset)
    assert list(found) == ["all events", "L1 events", "HLT events", "failing L1"]
    np.testing.assert_array_equal(found["failing L1"], ~np.asarray(dataset.column("pass_l1")))
    assert found["all events"].all()


def test_data_without_trigger_decisions_are_refused(tmp_path):
    from dataclasses import replace

    dataset = make_dataset(tmp_path / "dataset")
    bare = replace(dataset, columns=tuple(c for c in dataset.columns if c != "pass_hlt"))
    with pytest.raises(
        InputError, match=r"^The domain study needs column 'pass_hlt', which dataset '.*' does not have; leave it out\.$"
    ):
        event_selections(bare)
