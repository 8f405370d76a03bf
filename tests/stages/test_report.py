import csv
import json
import subprocess
import sys

import pytest

from l1ad.core.errors import ArtefactError, InputError, LimitError
from l1ad.core.resources import Level, ResourceReport
from l1ad.core.scoreset import Source, load_scores
from l1ad.reporting import drawing
from l1ad.reporting.document import Figure
from l1ad.scores.performance import evaluate
from l1ad.scores.targets import Kind, Target
from l1ad.stages.report import report
from tests.reported_runs import PART, make_run, open_report


@pytest.fixture(autouse=True)
def quick_pictures(request, monkeypatch):
    """Draw nothing but where pictures matter: they take most of the time."""
    if "every_form" not in request.node.name:
        empty = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
        monkeypatch.setattr(drawing, "draw_grid", lambda name, caption, *rest: Figure(name, caption, empty))


def test_one_run_gives_every_form_with_the_numbers_of_its_artefacts(tmp_path):
    run = make_run(tmp_path)
    result = report(run)
    assert result.fresh
    assert result.path == run / "report"
    assert {f.name for f in result.path.iterdir()} == {
        *("report.html", "report.md", "report.tex", "report.csv", "report.json", "plots", "manifest.json"),
    }
    (row,) = result.entries
    assert (row["lut"], row["ff"], row["dsp"], row["latency_cycles"], row["latency_ns"]) == (6000, 0, 0, 0, 18.5)
    assert row["lut_of_part"] == 6000 / 1182240
    assert row["latency_of_budget"] == 18.5 / 25
    assert row["lut_of_budget"] is None
    from l1ad.core.dataset import load_dataset

    total = Target(1 / (2544 * 11.245), Kind.TOTAL, 1.0)
    expected = evaluate(load_dataset(run / "dataset"), load_scores(run / "csim", Source.CSIM), (total,))
    assert row["auc"] == expected.mean_auc()
    assert row["efficiency"] == expected.mean_efficiency(total)
    page = (result.path / "report.html").read_text(encoding="utf-8")
    for text in (
        "6\u202f000",
        "All 650 compared scores are equal as integers.",
        "44-8-3",
        "Yosys 0.70",
        "Too few background events",
    ):
        assert text in page
    data = json.loads((result.path / "report.json").read_text(encoding="utf-8"))
    assert data["comparison"] == [dict(row)]
    assert [p["source"] for p in data["runs"]["demo"]["performance"]] == ["float", "qkeras", "csim"]


def test_a_report_again_does_nothing_and_gives_the_same(tmp_path):
    run = make_run(tmp_path)
    first, second = report(run), report(run)
    assert not second.fresh
    assert second.entries == first.entries
    assert report(run, force=True).fresh


def test_two_runs_are_compared_level_by_level(tmp_path):
    csynth = ResourceReport(
        "Vitis HLS", Level.CSYNTH, "2024.1", part=PART, lut=188486, ff=0, latency_max_cycles=0, clock_estimate_ns=19.86
    )
    small = make_run(tmp_path, "small", lut=3000)
    large = make_run(tmp_path, "large", reports=(open_report(6000), csynth))
    result = report([small, large], output=tmp_path / "out", baseline="large")
    text = (result.path / "report.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [(r["run"], r["lut[open]"], r["lut[csynth]"]) for r in rows] == [
        ("small", "3000", ""),
        ("large", "6000", ""),
        ("large", "", "188486"),
    ]
    assert rows[0]["lut_difference[open]"] == "-0.5"
    page = (result.path / "report.md").read_text(encoding="utf-8")
    assert "Difference to large, level open" in page
    assert "| small | Yosys 0.70 | +0.0 % | +0.0 % | +0.0 % | −50.0 % |" in page
    overview, *levels = page.split("**Level ")
    assert "| Run | LUT, csynth | ns, csynth | LUT, open | ns, open |" in overview
    tables = [table for table in levels if "188\u202f486" in table]
    assert all("6\u202f000 |" not in table for table in tables)


def test_only_published_designs_of_a_level_stand_beside_it(tmp_path):
    page = (report(make_run(tmp_path)).path / "report.md").read_text(encoding="utf-8")
    before, after = page.split("## Published designs at other levels or of other tasks")
    assert "GELATO L1Topo R&D, routed" not in before
    assert "GELATO L1Topo R&D, routed" in after
    assert "not comparable" in after
    assert "Jet tagging" not in before
    assert "**Published designs of other tasks, level routed: not comparable with the tables above**" in after


def test_equal_names_are_told_apart(tmp_path):
    paths = [make_run(tmp_path / folder) for folder in ("a", "b")]
    result = report(paths, output=tmp_path / "out")
    assert [row["run"] for row in result.entries] == ["demo", "demo-2"]


