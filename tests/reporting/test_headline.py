"""The five figures at the head of a report: from the run's artefacts, each with the section that says more."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.artefact import read_manifest, writing
from l1ad.core.resources import Level, ResourceReport
from l1ad.physics.judge import judge_at
from l1ad.reporting import drawing
from l1ad.reporting.document import Figure, KeyFigure, State, percent
from l1ad.reporting.headline import key_figures
from l1ad.reporting.runs import load_run
from l1ad.scores.performance import Performance
from l1ad.scores.targets import Kind
from l1ad.stages.report import report
from tests.reported_runs import PART, make_run, open_report


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing: pictures take most of a report's time."""
    empty = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
    monkeypatch.setattr(drawing, "draw_grid", lambda name, caption, *rest: Figure(name, caption, empty))


def figures_of(run: Path, performance: Performance | None = None) -> dict[str, KeyFigure]:
    from l1ad.reporting.comparison import entries_of

    loaded = load_run(run)
    return {key.title: key for key in key_figures(loaded, entries_of(loaded, None), performance)}


def add_study(run: Path, model: str | None = None, kind: str = "pure") -> None:
    """Write a study of 3 % for the score, 1 % and 2 % for two cuts."""
    rate = {"threshold": 1, "khz": 1.0, "low_khz": 0.9, "high_khz": 1.1, "total_khz": 2.0, "n_background": 9, "n_effective": 9.0}
    rest = rate | {"efficiencies": {}, "medians": {}}
    means = (("score", 0.03), ("met", 0.01), ("ht", 0.02))
    selections = [{"name": name, **rest, "mean": [v, v - 0.001, v + 0.001]} for name, v in means]
    inputs = {"model": model or read_manifest(run / "model").digest}
    with writing(run / "studies" / "met", "study", key="k", inputs=inputs, config={}) as draft:
        one = {
            "kind": kind,
            "rate_khz": 1.0,
            "selections": selections,
            "beaten": {},
            "gain": {},
            "together": None,
            "left_out": {},
        }
        data = {"total": [], kind: [one]}
        (draft.path / "study.json").write_text(json.dumps(data), encoding="utf-8")


def test_five_figures_of_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    add_study(run)
    found = figures_of(run)
    assert list(found) == ["Exact?", "Fits?", "Latency", "Pure efficiency", "LUT"]
    assert (found["Exact?"].value, found["Exact?"].state) == ("yes", State.GOOD)
    assert (found["Fits?"].value, found["Fits?"].text) == ("yes", "0.508 % of the part's LUT")
    assert (found["Latency"].value, found["Latency"].text) == ("18.5 ns", "open; 74.0 % of the budget")
    assert found["Pure efficiency"].value == "3.00 %"
    assert found["Pure efficiency"].text == "mean at 1.00 kHz pure rate, 2.90 to 3.10 % with 68 %; the best cut, ht: 2.00 %"
    assert found["LUT"].value == "6\u202f000"
    assert found["LUT"].text.endswith("; an estimate without an interval: synthesise again")


def test_an_estimate_of_luts_stands_with_its_interval(tmp_path: Path) -> None:
    lut = figures_of(make_run(tmp_path, reports=(open_report(6000, lut_low=4600, lut_high=5400),)))["LUT"]
    assert lut.text.endswith("; routed, 4\u202f600 to 5\u202f400 are expected")


def test_a_failure_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path, reports=(open_report(2_000_000, path_ns=30.0),))
    agreement = json.loads((run / "csim" / "agreement.json").read_text())
    (run / "csim" / "agreement.json").write_text(json.dumps(agreement | {"n_different": 3}))
    found = figures_of(run)
    assert (found["Exact?"].value, found["Exact?"].state) == ("no", State.BAD)
    assert "3 of" in found["Exact?"].text
    assert (found["Fits?"].value, found["Fits?"].state) == ("no", State.BAD)
    assert found["Latency"].state is State.BAD


def test_the_most_telling_level_counts(tmp_path: Path) -> None:
    routed = ResourceReport("Vivado", Level.ROUTED, "2024.1", part=PART, lut=4321, path_ns=20.0, clock_target_ns=25.0)
    lut = figures_of(make_run(tmp_path, reports=(open_report(), routed)))["LUT"]
    assert (lut.value, "interval" in lut.text) == ("4\u202f321", False)


def test_what_was_not_done_names_its_command_and_a_study_of_another_model_does_not_count(tmp_path: Path) -> None:
    run = make_run(tmp_path, reports=())
    add_study(run, model="0" * 64)
    found = figures_of(run)
    assert [found[name].value for name in ("Fits?", "Latency", "Efficiency", "LUT")] == ["–"] * 4
    assert "l1ad synth" in found["LUT"].text
    assert "l1ad study met" in found["Efficiency"].text


def test_without_the_study_the_efficiency_is_that_of_the_scores_at_the_working_point(tmp_path: Path) -> None:
    loaded = load_run(make_run(tmp_path))
    assert loaded.dataset is not None
    judge = judge_at(loaded.dataset, loaded.rates, loaded.studies, None)
    performance = judge.performance(loaded.scores[-1])
    target = judge.working_point[-1]
    found = figures_of(loaded.path, performance)
    title = "Pure efficiency" if target.kind is Kind.PURE else "Efficiency"
    expected = np.mean([point.signal.value for point in performance.points(target)])
    assert found[title].value == percent(float(expected))
    assert found[title].text.startswith(f"mean at {target.label}, ")
    assert found[title].text.endswith(" % with 68 %; not compared with simple cuts yet: l1ad study met")


def test_the_page_begins_with_them_each_a_link_and_a_new_study_makes_it_new(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert report(run).fresh
    add_study(run, kind="total")
    result = report(run)
    assert result.fresh
    page = (result.path / "report.html").read_text(encoding="utf-8")
    keys = page[page.index('<ul class="keys">') : page.index("</ul>")]
    anchors = re.findall(r'href="#([^"]+)"', keys)
    assert anchors == ["exactness", "resources-and-latency", "resources-and-latency", "physics", "resources-and-latency"]
    assert all(f'id="{anchor}"' in page for anchor in anchors)
    assert page.index('<ul class="keys">') < page.index("<main>")
    assert "| **3.00 %** mean at 1.00 kHz rate, 2.90 to 3.10 % with 68 %; the best cut, ht: 2.00 %" in (
        result.path / "report.md"
    ).read_text(encoding="utf-8")
    assert 'class="keys"' not in (
        report([run, make_run(tmp_path, "other", seed=2)], output=tmp_path / "two").path / "report.html"
    ).read_text(encoding="utf-8")
