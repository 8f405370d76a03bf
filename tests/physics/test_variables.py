import numpy as np
import pytest

from l1ad.core.errors import LayoutError
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.physics.variables import Cut, available_cuts, cut_variable, multiplicity
from tests.datasets_made import make_x


def slow(layout, row, cut):
    pts = [(c.kind, row[i] * c.lsb) for i, c in enumerate(layout.columns) if c.feature == "pt"]
    objects = [v for kind, v in pts if kind != "met"]
    return {
        Cut.MET: sum(v for kind, v in pts if kind == "met"),
        Cut.HT: sum(v for kind, v in pts if kind == "jet"),
        Cut.LEADING_PT: max(objects),
        Cut.MULTIPLICITY: sum(v > 0 for v in objects),
    }[cut]


@pytest.mark.parametrize("name", ["l1topo44", "gelato60", "fortymhz57"])
@pytest.mark.parametrize("cut", list(Cut))
def test_variables_are_the_slow_ones(name, cut):
    layout = load_layout(name)
    x = make_x(layout, np.random.default_rng(1), np.arange(40) % 2)
    np.testing.assert_allclose(cut_variable(layout, x, cut), [slow(layout, row, cut) for row in x], rtol=1e-12)


def test_a_kind_is_counted_alone():
    layout = load_layout("l1topo44")
    x = np.zeros((2, 44), dtype=np.int64)
    x[0, layout.index("jet[0].pt_hw")] = x[0, layout.index("jet[3].pt_hw")] = x[1, layout.index("muon[0].pt_hw")] = 5
    x[1, layout.index("met[0].pt_hw")] = 9
    np.testing.assert_array_equal(multiplicity(layout, x, "jet"), [2, 0])
    np.testing.assert_array_equal(multiplicity(layout, x), [2, 1])


def test_a_layout_without_the_object_has_no_such_cut():
    whole = load_layout("l1topo44")
    layout = ObjectLayout("jets", (whole.slot("jet"),))
    assert Cut.MET not in available_cuts(layout)
    with pytest.raises(LayoutError, match=r"^Layout 'jets' has nothing to compute MET from; leave this cut out\.$"):
        cut_variable(layout, np.zeros((1, 18), dtype=np.int64), Cut.MET)
