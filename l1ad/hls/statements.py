"""Phrase the steps around the network in C++: unpacking, rotation, scaling, the score, the comparators."""

from __future__ import annotations

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, Score
from l1ad.firmware.ports import Port, integer_type
from l1ad.ranges import Interval, score_grids


def signed_width(low: int, high: int) -> int:
    """Give the bits of the narrowest signed integer that holds a range."""
    return (
        max(
            low.bit_length() if low >= 0 else (-low - 1).bit_length(),
            high.bit_length() if high >= 0 else (-high - 1).bit_length(),
        )
        + 1
    )


def unpack(ports: tuple[Port, ...]) -> list[str]:
    """Take the columns out of packed words; nothing where every column has its own port."""
    lines = []
    for port in ports:
        for field in port.fields:
            if field.name != port.name:
                type_ = integer_type(field.type.width, field.type.signed)
                high = field.low + field.type.width - 1
                lines += [f"{type_} {field.name};", f"{field.name}.range() = {port.name}.range({high}, {field.low});"]
    return lines


def pack(ports: tuple[Port, ...], row: str) -> list[str]:
    """Declare the ports' values from a row of hardware integers.

    Args:
        ports: the data inputs.
        row: C++ expression of the array of columns.
    """
    lines = []
    for port in ports:
        if len(port.fields) == 1 and port.fields[0].name == port.name:
            lines.append(f"{port.hls_type} {port.name} = {row}[{port.fields[0].column}];")
            continue
        lines.append(f"{port.hls_type} {port.name} = 0;")
        for field in port.fields:
            type_ = integer_type(field.type.width, field.type.signed)
            high = field.low + field.type.width - 1
            lines.append(f"{port.name}.range({high}, {field.low}) = {type_}({row}[{field.column}]).range();")
    return lines


def scaling(network: Network) -> list[str]:
    """Leave out objects below threshold, rotate, subtract the offset, move the binary point and cast, column by column."""
    lines = _cuts(network)
    names = _kept(network)
    ranges = [Interval(column.type.min_int, column.type.max_int) for column in network.layout.columns]
    if network.scaling.phi_reference is not None:
        rotation, names, ranges = _rotation(network, names, ranges)
        lines += rotation
    for i, (name, range_) in enumerate(zip(names, ranges, strict=True)):
        offset, shift = network.scaling.offset[i], network.scaling.shift[i]
        width = signed_width(range_.low - offset, range_.high - offset)
        width = max(width, signed_width(offset, offset), signed_width(range_.low, range_.high))
        difference = f"ap_int<{width}>({name})" + (f" - ap_int<{width}>({offset})" if offset else "")
        lines.append(f"scaled[{i}] = l1ad::shifted<{width}, {shift}>({difference});")
    return lines


def _kept(network: Network) -> list[str]:
    """Name the variable of each column that is 0 where its object is below its pt threshold: the port itself where there is none."""
    least = network.scaling.thresholds(network.layout)
    return [f"{port}_kept" if count else port for port, count in zip(network.layout.ports, least, strict=True)]


def _cuts(network: Network) -> list[str]:
    """Set all features of objects below their pt threshold to 0."""
    layout, least = network.layout, network.scaling.thresholds(network.layout)
    lines = []
    for i, (presence, name) in enumerate(zip(layout.presence_column, _kept(network), strict=True)):
        if least[i]:
            type_ = layout.columns[i].type
            lines.append(f"{integer_type(type_.width, type_.signed)} {name} = {layout.ports[i]};")
            lines.append(f"if ({layout.ports[presence]} < {least[i]}) {name} = 0;")
    return lines


