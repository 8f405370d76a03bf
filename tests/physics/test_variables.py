import numpy as np
import pytest

from l1ad.core.errors import LayoutError
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.physics.variables import HT, MET, Cut, Variable, available_cuts, cut_variable, event_cuts, multiplicity
from tests.datasets_made import make_x


def slow(layout, row, cut):
    pts = [(c.kind, row[i] * c.lsb) for i, c in enumerate(layout.columns) if c.feature == "pt"]
    objects = [v for kind, v in pts if kind != "met"]
    of_kind = sorted((v for kind, v in pts if kind == cut.kind), reverse=True) or [0.0]
    return {
        Variable.MET: sum(v for kind, v in pts if kind == "met"),
        Variable.HT: sum(v for kind, v in pts if kind == "jet"),
        Variable.LEADING_PT: max(objects),
        Variable.MULTIPLICITY: sum(v > 0 for v in objects),
        Variable.SUM_PT: sum(v for _, v in pts),
        Variable.SUM_LOG_PT: sum(np.log(1.0 + v) for _, v in pts),
        Variable.PT: of_kind[max(cut.place - 1, 0)],
    }[cut.variable]


@pytest.mark.parametrize("name", ["l1topo44", "gelato60", "fortymhz57"])
def test_variables_are_the_slow_ones(name):
    layout = load_layout(name)
    x = make_x(layout, np.random.default_rng(1), np.arange(40) % 2)
    x[5:10] = x[5:10, ::-1] % 7  # objects in any order, as a file may have them
    for cut in available_cuts(layout):
        np.testing.assert_allclose(
            cut_variable(layout, x, cut), [slow(layout, row, cut) for row in x], rtol=1e-12, err_msg=cut.name
        )


def test_a_layout_has_cuts_on_events_and_on_every_place():
    cuts = [cut.name for cut in available_cuts(load_layout("l1topo44"))]
    assert cuts[:6] == ["MET", "HT", "leading pT", "multiplicity", "sum of pT", "sum of log(1 + pT)"]
    assert cuts[6:] == [*(f"jet {i} pT" for i in range(1, 7)), *(f"{k} {i} pT" for k in ("tau", "muon") for i in range(1, 5))]
    assert "electron 4 pT" in [cut.name for cut in available_cuts(load_layout("fortymhz57"))]


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
    assert MET not in event_cuts(layout)
    assert HT in event_cuts(layout)
    x = np.zeros((1, 18), dtype=np.int64)
    for cut, name in ((MET, "MET"), (Cut(Variable.PT, "muon", 1), "muon 1 pT")):
        with pytest.raises(LayoutError, match=rf"^Layout 'jets' has nothing to compute {name} from; leave this cut out\.$"):
            cut_variable(layout, x, cut)
    with pytest.raises(LayoutError, match=r"^Layout 'jets' has 6 places of kind 'jet', got 'jet 7 pT'; leave this cut out\.$"):
        cut_variable(layout, x, Cut(Variable.PT, "jet", 7))
