"""Damaged reports: never a crash, never a wrong number that looks right.

What a mutation may change without being noticed is what the file says only once: then the report must carry exactly the number
that now stands in the file. ``ONCE`` lists these fields for every kind of report; all other numbers are guarded by what the
file repeats (sums, percentages, both units, primitives, groups, verdicts). Reading a whole folder closes most of these gaps.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from l1ad.core.errors import ReportError
from l1ad.core.resources import ResourceReport
from l1ad.vendor.parsers import parse_folder, parse_report

GOLDEN = Path(__file__).parents[2] / "golden"
REFERENCE = Path(os.environ.get("L1AD_REFERENCE_DIR", Path(__file__).parents[4] / "shared" / "reference"))
N_MUTATIONS = 2000
N_MUTATIONS_REAL = 600

CLOCKS = {"clock_target_ns", "clock_uncertainty_ns", "clock_estimate_ns"}
COUNTS = {"lut", "ff", "dsp", "bram18", "uram"}
INTERVAL = {"ii_min", "ii_max"}
LATENCY = {"latency_min_cycles", "latency_max_cycles", "latency_ns"}
BREAKDOWN = {f"breakdown.{name}" for name in (*COUNTS, "latency_max_cycles")}
ONCE: dict[str, set[str]] = {
    "vivado_hls/2018.2/tiny_csynth.rpt": CLOCKS | INTERVAL | LATENCY | {"breakdown.latency_max_cycles"},
    "vivado_hls/2018.2/tiny_csynth.xml": CLOCKS | COUNTS | LATENCY,
    "vitis_hls/2022.2/tiny_csynth.rpt": CLOCKS | INTERVAL | {"breakdown.latency_max_cycles"},
    "vitis_hls/2022.2/tiny_csynth.xml": CLOCKS | COUNTS | INTERVAL,
    "vitis_hls/2025.1/tiny_csynth.rpt": CLOCKS | INTERVAL | LATENCY,
    "vitis_hls/2025.1/tiny_csynth.xml": CLOCKS | COUNTS | INTERVAL | LATENCY,
    "vivado/2019.2/tiny_export.rpt": CLOCKS | COUNTS | {"others"},
    "vivado/2019.2/tiny_export.xml": CLOCKS | COUNTS | {"others", "available", "level"},
    "vivado/2023.2/tiny_export.rpt": CLOCKS | COUNTS | {"others"},
    "vivado/2023.2/export_impl.xml": {"others", "available", "level", "slack_ns"} | BREAKDOWN,
    "vivado/2025.1/export_impl.rpt": {"others"},
    "vivado/2022.2/export_syn.rpt": {"others"},
    "vivado/2018.3/tiny_utilization_synth.rpt": {"carry", "others"},
    "vivado/2020.2/tiny_utilization_placed.rpt": {"others"},
    "vivado/2024.2/tiny_utilization_routed.rpt": {"others"},
    "vivado/2024.2/tiny_utilization_hierarchical_routed.rpt": set(),
    "vivado/2022.1/tiny_timing_summary_routed.rpt": {"others"},
    "vivado/2024.2/tiny_timing_routed.rpt": {"others"},
    "vivado/2021.2/tiny_timing_synth.rpt": {"others"},
    "vivado/2020.2/tiny_timing_placed.rpt": {"others"},
    "vivado/2023.2/tiny_failfast_routed.rpt": {"others"},
    "vivado_hls/2019.2/tiny_cosim.rpt": LATENCY | INTERVAL | {"others"},
    "vitis_hls/2024.1/tiny_cosim.rpt": LATENCY | INTERVAL | {"others"},
    "vitis_hls/2023.1/tiny_cosim.rpt": {"others"},
    "vitis_hls/2022.2/tiny_cosim.rpt": {"others"},
}
#: The same for real reports of public origin, which are not always there.
ONCE_REAL: dict[str, set[str]] = {
    "gelato/vitis_hls_2024.1/Topo2A_AD_proj_csynth.rpt": CLOCKS | INTERVAL | {"breakdown.latency_max_cycles"},
    "gelato/vitis_hls_2024.1/Topo2A_AD_proj_csynth.xml": CLOCKS | COUNTS,
    "gelato/vivado_2024.1/Topo2A_AD_proj_export.rpt": CLOCKS | COUNTS | {"others"},
    "gelato/vivado_2024.1/export_impl.xml": {"others", "available", "level"} | BREAKDOWN,
    "gelato/vivado_2024.1/Topo2A_AD_proj_utilization_routed.rpt": {"others"},
    "gelato/vivado_2024.1/Topo2A_AD_proj_utilization_synth.rpt": {"others"},
    "gelato/vivado_2024.1/Topo2A_AD_proj_timing_routed.rpt": {"others"},
    "gelato/vivado_2024.1/Topo2A_AD_proj_failfast_routed.rpt": {"others"},
    "hls4ml_vivado_2020.1/myproject_csynth.rpt": CLOCKS | INTERVAL | {"breakdown.latency_max_cycles"},
    "hls4ml_vivado_2020.1/myproject_csynth.xml": CLOCKS | COUNTS | INTERVAL,
    "hls4ml_vivado_2020.1/vivado_synth.rpt": {"carry", "others"},
}
#: Numbers that a report may lack: a mutation that takes one out makes it absent, never wrong.
OPTIONAL = (
    {"clock_target_ns", "clock_uncertainty_ns", "uram", "available", "others", "slack_ns", "path_ns", "latency_ns"}
    | INTERVAL
    | LATENCY
)


def truncate(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def drop_span(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 40) :]


def repeat_span(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[: at + rng.randint(1, 40)] + data[at:]


def change_byte(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.choice([*range(32, 127), 0, 9, 10, 255])]) + data[at + 1 :]


def numbers(data: bytes) -> list[re.Match[bytes]]:
    return list(re.finditer(rb"[0-9]+", data))


def change_digit(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.choice([match.start() + rng.randrange(len(match.group())) for match in numbers(data)])
    return data[:at] + rng.choice(b"0123456789").to_bytes(1, "big") + data[at + 1 :]


def drop_digit(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.choice(numbers(data)).start()
    return data[:at] + data[at + 1 :]


def add_digit(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.choice(numbers(data)).end()
    return data[:at] + rng.choice([b"0", b"7"]) + data[at:]


def replace_number(data: bytes, rng: random.Random, other: bytes) -> bytes:
    match = rng.choice(numbers(data))
    new = rng.choice(
        [b"NA", b"-1", b"nan", b"inf", b"1e9", b"", b"?", b"-", b"0x10", b"1_000", "٣".encode(), b"99999999999999999999"]
    )
    return data[: match.start()] + new + data[match.end() :]


def pad_number(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Change a number and keep every column where it was, as a careless edit does."""
    match = rng.choice(numbers(data))
    text = str(rng.randrange(10 ** len(match.group()))).rjust(len(match.group())).encode()
    return data[: match.start()] + text + data[match.end() :]


