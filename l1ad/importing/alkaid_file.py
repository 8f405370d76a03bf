"""Read a graph that alkaid saved (``CombLogic.save``, ALIR version 4) as plain data, with every number checked; alkaid itself is not needed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from l1ad.core.errors import ModelError, reason_of
from l1ad.core.fixed import MAX_WIDTH, FixedPoint
from l1ad.core.json_text import parse_json

#: The form that alkaid 0.8 writes.
VERSION = 4
#: Bytes of a file's text, operations, inputs and outputs at most.
MAX_BYTES, MAX_OPERATIONS, MAX_PORTS = 64 * 2**20, 200_000, 1 << 12
_GZIP = b"\x1f\x8b"
#: Bits that a value is moved at most.
_FARTHEST = 128


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a graph.

    Attributes:
        code: which operation.
        reads: the steps it reads.
        data: what else it needs, by its code.
        type: of what it gives, truncating and wrapping; None where that is always 0.
        step: distance of two of its values.
    """

    code: int
    reads: tuple[int, ...]
    data: tuple[int, ...]
    type: FixedPoint | None
    step: Fraction


@dataclass(frozen=True, slots=True)
class AlkaidGraph:
    """A graph.

    Attributes:
        n_inputs: number of inputs.
        input_shifts: bits that each input is moved up first.
        operations: each after those it reads.
        outputs: step (-1 for none, which is 0), bits it is moved up, and whether it is negated, for each output.
    """

    n_inputs: int
    input_shifts: tuple[int, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[tuple[int, int, bool], ...]


def is_alkaid(path: Path) -> bool:
    """Return whether a file's name is that of a graph in JSON, plain or compressed."""
    return path.name.lower().endswith((".json", ".json.gz"))


def read_alkaid(path: Path) -> AlkaidGraph:
    """Read a graph.

    Args:
        path: the file, plain or compressed by gzip.

    Returns:
        The graph.

    Raises:
        ModelError: the file cannot be read, is too large, of another form or version, or its numbers are not a graph's.
    """
    try:
        data = parse_json(_text(path))
    except OSError as error:
        raise ModelError(f"Cannot read {str(path)!r}: {reason_of(error)}.") from None
    except (ValueError, EOFError, zlib.error) as error:
        raise ModelError(f"{str(path)!r} is no graph of alkaid ({error}); save it with alkaid's CombLogic.save.") from None
    kind = data.get("meta") if isinstance(data, dict) else type(data).__name__
    if kind != "ALIRModel" or data.get("spec_version") != VERSION:
        version = data.get("spec_version") if isinstance(data, dict) else None
        raise ModelError(
            f"{str(path)!r} is {kind!r} of version {version!r}, expected 'ALIRModel' of version {VERSION}; load it with alkaid 0.8 and save its "
            "CombLogic again."
        )
    try:
        return _graph(data["model"])
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise ModelError(
            f"{str(path)!r} is no graph of alkaid ({type(error).__name__} {error}); save it with CombLogic.save."
        ) from None


def _text(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{str(path)!r} takes more than {MAX_BYTES // 2**20} MB; this is not a trigger network.")
    data = path.read_bytes()
    if not data.startswith(_GZIP):
        return data
    opened = zlib.decompressobj(31)
    text = opened.decompress(data, MAX_BYTES)
    if opened.unconsumed_tail:
        raise ModelError(f"{str(path)!r} unpacks to more than {MAX_BYTES // 2**20} MB; this is not a trigger network.")
    if not opened.eof:
        raise ValueError("it is cut")
    return text


def _graph(model: Any) -> AlkaidGraph:
    shape, shifts, places, moves, signs, operations = model[:6]
    n_inputs, n_outputs = (_whole(size) for size in shape)
    if not 0 < n_inputs <= MAX_PORTS or not 0 < n_outputs <= MAX_PORTS or len(operations) > MAX_OPERATIONS:
        raise ModelError(
            f"The graph has {n_inputs} inputs, {n_outputs} outputs and {len(operations)} operations, expected up to {MAX_PORTS}, {MAX_PORTS} and "
            f"{MAX_OPERATIONS}; this is not a trigger network."
        )
    steps = tuple(_operation(entry, i) for i, entry in enumerate(operations))
    outputs = tuple((_whole(p), _shift(m), bool(s)) for p, m, s in zip(places, moves, signs, strict=True))
    if len(outputs) != n_outputs or len(shifts) != n_inputs or not all(-1 <= place < len(steps) for place, _, _ in outputs):
        raise ValueError("its outputs are not those it declares")
    return AlkaidGraph(n_inputs, tuple(map(_shift, shifts)), steps, outputs)


def _operation(entry: Any, place: int) -> Operation:
    reads, code, data, interval = entry[:4]
    found = tuple(_whole(read) for read in reads)
    if not all(0 <= read < place for read in found):
        raise ValueError(f"operation {place} reads one that is not before it")
    type_, step = _type(*(Fraction(end) for end in interval))
    return Operation(_whole(code), found, tuple(_whole(value) for value in data), type_, step)


def _type(low: Fraction, high: Fraction, step: Fraction) -> tuple[FixedPoint | None, Fraction]:
    """Return the smallest type of an interval, and its step; None for an interval of nothing but 0."""
    if low == high == 0:
        return None, step
    if step <= 0 or (step.numerator & (step.numerator - 1)) or (step.denominator & (step.denominator - 1)) or low > high:
        raise ValueError(f"an interval from {float(low):g} to {float(high):g} in steps of {float(step):g}")
    fractional = step.denominator.bit_length() - step.numerator.bit_length()
    ends = [int(end / step) for end in (low, high)]
    signed = low < 0
    width = int(signed) + max(ends[1].bit_length() if ends[1] > 0 else 0, (-ends[0] - 1).bit_length() if signed else 0)
    if not 1 <= width <= MAX_WIDTH or abs(fractional) > _FARTHEST:
        raise ModelError(f"The graph has a value of {width} bits; this is not a trigger network.")
    return FixedPoint(signed, width, width - fractional), step


def _whole(value: Any) -> int:
    if isinstance(value, bool) or value != int(value):
        raise ValueError(f"{value!r} instead of a whole number")
    return int(value)


def _shift(value: Any) -> int:
    bits = _whole(value)
    if abs(bits) > _FARTHEST:
        raise ValueError(f"a value moved by {bits} bits")
    return bits