def _rotation(network: Network, names: list[str], ranges: list[Interval]) -> tuple[list[str], list[str], list[Interval]]:
    layout, kind = network.layout, network.scaling.phi_reference or ""
    slot = layout.slot(kind)
    column = layout.slot_columns(kind).start + slot.features.index("phi")
    lines, turned, new = [], list(names), list(ranges)
    for i, presence in enumerate(layout.presence_column):
        period = layout.phi_period(i)
        if period is None:
            continue
        reference, range_ = _on_grid(names[column], ranges[column], period, slot.phi_period or 1)
        span = Interval(ranges[i].low - range_.high, ranges[i].high - range_.low)
        width = max(signed_width(span.low - period, span.high + period), signed_width(range_.low, range_.high))
        turned[i], new[i] = f"{names[i]}_turned", Interval(-(period // 2), period - 1 - period // 2)
        difference = f"ap_int<{width}>({names[i]}) - ap_int<{width}>({reference})"
        lines += [
            f"ap_int<{width}> {turned[i]} = {_wrapped(difference, width, period, span)};",
            f"if ({names[presence]} == 0) {turned[i]} = 0;",
        ]
    return lines, turned, new


def _on_grid(name: str, range_: Interval, period: int, reference: int) -> tuple[str, Interval]:
    """Put the reference's phi on another column's grid: multiplied by the ratio of the periods, or truncated where that is coarser."""
    if period % reference == 0:
        ratio = period // reference
        moved = range_.times(ratio)
        width = signed_width(moved.low, moved.high)
        return (name if ratio == 1 else f"ap_int<{width}>(ap_int<{width}>({name}) * {ratio})"), moved
    ratio = reference // period
    if ratio & (ratio - 1):
        raise ConversionError(
            f"Phi of {name} is {ratio} times finer than another column's, which is no power of two; use another phi_reference."
        )
    bits = ratio.bit_length() - 1
    width = signed_width(range_.low, range_.high)
    return f"(ap_int<{width}>({name}) >> {bits})", Interval(range_.low >> bits, range_.high >> bits)


def _wrapped(difference: str, width: int, period: int, span: Interval) -> str:
    """Bring a difference of angles into ``[-period / 2, period / 2)``."""
    if period & (period - 1) == 0:
        bits = period.bit_length() - 1
        return f"ap_int<{bits}>({difference})" if bits else "0"
    half = period // 2
    low, high = (span.low + half) // period, (span.high + half) // period
    return f"l1ad::remainder<{period}, {low}, {high}, {width}>({difference} + ap_int<{width}>({half})) - ap_int<{width}>({half})"


def score(network: Network) -> list[str]:
    """Compute the score's terms from ``scaled`` and ``output`` and sum them exactly."""
    kind = network.score.kind
    terms = _reconstruction(network) if kind.is_reconstruction else _latent(network)
    n_terms = len(network.score.columns) if kind.is_reconstruction else _n_means(network)
    return [
        *terms,
        "sum_t sum = 0;",
        f"for (int i = 0; i < {n_terms}; i++) {{",
        "    #pragma HLS UNROLL",
        "    sum += terms[i];",
        "}",
        "total_t total = sum;",
    ]


def _reconstruction(network: Network) -> list[str]:
    spec, layout, names = network.score, network.layout, _kept(network)
    lines = _array("difference_t", "differences", len(spec.columns)) + _array("term_t", "terms", len(spec.columns))
    for k, column in enumerate(spec.columns):
        lines.append(f"differences[{k}] = {_difference(network, column)};")
        lines.append(f"terms[{k}] = square_t(differences[{k}] * differences[{k}]);")
        if spec.kind is Score.MASKED_MSE:
            lines.append(f"if ({names[layout.presence_column[column]]} == 0) terms[{k}] = 0;")
    n = len(spec.columns)
    return [*lines, f'L1AD_TRACE("difference", differences, {n});', f'L1AD_TRACE("square", terms, {n});']


def _difference(network: Network, column: int) -> str:
    plain = f"scaled[{column}] - output[{column}]"
    if not network.score.cyclic:
        return plain
    source, output = network.scaling.type, network.layers[-1].output
    fractional = max(source.fractional, output.fractional)
    turn = network.phi_turn(column, fractional)
    largest = max(abs(t.min_int) + t.max_int << (fractional - t.fractional) for t in (source, output))
    if turn is None or turn > 4 * largest:  # half a turn is then beyond any difference
        return plain
    return f"l1ad::folded<{turn}LL>({plain})"


def _latent(network: Network) -> list[str]:
    kind, n = network.score.kind, _n_means(network)
    body = "square_t(output[i])" if kind is Score.LINEAR else "square_t(output[i] * output[i])"
    if kind.needs_log_variance:
        address = network.layers[-1].output
        lines = [
            f"ap_uint<{address.width}> address = 0;",
            f"address.range() = output[i + {n}].range();",
            *([f"address[{address.width - 1}] = !address[{address.width - 1}];"] if address.signed else []),
            "table_t entry;",
            "entry.range() = score_table[address].range();",
            f"terms[i] = {body} {'+' if kind is Score.KL else '*'} entry;",
        ]
    else:
        lines = [f"terms[i] = {body};"]
    loop = [f"for (int i = 0; i < {n}; i++) {{", "    #pragma HLS UNROLL", *(f"    {line}" for line in lines), "}"]
    return [*_array("term_t", "terms", n), *loop, f'L1AD_TRACE("square", terms, {n});']


def _n_means(network: Network) -> int:
    outputs = network.layers[-1].n_out
    return outputs // 2 if network.score.kind.needs_log_variance else outputs


def _array(type_: str, name: str, size: int) -> list[str]:
    return [f"{type_} {name}[{size}];", f"#pragma HLS ARRAY_PARTITION variable={name} complete dim=0"]


def score_types(network: Network) -> dict[str, str]:
    """Give the C++ types of the score's steps by name; ``term_t`` and ``sum_t`` are wide enough to lose nothing."""
    spec = network.score
    kind = spec.kind
    n_terms = len(spec.columns) if kind.is_reconstruction else _n_means(network)
    low, high = _term_range(network)
    fractional = score_grids(network).term
    types = {"square_t": str(spec.square), "term_t": _holding(low, high, fractional)}
    types |= {"sum_t": _holding(n_terms * low, n_terms * high, fractional), "total_t": str(spec.total)}
    if spec.difference is not None and kind.is_reconstruction:
        types["difference_t"] = str(spec.difference)
    if spec.table is not None and kind.needs_log_variance:
        types["table_t"] = str(spec.table)
    return types


def _term_range(network: Network) -> tuple[int, int]:
    """Bound a term's codes by what its types can hold, on the sum's grid, with 0 in it."""
    spec, grid = network.score, score_grids(network).term
    square, table = spec.square, spec.table
    if spec.kind is Score.R_Z and table is not None:
        corners = [a * b for a in (square.min_int, square.max_int) for b in (table.min_int, table.max_int)]
        return min(0, *corners), max(0, *corners)
    low, high = (code << (grid - square.fractional) for code in (square.min_int, square.max_int))
    if spec.kind is Score.KL and table is not None:
        low += table.min_int << (grid - table.fractional)
        high += table.max_int << (grid - table.fractional)
    return min(0, low), max(0, high)


def _holding(low: int, high: int, fractional: int) -> str:
    if low >= 0:
        width = max(1, high.bit_length())
        return f"ap_ufixed<{width},{width - fractional}>"
    width = signed_width(low, high)
    return f"ap_fixed<{width},{width - fractional}>"


def comparators(network: Network, ports: bool) -> list[str]:
    """Set a trigger bit where the score reaches its threshold.

    Args:
        network: the network with its thresholds.
        ports: whether thresholds are ports instead of constants.
    """
    total = network.score.total
    code = integer_type(total.width, total.signed)
    return [f"{t.port} = score >= " + (f"{t.value_port};" if ports else f"{code}({t.value}LL);") for t in network.thresholds]


def table_header(network: Network) -> str | None:
    """Write the score's lookup table as a constant array; None for a score without one."""
    spec = network.score
    if spec.table is None or not spec.kind.needs_log_variance:
        return None
    codes = spec.table_codes(network.layers[-1].output)
    type_: FixedPoint = spec.table
    mask = (1 << type_.width) - 1
    values = ",\n".join(
        ", ".join(str(int(code) & mask) for code in codes[start : start + 16]) for start in range(0, len(codes), 16)
    )
    return (
        "// Codes of the score's table by the address's code, lowest first.\n"
        "#ifndef L1AD_SCORE_TABLE_H_\n#define L1AD_SCORE_TABLE_H_\n\n"
        '#include "ap_int.h"\n\n'
        f"static const ap_uint<{type_.width}> score_table[{len(codes)}] = {{\n{values}}};\n\n#endif\n"
    )
