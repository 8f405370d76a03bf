import pytest

from l1ad.reporting import document as d


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.0, "0"),
        (1234567, "1\u202f234\u202f567"),
        (0.5, "0.500"),
        (123.456, "123"),
        (-12.34, "−12.3"),
        (17919.4, "17\u202f919"),
        (2.5e7, "2.50·10⁷"),
        (1e-6, "1.00·10⁻⁶"),
        (float("nan"), "not a number"),
    ],
)
def test_numbers_are_written_for_people(value, text):
    assert d.number(value) == text


def test_errors_decide_the_places():
    assert d.with_error(0.91234, 0.0021, 100) == "91.23 ± 0.21"
    assert d.with_error(12.0, 3.0) == "12.0 ± 3.0"
    assert d.with_error(1.0, float("inf")) == "1.000"
    assert d.between(0.123, 0.12, 0.13) == "12.30 +0.70 −0.30"
    assert d.between(0.0, 0.0, 0.0) == "0.0 +0.0 −0.0"


def test_absent_is_a_dash_and_never_zero():
    assert d.percent(None) == d.signed_percent(None) == d.ABSENT
    assert d.signed_percent(-0.25) == "−25.0 %"
    assert d.signed_percent(0.0) == "+0.0 %"


def test_a_table_refuses_a_row_of_another_length():
    with pytest.raises(ValueError, match=r"^Table 't' has 2 columns and a row of 1 cells\.$"):
        d.Table("t", d.number_columns("a", "b"), (("1",),))
