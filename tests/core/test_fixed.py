"""Fixed-point arithmetic is that of the ``ap_types`` headers hls4ml ships, for every mode, and its text forms round-trip."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1ad.core.errors import ConfigError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, Overflow, Rounding, shift_right
from l1ad.ranges import round_shift

MODES = list(itertools.product(Rounding, Overflow))
#: The source of every cast: all codes of a 14-bit type with 6 fractional bits, its range far beyond the 12-bit targets' below.
SOURCE_BITS, SOURCE_FRACTIONAL = 14, 6

PROGRAM = """
#include <cstdint>
#include <cstdio>
#include "ap_fixed.h"
static uint16_t table[1 << {bits}];
template <class From, class To, int width> void dump() {{
  for (int i = 0; i < (1 << {bits}); ++i) {{
    From from;
    from.range({bits} - 1, 0) = i;
    To to = from;
    table[i] = (uint16_t)to.range(width - 1, 0).to_uint();
  }}
  fwrite(table, 2, 1 << {bits}, stdout);
}}
int main() {{
{calls}
}}
"""


def ap_types() -> Path:
    spec = importlib.util.find_spec("hls4ml")
    if spec is None or spec.origin is None:
        pytest.skip("hls4ml, which ships the ap_types headers, is not installed")
    return Path(spec.origin).parent / "templates" / "vivado" / "ap_types"


def targets(grids: list[tuple[int, int]]) -> list[FixedPoint]:
    """Return types of (width, fractional) in every mode, signed and unsigned."""
    return [
        FixedPoint(signed, width, width - fractional, *modes)
        for (width, fractional), signed, modes in itertools.product(grids, (True, False), MODES)
    ]


def hls_tables(folder: Path, source: FixedPoint, types: list[FixedPoint]) -> np.ndarray:
    """Compile and run the casts with the HLS headers; codes of shape ``(n_types, 2 ** SOURCE_BITS)``."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    from_text = f"ap_{'' if source.signed else 'u'}fixed<{source.width}, {source.integer}>"
    calls = "\n".join(
        f"  dump<{from_text}, ap_{'' if t.signed else 'u'}fixed<{t.width}, {t.integer}, AP_{t.rounding.value}, AP_{t.overflow.value}>, {t.width}>();"
        for t in types
    )
    (folder / "casts.cpp").write_text(PROGRAM.format(bits=SOURCE_BITS, calls=calls))
    command = ["g++", "-std=c++17", "-O0", "-w", f"-I{ap_types()}", "casts.cpp", "-o", "casts"]
    subprocess.run(command, cwd=folder, check=True)
    out = subprocess.run([str(folder / "casts")], check=True, capture_output=True).stdout
    raw = np.frombuffer(out, dtype=np.uint16).reshape(len(types), 1 << SOURCE_BITS).astype(np.int64)
    high = np.array([type_.max_int for type_ in types])[:, np.newaxis]
    return np.where(raw > high, raw - (1 << np.array([type_.width for type_ in types]))[:, np.newaxis], raw)


def check_casts(folder: Path, source: FixedPoint, types: list[FixedPoint]) -> None:
    tables = hls_tables(folder, source, types)
    raw = np.arange(1 << SOURCE_BITS)
    codes = np.where(raw > source.max_int, raw - (1 << SOURCE_BITS), raw)
    values = source.from_int(codes)
    for type_, table in zip(types, tables, strict=True):
        np.testing.assert_array_equal(type_.cast(codes, source.fractional), table, err_msg=f"cast {source} to {type_}")
        np.testing.assert_array_equal(type_.to_int(values), table, err_msg=f"float to {type_}")


@pytest.mark.parametrize("signed", [True, False])
def test_casts_are_those_of_the_hls_headers(tmp_path: Path, signed: bool) -> None:
    source = FixedPoint(signed, SOURCE_BITS, SOURCE_BITS - SOURCE_FRACTIONAL)
    grids = [(5, 1)] if signed else [(12, 8)]
    check_casts(tmp_path, source, targets(grids))


@pytest.mark.slow
@pytest.mark.parametrize("width", range(1, 13))
@pytest.mark.parametrize("signed", [True, False])
def test_all_casts_up_to_12_bits_are_those_of_the_hls_headers(tmp_path: Path, width: int, signed: bool) -> None:
    source = FixedPoint(signed, SOURCE_BITS, SOURCE_BITS - SOURCE_FRACTIONAL)
    check_casts(tmp_path, source, targets([(width, fractional) for fractional in (-2, 0, 5, 9)]))


@pytest.mark.parametrize(("rounding", "overflow"), MODES)
def test_floats_quantise_as_integers_do(rounding: Rounding, overflow: Overflow) -> None:
    codes = np.arange(-(1 << 13), 1 << 13)
    for signed, (width, fractional) in itertools.product((True, False), [(1, 0), (6, 2), (12, 12), (7, -2)]):
        type_ = FixedPoint(signed, width, width - fractional, rounding, overflow)
        np.testing.assert_array_equal(type_.to_int(np.ldexp(codes.astype(float), -5)), type_.cast(codes, 5))


@pytest.mark.parametrize("rounding", Rounding)
def test_shifts_beyond_the_word_round_like_the_number_they_stand_for(rounding: Rounding) -> None:
    values = np.array([-(2**61), -5, -1, 0, 1, 5, 2**61])
    wanted = [-int(rounding in (Rounding.TRN,)) if v < 0 else 0 for v in values]
    np.testing.assert_array_equal(shift_right(values, 70, rounding), wanted)