def drop_line(data: bytes, rng: random.Random, other: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return b"".join(lines[:at] + lines[at + 1 :])


def swap_lines(data: bytes, rng: random.Random, other: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines) - 1)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return b"".join(lines)


def splice(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


MUTATIONS: list[Callable[[bytes, random.Random, bytes], bytes]] = [
    *(truncate, drop_span, repeat_span, change_byte, drop_line, swap_lines, splice),
    *(change_digit, change_digit, drop_digit, add_digit, replace_number, pad_number, pad_number),
]


def plain(report: ResourceReport) -> dict[str, object]:
    """Flatten what a report says in numbers; names, versions and notes are no numbers, nor is the order of the layers."""
    skipped = {"sources", "notes", "tool", "tool_version", "top", "part", "others", "breakdown", "available"}
    values = {name: value for name, value in report.to_dict().items() if name not in skipped}
    values["available"] = report.available and (report.available.lut, report.available.ff, report.available.dsp)
    values["others"] = report.others
    for name in (*sorted(COUNTS), "latency_max_cycles"):
        values[f"breakdown.{name}"] = sorted((getattr(layer, name) for layer in report.breakdown), key=str)
    return values


def differences(original: ResourceReport, mutated: ResourceReport) -> Iterator[tuple[str, object, object]]:
    before, after = plain(original), plain(mutated)
    return ((name, before[name], after[name]) for name in before if before[name] != after[name])


def leaves(value: object) -> Iterator[float]:
    if isinstance(value, tuple | list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, int | float):
        yield value


def says(data: bytes, value: float) -> bool:
    """Whether a number stands in a file, in ns or in us."""
    found = {float(text) for text in re.findall(rb"-?[0-9]+(?:\.[0-9]+)?", data)}
    return any(abs(number * scale - value) < 1e-6 for number in found for scale in (1, 2, 1000, 1e6))


def check(
    name: str, original: ResourceReport, mutated: ResourceReport, data: bytes, once: set[str], other: ResourceReport
) -> None:
    """Refuse a changed number, unless the file says it only once, or says it because it was spliced from two whole reports."""
    elsewhere = plain(other)
    for field, before, after in differences(original, mutated):
        gone = after is None or (field in {"others"} and set(after) < set(before))  # type: ignore[call-overload]
        if (gone and field in OPTIONAL) or after == elsewhere[field]:
            continue
        if field == "latency_ns" and isinstance(before, float) and isinstance(after, float) and abs(after / before - 1) < 1e-3:
            continue  # the cycles guard it but for the last digit, since the clock is rounded too
        assert field in once, f"{name}: {field} went from {before} to {after} unnoticed"
        assert all(says(data, value) for value in leaves(after)), f"{name}: {field} is {after}, which the file does not say"


def outcome(path: Path) -> tuple[ResourceReport | None, str]:
    """Read a report, or say why not; any other exception is a failure of the test."""
    try:
        return parse_report(path), ""
    except ReportError as error:
        return None, str(error)


def mutate_and_check(folder: Path, once: dict[str, set[str]], count: int, tmp_path: Path) -> int:
    """Mutate reports, check what still parses, and give how many were refused."""
    rng = random.Random(20250505)
    names = list(once)
    texts = {name: (folder / name).read_bytes() for name in names}
    originals = {name: parse_report(folder / name) for name in names}
    refused = 0
    for number in range(count):
        name, other, mutate = names[number % len(names)], rng.choice(names), rng.choice(MUTATIONS)
        data = mutate(texts[name], rng, texts[other])
        path = tmp_path / Path(name).name
        path.write_bytes(data)
        report, reason = outcome(path)
        if report is None:
            assert str(path) in reason
            refused += 1
        else:
            check(name, originals[name], report, data, once[name], originals[other if mutate is splice else name])
    return refused


def test_mutated_reports_never_crash_and_never_lie(tmp_path: Path) -> None:
    assert mutate_and_check(GOLDEN, ONCE, N_MUTATIONS, tmp_path) > N_MUTATIONS // 4


@pytest.mark.skipif(not (REFERENCE / "gelato").is_dir(), reason="no reference folder with real reports; set L1AD_REFERENCE_DIR")
def test_mutated_real_reports_never_crash_and_never_lie(tmp_path: Path) -> None:
    assert mutate_and_check(REFERENCE, ONCE_REAL, N_MUTATIONS_REAL, tmp_path) > N_MUTATIONS_REAL // 8


@pytest.mark.parametrize("name", ONCE)
def test_a_report_cut_off_anywhere_is_refused_or_whole(tmp_path: Path, name: str) -> None:
    text = (GOLDEN / name).read_bytes()
    original = parse_report(GOLDEN / name)
    path = tmp_path / Path(name).name
    for end in range(0, len(text), 97):
        path.write_bytes(text[:end])
        try:
            report = parse_report(path)
        except ReportError:
            continue
        assert list(differences(original, report)) == [], f"cut off at {end} of {len(text)}"


def test_a_folder_guards_what_one_file_says_only_once(tmp_path: Path) -> None:
    """The text and the XML of C synthesis together: no changed number passes at all."""
    rng = random.Random(7)
    names = ["vitis_hls/2022.2/tiny_csynth.rpt", "vitis_hls/2022.2/tiny_csynth.xml"]
    for name in names:
        shutil.copyfile(GOLDEN / name, tmp_path / Path(name).name)
    original = parse_folder(tmp_path)[0]
    for number in range(200):
        name = names[number % 2]
        path = tmp_path / Path(name).name
        data = rng.choice([change_digit, pad_number, drop_digit, add_digit])(path.read_bytes(), rng, b"")
        path.write_bytes(data)
        try:
            (report,) = parse_folder(tmp_path)
        except ReportError:
            pass
        else:
            unguarded = {"breakdown.latency_max_cycles"}
            assert {field for field, _, _ in differences(original, report)} <= unguarded
        shutil.copyfile(GOLDEN / name, path)
