"""Make sure that reports that lie together are of one design, on one part, by one version of the tool."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from l1ad.core.errors import ReportError
from l1ad.core.resources import Level, ResourceReport

#: Levels that Vivado reports; HLS names its top otherwise than Vivado where it wraps it into a block design.
_VIVADO = (Level.LOGIC, Level.PLACED, Level.ROUTED)


def check_one_design(reports: Sequence[ResourceReport]) -> None:
    """Refuse reports of several designs.

    All must be for one part. Those of Vivado, and those of HLS among themselves, must also name one top and one version: RTL of one
    version of HLS may go through another version of Vivado.

    Raises:
        ReportError: two name different parts, tops or versions.
    """
    vivado = [report for report in reports if report.level in _VIVADO]
    hls = [report for report in reports if report.level is Level.CSYNTH]
    for group in (vivado, hls):
        _check(group, "top", lambda left, right: left == right)
        _check(group, "tool_version", _same_version)
    _check(reports, "part", _same_part)


def _check(reports: Iterable[ResourceReport], name: str, same: Callable[[str, str], bool]) -> None:
    given = [report for report in reports if getattr(report, name)]
    for left, right in itertools.combinations(given, 2):
        if not same(getattr(left, name), getattr(right, name)):
            raise ReportError(
                f"The reports {left.sources[0]!r} and {right.sources[0]!r} must be of one design to be read together, but their "
                f"{name} differs: {getattr(left, name)!r} and {getattr(right, name)!r}; give each design's folder or file alone"
            )


def _same_version(left: str, right: str) -> bool:
    """Compare versions, of which one may leave out the patch: ``2024.1`` and ``2024.1.1``."""
    return all(a == b for a, b in zip(left.split("."), right.split("."), strict=False))


def _same_part(left: str, right: str) -> bool:
    """Compare parts in the spellings of several tools: without ``xc``, without hyphens, without the speed grade."""
    short, long = sorted((_plain(left), _plain(right)), key=len)
    return long.startswith(short)


def _plain(part: str) -> str:
    return part.lower().replace("-", "").removeprefix("xc")
