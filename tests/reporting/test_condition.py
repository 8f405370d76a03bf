import pytest

from l1ad.core.errors import InputError
from l1ad.reporting.condition import parse_condition

NAMES = ("lut", "latency_ns", "dsp", "level")
VALUES = {"lut": 5001, "latency_ns": 24.5, "dsp": None, "level": "routed"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lut > 5000", True),
        ("lut > 5000 and latency_ns > 25", False),
        ("lut > 5000 or latency_ns > 25", True),
        ("not lut > 5000", False),
        ("not (lut <= 5000 or latency_ns >= 25.0)", True),
        ("0 < latency_ns < 25", True),
        ("0 < latency_ns < 24.5", False),
        ("level == 'routed' and lut != 5000", True),
        ("level == 'open' and dsp > 0", False),
        ("latency_ns > -1", True),
        (" lut == 5001 ", True),
    ],
)
def test_conditions_compare(text, expected):
    assert parse_condition(text, NAMES).holds(VALUES, "demo") is expected


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true') > 0",
        "lut",
        "lut > 5000 if dsp else 1",
        "lut > (lambda: 1)()",
        "lut.real > 5",
        "lut + 1 > 5",
        "lut in (1, 2)",
        "lut > [1][0]",
        "(lut := 5) > 4",
        "lut > f'{dsp}'",
        "lut > True",
        "lut > 5000; dsp > 1",
        "",
        "lut >",
        "lut = 5",
        "-lut > 5",
        "lut > 1j",
        "\x00",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(InputError, match=r"^The condition .* write for example 'lut > 5000 or latency_ns > 25'\.$"):
        parse_condition(text, NAMES)


def test_deep_nesting_is_refused_without_a_crash():
    with pytest.raises(InputError, match=r"is not a comparison; write for example"):
        parse_condition("(" * 240 + "lut > 1" + ")" * 240, NAMES)
    with pytest.raises(InputError, match=r"^A condition has at most 500 characters, got 10007; write it shorter\.$"):
        parse_condition("(" * 5000 + "lut > 1" + ")" * 5000, NAMES)


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(InputError, match=r"^The condition 'luts > 1' names 'luts', which no run has; did you mean 'lut'\?$"):
        parse_condition("luts > 1", NAMES)


def test_an_absent_number_that_decides_is_an_error():
    with pytest.raises(InputError, match=r"^The condition 'dsp > 0' needs dsp of demo, which nothing gives; remove it"):
        parse_condition("dsp > 0", NAMES).holds(VALUES, "demo")


def test_text_against_number_is_an_error():
    with pytest.raises(InputError, match=r"^The condition 'level > 3' compares 'routed' with 3; put texts in quotes"):
        parse_condition("level > 3", NAMES).holds(VALUES, "demo")
