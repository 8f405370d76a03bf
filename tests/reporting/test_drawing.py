import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from l1ad.reporting import drawing as d

AXES = d.Axes("x [GeV]", "y & z", log_x=True, log_y=True)


X = np.linspace(1, 2000, 2000)
FIGURES = {
    "lines": lambda: d.line_plot(
        "lines", "c", AXES, [d.Series("$A <b>", X, X**2), d.Series("", X[:3], X[:3], X[:3] / 2, X[:3] * 2)], {"1 kHz": 10}
    ),
    "bars": lambda: d.bar_plot("bars", "c", d.Axes("LUT", ""), ["a", "b"], {"open": [1, None], "csynth": [3, 4]}),
    "heat": lambda: d.heat_map("heat", "c", d.Axes("", ""), ["r"], ["a", "b"], np.array([[1.0, np.nan]])),
    "histogram": lambda: d.histogram_plot("h", "c", AXES, {"zero bias": (X, X), "Z→ττ": (X - 5, None)}),
    "one value": lambda: d.histogram_plot("f", "c", d.Axes("s", "n"), {"zero bias": (np.zeros(9), None)}),
    "given edges": lambda: d.histogram_plot("e", "c", d.Axes("s", "n"), {"": (X, None)}, np.array([0.0, 10.0, 2001.0])),
    "density": lambda: d.density_plot("density", "c", d.Axes("n", "s"), np.arange(50) % 4, np.arange(50.0)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_svg_without_traces_of_time_or_place(name):
    figure = FIGURES[name]()
    root = ElementTree.fromstring(figure.svg)
    assert root.tag.endswith("svg")
    assert "dc:date" not in figure.svg
    assert "mathdefault" not in figure.svg


def test_equal_data_give_equal_pictures():
    x = np.arange(1.0, 9.0)
    one, two = (d.line_plot("same", "c", AXES, [d.Series("a", x, x)]).svg for _ in range(2))
    assert one == two


def test_profile_is_the_weighted_mean_of_the_filled_bins():
    x, y, w = np.array([0.5, 0.5, 2.5]), np.array([1.0, 3.0, 7.0]), np.array([1.0, 3.0, 2.0])
    centres, means = d.profile(x, y, w, np.array([0.0, 1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(centres, [0.5, 2.5])
    np.testing.assert_array_equal(means, [2.5, 7.0])


def test_long_lines_keep_both_ends():
    series = d.line_plot("long", "c", d.Axes("x", "y"), [d.Series("a", np.arange(100_000), np.arange(100_000))])
    assert len(series.svg) < 60_000


def test_long_labels_keep_both_ends_and_leave_room_for_the_bars():
    names = ["dense_latency_ap_fixed_27_19_5_3_0_ap_fixed_19_11_5_3_0_config2_s_fu_463", "softmax"]
    svg = d.bar_plot("long-labels", "c", d.Axes("LUT", ""), names, {"LUT": [1, 2]}).svg
    assert "dense_latency_ap_fixed…fig2_s_fu_463" in svg
    assert "softmax" in svg


def test_a_short_logarithmic_axis_has_numbers_between_the_powers_of_ten() -> None:
    def texts(top: float) -> list[str]:
        from matplotlib import pyplot

        figure, pane = pyplot.subplots()
        pane.plot([1.0, 2.0], [0.15, top])
        d.dress(pane, d.Axes("epoch", "loss", log_y=True))
        figure.canvas.draw()
        shown = [label.get_text() for label in pane.yaxis.get_ticklabels(minor=True) if label.get_text()]
        pyplot.close(figure)
        return shown

    assert {"0.2", "0.5", "2"} <= set(texts(3.0))
    assert texts(3000.0) == []
