"""Test that the quick simulation types give the same bits as the headers they are made from."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from l1ad import toolchain
from l1ad.hls.csim import compile_cpp
from l1ad.hls.simulation_types import fast_types, is_fast

PROGRAM = """
#include <cstdio>
#include "ap_fixed.h"
#include "ap_int.h"

static unsigned long long digest = 1469598103934665603ull;
static void add(unsigned long long v) { digest = (digest ^ v) * 1099511628211ull; }

template <class A, class B, class OUT> void pair() {
    for (int i = 0; i < (1 << A::width); i++)
        for (int j = 0; j < (1 << B::width); j++) {
            A a; a.range() = i;
            B b; b.range() = j;
            OUT sum = a + b, difference = a - b, product = a * b, moved = a;
            moved += b;
            add(sum.range().to_uint64()); add(difference.range().to_uint64());
            add(product.range().to_uint64()); add(moved.range().to_uint64());
            add(a < b); add(a == b);
        }
}
template <int W, ap_q_mode Q> void modes() {
    pair<ap_fixed<6, 3>, ap_ufixed<5, 1>, ap_fixed<W, 3, Q, AP_SAT>>();
    pair<ap_ufixed<6, 7>, ap_fixed<5, -1>, ap_ufixed<W, 3, Q, AP_WRAP>>();
}
template <int W> void width() {
    modes<W, AP_TRN>(); modes<W, AP_RND_CONV>();
    for (long long i = -300; i < 300; i++) {
        ap_int<W> a = i * 1234567891ll;
        ap_uint<W> b = a;
        a += b; b -= 3; a = a >> 2; b = b << 1;
        add(a.to_int64()); add(b.to_uint64()); add((a * b).to_int64()); add((~a).to_int64()); add((-a).to_int64());
    }
}
int main() {
    width<7>(); width<16>();
    for (long long i = -3; i < 3; i++) {
        ap_int<64> a = i * 4611686018427387904ll; ap_uint<63> b = a; ap_int<70> c = a; c = c * 3 + b;
        add(a.to_int64()); add(b.to_uint64()); add(c.to_int64());
    }
    std::printf("%llu\\n", digest);
}
"""


def shipped_headers() -> dict[str, str]:
    spec = importlib.util.find_spec("hls4ml")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'hls4ml'", name="hls4ml")
    root = Path(spec.origin).parent / "templates/vivado/ap_types"
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in root.rglob("*.h")}


def test_the_headers_of_this_hls4ml_are_known() -> None:
    headers = shipped_headers()
    fast = fast_types(headers)
    assert not is_fast(headers)
    assert is_fast(fast)
    assert {name for name in headers if headers[name] != fast[name]} == {"etc/ap_private.h"}
    assert "INLINE void clearUnusedBits(void) volatile" not in fast["etc/ap_private.h"]


def test_headers_of_another_form_are_left_alone() -> None:
    headers = {"etc/ap_private.h": "INLINE void clearUnusedBits(void) {}", "ap_int.h": ""}
    assert fast_types(headers) == headers
    assert fast_types({}) == {}


@pytest.mark.skipif(toolchain.find("g++") is None, reason="there is no C++ compiler")
def test_both_headers_give_the_same_bits(tmp_path: Path) -> None:
    digests = []
    for name, headers in (("shipped", shipped_headers()), ("fast", fast_types(shipped_headers()))):
        folder = tmp_path / name
        for file, text in headers.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        (folder / "same.cpp").write_text(PROGRAM, encoding="utf-8")
        compile_cpp(["-std=c++17", "-O1", "-w", "-I.", "same.cpp", "-o", "same"], folder, "same.cpp")
        tool = toolchain.FoundTool(toolchain.GXX, folder / "same", (str(folder / "same"),))
        digests.append(toolchain.run(tool, [], cwd=folder, log=folder / "run.log").text())
    assert digests[0] == digests[1]
    assert int(digests[0]) != 0