types = st.builds(
    FixedPoint,
    st.booleans(),
    st.integers(1, 40),
    st.integers(-20, 40),
    st.sampled_from(Rounding),
    st.sampled_from(Overflow),
)


@given(types)
def test_text_round_trips(type_: FixedPoint) -> None:
    assert FixedPoint.parse(str(type_)) == type_
    assert FixedPoint.parse(str(type_).replace("AP_", "").removeprefix("ap_")) == type_


@given(types)
def test_kif_round_trips(type_: FixedPoint) -> None:
    assert FixedPoint.from_kif(*type_.kif, type_.rounding, type_.overflow) == type_
    keep_negative, integer, fractional = type_.kif
    assert int(keep_negative) + integer + fractional == type_.width


@given(types, st.lists(st.integers(-(2**61), 2**61), min_size=1, max_size=20), st.integers(-20, 40))
def test_casts_stay_in_range_and_keep_what_is_on_the_grid(type_: FixedPoint, values: list[int], fractional: int) -> None:
    codes = type_.cast(np.array(values), fractional)
    assert codes.min() >= type_.min_int
    assert codes.max() <= type_.max_int
    np.testing.assert_array_equal(type_.cast(codes, type_.fractional), codes)


@given(types, st.integers(-(2**61), 2**61), st.integers(-20, 40))
def test_a_cast_is_that_of_integers_without_a_limit(type_: FixedPoint, value: int, fractional: int) -> None:
    code = type_.cast(np.array([value]), fractional)[0]
    assert code == _overflowed(type_, round_shift(value, fractional - type_.fractional, type_.rounding))


def _overflowed(type_: FixedPoint, code: int) -> int:
    low = type_.symmetric_min_int if type_.overflow is Overflow.SAT_SYM else type_.min_int
    if low <= code <= type_.max_int:
        return code
    match type_.overflow:
        case Overflow.WRAP:
            return (code - type_.min_int) % (1 << type_.width) + type_.min_int
        case Overflow.SAT_ZERO:
            return 0
        case Overflow.SAT:
            return type_.max_int if code > 0 else type_.min_int
        case Overflow.SAT_SYM:
            return type_.max_int if code > 0 else type_.symmetric_min_int


@pytest.mark.parametrize(
    ("text", "signed", "width", "integer"),
    [
        ("ap_fixed<8,4,AP_RND_CONV,AP_SAT>", True, 8, 4),
        ("ufixed<8,-3>", False, 8, -3),
        ("ap_int<12>", True, 12, 12),
        (" uint< 7 > ", False, 7, 7),
        ("ap_fixed<8,4,AP_TRN,AP_WRAP,0>", True, 8, 4),
    ],
)
def test_texts_that_hls_writes_are_read(text: str, signed: bool, width: int, integer: int) -> None:
    type_ = FixedPoint.parse(text)
    assert (type_.signed, type_.width, type_.integer) == (signed, width, integer)


@pytest.mark.parametrize("text", ["fixed<8>", "ap_fixed<8,4,AP_UP>", "double", "ap_int<8,4>", "ap_fixed<8,4,AP_TRN,AP_SAT,2>"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^Expected a type like 'ap_fixed<8,4,AP_RND_CONV,AP_SAT>', got '.*'\.$"):
        FixedPoint.parse(text)


@pytest.mark.parametrize("width", [0, MAX_WIDTH + 1])
def test_impossible_widths_are_refused(width: int) -> None:
    with pytest.raises(ConfigError, match=r"^A fixed-point width must be 1 to 62 bits, got \d+; choose one in that range\.$"):
        FixedPoint(True, width, 1)


def test_impossible_integer_bits_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^The integer bits of a fixed-point type must be -256 to 256, got 300\.$"):
        FixedPoint(True, 8, 300)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(value: float) -> None:
    with pytest.raises(ConfigError, match=r"^Cannot quantise NaN or infinity to ap_fixed<8,4>; clean the values first\.$"):
        FixedPoint(True, 8, 4).to_int([value])


@pytest.mark.parametrize(
    ("low", "high", "fractional", "held"), [(-8, 7, 0, True), (-9, 7, 0, False), (0, 127, 4, True), (0, 129, 4, False)]
)
def test_holding_a_range(low: int, high: int, fractional: int, held: bool) -> None:
    assert FixedPoint(True, 8, 4).holds(low, high, fractional) is held


def test_values_of_codes() -> None:
    type_ = FixedPoint(True, 8, 4)
    assert (type_.step, type_.min, type_.max) == (0.0625, -8.0, 7.9375)
    np.testing.assert_array_equal(type_.quantise([0.07, -0.01]), [0.0625, -0.0625])


@pytest.mark.parametrize(("bits", "integer"), [(2, 0), (6, 0), (6, 1), (8, 3), (10, 5), (12, 4)])
def test_conversions_from_qkeras_keep_its_values(bits: int, integer: int) -> None:
    qkeras = pytest.importorskip("qkeras")
    grid = np.ldexp(np.arange(-(1 << 12), 1 << 12, dtype=np.float32), -6)
    signed = FixedPoint.from_quantized_bits(bits, integer)
    np.testing.assert_array_equal(signed.quantise(grid), qkeras.quantized_bits(bits, integer, alpha=1)(grid).numpy())
    unsigned = FixedPoint.from_quantized_relu(bits, integer)
    np.testing.assert_array_equal(unsigned.quantise(grid), qkeras.quantized_relu(bits, integer)(grid).numpy())