def test_a_passed_limit_fails_after_the_report_is_written(tmp_path):
    run = make_run(tmp_path)
    with pytest.raises(
        LimitError, match=r"^The limit 'lut > 5000' is exceeded by demo \(Yosys 0\.70, open\); make the design smaller"
    ) as caught:
        report(run, fail_if="lut > 5000")
    assert caught.value.exit_code == 1
    assert (run / "report" / "report.html").is_file()
    assert not report(run, fail_if="lut > 6000 or latency_ns > 25 or dsp != 0").fresh


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"fail_if": "slack_ns < 0"},
            r"^The condition 'slack_ns < 0' needs slack_ns of demo \(Yosys 0\.70, open\), which nothing gives",
        ),
        ({"fail_if": "luts > 1"}, r"^The condition 'luts > 1' names 'luts'"),
        ({"baseline": "dmo"}, r"^There is no run 'dmo' with a resource report to compare with; did you mean 'demo'\?$"),
    ],
)
def test_impossible_questions_are_refused(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        report(make_run(tmp_path), **arguments)


def test_places_that_hold_nothing_are_named(tmp_path):
    with pytest.raises(InputError, match=r"^A report needs at least one run"):
        report([])
    with pytest.raises(ArtefactError, match=r"^There is nothing at '.*/none'; give a configuration"):
        report(tmp_path / "none")
    with pytest.raises(ArtefactError, match=r"^'.*model' is an artefact of kind 'model' without resource reports"):
        report(make_run(tmp_path) / "model")


def test_a_synthesis_folder_and_a_file_of_reports_are_runs_too(tmp_path):
    run = make_run(tmp_path)
    result = report([run / "synth_open", run / "synth_open" / "reports.json"], output=tmp_path / "out")
    assert [(row["run"], row["lut"], row["auc"]) for row in result.entries] == [("demo", 6000, None), ("reports", 6000, None)]


def test_a_run_without_synthesis_says_so(tmp_path):
    import shutil

    run = make_run(tmp_path)
    shutil.rmtree(run / "synth_open")
    page = (report(run).path / "report.md").read_text(encoding="utf-8")
    assert "There is no resource report yet" in page
    with pytest.raises(InputError, match=r"^The condition 'lut > 1' has no resource report to look at; run 'l1ad synth' first"):
        report(run, fail_if="lut > 1")


def test_no_training_framework_is_loaded(tmp_path):
    run = make_run(tmp_path)
    code = f"import sys; from pathlib import Path; from l1ad.stages.report import report; report(Path({str(run)!r})); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorflow", "qkeras", "hls4ml", "alkaid", "keras"} & set(loaded)


def test_what_does_not_keep_the_budget_or_belongs_to_another_model_is_said(tmp_path):
    run = make_run(
        tmp_path, reports=(open_report(2_000_000, path_ns=25.383, slack_ns=-0.383, others=(("yosys_logic_cells", 5898),)),)
    )
    manifest = json.loads((run / "synth_open" / "manifest.json").read_text(encoding="utf-8"))
    manifest["inputs"] = {"model": "0" * 64}
    (run / "synth_open" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    page = (report(run).path / "report.md").read_text(encoding="utf-8")
    assert (
        "**Caution:** demo (Yosys 0.70, open) by estimate exceeds the latency budget of ATLAS L1Topo (Phase-I), new data every 25 ns: 25.38 ns of 25.00 ns."
        in page
    )
    assert "**Caution:** demo (Yosys 0.70, open) by estimate does not fit xcvu9p-flga2104-2-e: too many LUT." in page
    assert "**Caution:** demo (Yosys 0.70, open) by estimate misses its clock of 25.0 ns by 0.383 ns." in page
    assert "**Caution:** synth\\_open was made from another model than the run holds now; run its stage again." in page
    assert "| yosys\\_logic\\_cells | 5\u202f898 |" in page


def test_equal_scores_are_one_curve(tmp_path):
    from l1ad.reporting.physics_sections import distinct_scores
    from tests.datasets_made import make_dataset, make_scores, pt_sum

    dataset = make_dataset(tmp_path / "dataset")
    codes = pt_sum(dataset)
    sets = [
        make_scores(dataset, codes * 0.25, Source.FLOAT),
        *(make_scores(dataset, codes, s) for s in (Source.QKERAS, Source.CSIM)),
    ]
    assert [names for names, _ in distinct_scores(sets)] == ["float", "qkeras = csim"]


def test_a_baseline_without_a_row_of_a_common_level_is_said(tmp_path):
    csynth = ResourceReport("Vitis HLS", Level.CSYNTH, "2024.1", part=PART, lut=7, clock_estimate_ns=19.86)
    runs = [make_run(tmp_path, "ours"), make_run(tmp_path, "theirs", reports=(csynth,))]
    text = (report(runs, output=tmp_path / "out", baseline="theirs").path / "report.md").read_text(encoding="utf-8")
    assert "Nothing is compared with theirs: no other run has a report of one of its levels." in text


def test_a_board_file_that_is_not_found_from_here_is_no_error(tmp_path, monkeypatch):
    run = make_run(tmp_path)
    manifest = run / "csim" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"l1topo"', '"boards/mine.yaml"'))
    assert report(run).entries[0]["latency_of_budget"] is None
