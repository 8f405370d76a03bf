import io

from rich.console import Console

from l1ad.reporting.terminal import render


def shown(data: dict[str, object]) -> str:
    out = io.StringIO()
    render(data, Console(file=out, width=100))
    return out.getvalue()


def test_scalars_lists_records_and_tables() -> None:
    text = shown(
        {
            "n_events": 100000,
            "exact": True,
            "parted_at": None,
            "clock": 25.0,
            "report": {"lut": 0, "dsp": None},
            "signals": [{"name": "ttbar", "auc": 0.91234, "empty": None}, {"name": "a_4l", "auc": 0.5, "empty": None}],
        }
    )
    assert "n_events: 100000" in text
    assert "exact: yes" in text
    assert "parted_at: –" in text
    assert "clock: 25" in text
    assert "0.9123" in text
    assert "empty" not in text


def test_a_zero_is_shown_and_an_absent_value_is_left_out_of_a_record() -> None:
    text = shown({"report": {"lut": 0, "dsp": None}})
    assert "lut │ 0" in text
    assert "dsp" not in text


def test_an_absent_value_is_a_dash_in_a_table_of_records() -> None:
    rows = shown({"runs": [{"name": "csynth", "dsp": None}, {"name": "routed", "dsp": 0}]}).splitlines()
    assert [row.split("│")[2].strip() for row in rows if "csynth" in row or "routed" in row] == ["–", "0"]


def test_a_record_of_many_values_is_shown_from_top_to_bottom() -> None:
    text = shown({"reports": [{f"field_{i}": i for i in range(13)}, {f"field_{i}": i for i in range(13)}]})
    assert "reports 1" in text
    assert "reports 2" in text
    assert "field_12 │ 12" in text


def test_a_long_table_says_what_it_leaves_out() -> None:
    assert "5 more rows; --json gives all" in shown({"events": [{"i": i} for i in range(65)]})


def test_names_can_be_copied_from_the_screen() -> None:
    text = shown(
        {
            "layers": {"q_dense": "ap_fixed<8,4>", "q_dense_1": "ap_fixed<8,4>"},
            "bits": {"L1_2EM15": {"rate_hz": 1.0}, "L1_4JET": {"rate_hz": 2.0}},
            "trigger_bits": {"anomaly_tight": {"L1_2EM15": 3}},
        }
    )
    for name in ("│ q_dense ", "│ q_dense_1 ", "│ L1_2EM15 ", "rate_hz", "anomaly_tight"):
        assert name in text
    assert "q dense" not in text


def test_a_record_without_values_is_left_out() -> None:
    assert shown({"exact": True, "physics": {"auc": None, "rates": [], "flips": {}}}) == "exact: yes\n"
