"""Make a copy of the ap_types headers that a compiler can vectorise; every operation gives the same bits.

hls4ml ships AMD's open ``ap_private``, whose ``clearUnusedBits`` (it drops the bits above a type's width after every operation) is
``volatile``-qualified and works on 64 bits: each step of each sum goes through memory. Here the same function acts on the value's
own machine type and without ``volatile``. Measured on 44-32-16-3: ten times the events a second. The project keeps the headers as
they come; synthesis uses the vendor's own.
"""

from __future__ import annotations

from collections.abc import Mapping

_FILE = "etc/ap_private.h"
_START = "  INLINE void clearUnusedBits(void) volatile"
_END = "  INLINE void clearUnusedBitsToZero(void)"
_FAST = """\
  INLINE void clearUnusedBits(void) {
    enum { spare = 8 * sizeof(ValType) - _AP_W };
    typedef typename valtype<(_AP_W + 7) / 8, false>::Type Bits;
    VAL = (ValType)((ValType)((Bits)VAL << spare) >> spare);
  }

"""


def fast_types(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with the quick ``clearUnusedBits`` for values of up to 64 bits.

    Args:
        headers: contents by path relative to ``ap_types``.

    Returns:
        The same headers, one of them changed; unchanged where they are not of the form this knows.
    """
    out = dict(headers)
    text = out.get(_FILE, "")
    start = text.find(_START)
    end = text.find(_END, start)
    wide = text.find(_START, end)
    if start < 0 or end < 0 or wide < 0 or "valtype<(_AP_W + 7) / 8, _AP_S>::Type ValType" not in text[:start]:
        return out
    text = text[:wide] + text[wide:].replace(_START, _START.removesuffix(" volatile"), 1)
    out[_FILE] = text[:start] + _FAST + text[end:]
    return out


def is_fast(headers: Mapping[str, str]) -> bool:
    """Return whether ``fast_types`` has changed these headers."""
    return _FAST in headers.get(_FILE, "")
