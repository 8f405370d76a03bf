"""Describe boards and parts: what there is of each resource, how fast the answer must be, what others have published.

Boards are YAML files in ``l1ad/boards``, parts are in ``parts.yaml`` beside them, published designs in ``anchors.json``.
A user's own board is a YAML file of the same form, given by its path.
"""

from __future__ import annotations

import functools
import json
import math
import re
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from l1ad.core.errors import ConfigError, nearest, one_line
from l1ad.core.fixed import FixedPoint
from l1ad.core.identifier import require_file_name, shortened
from l1ad.core.resources import PartTotals
from l1ad.core.yaml_text import parse_yaml

_STRICT = ConfigDict(extra="forbid", strict=True)
_JSON = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True, config=_STRICT)
class Device:
    """Describe a die in all its packages.

    Attributes:
        lut: 6-input look-up tables.
        ff: flip-flops.
        dsp: DSP slices.
        bram18: 18 Kb block RAMs, two a 36 Kb tile.
        uram: UltraRAMs.
        yosys_family: name for Yosys' ``synth_xilinx -family``.
        packages: packages it comes in.
        speeds: speed and temperature grades, e.g. ``2-e``.
        source: where the totals are from.
    """

    lut: int
    ff: int
    dsp: int
    bram18: int
    uram: int
    yosys_family: str
    packages: list[str]
    speeds: list[str]
    source: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class ConditionTypes:
    """Name the types in which a trigger's own software hands inputs over (pT in GeV, the rest in counts) and takes the score back.

    Attributes:
        input: type of every input.
        score: type of the score.
    """

    input: str
    score: str

    def __post_init__(self) -> None:
        for text in (self.input, self.score):
            FixedPoint.parse(text)


@dataclass(frozen=True, slots=True, config=_STRICT)
class BoardFile:
    """A board as its YAML file has it; see ``Board``."""

    title: str
    part: str
    clock_ns: float
    clock_uncertainty: float
    latency_budget_ns: float | None
    lut_budget_fraction: float | None
    source: str
    condition: ConditionTypes | None = None


@dataclass(frozen=True, slots=True, config=_STRICT)
class Board:
    """Describe the place where the firmware will run.

    Attributes:
        name: what the configuration calls it.
        title: what people call it.
        part: full part name.
        clock_ns: clock period the algorithm runs at.
        clock_uncertainty: part of the period that HLS keeps off.
        latency_budget_ns: time the trigger gives the algorithm; ``None`` where no trigger sets one.
        lut_budget_fraction: public share of the part's LUTs for the algorithm; ``None`` where none is public.
        yosys_family: name for Yosys' ``synth_xilinx -family``.
        totals: what the part has.
        source: where budget and clock are from.
        condition: types of the trigger's own software, where it has a condition that calls the emulator.
    """

    name: str
    title: str
    part: str
    clock_ns: float
    clock_uncertainty: float
    latency_budget_ns: float | None
    lut_budget_fraction: float | None
    yosys_family: str
    totals: PartTotals
    source: str
    condition: ConditionTypes | None = None

    def plain(self) -> dict[str, Any]:
        """Return plain data: what a result depends on when the board's file is the user's own."""
        return asdict(self)

    @property
    def lut_budget(self) -> int:
        """LUTs the algorithm may take: the public share, else the whole part."""
        return int(self.totals.lut * (1.0 if self.lut_budget_fraction is None else self.lut_budget_fraction))


@dataclass(frozen=True, slots=True, config=_JSON)
class Anchor:
    """What is published of one design.

    Attributes:
        name: the design.
        network: its layers.
        score_on_chip: what the chip computes beyond the network; ``none``, or ``None`` when it is not said.
        part: part or family as published.
        clock_ns: clock period.
        lut: look-up tables.
        logic_cells: Yosys' estimate of the places that LUTs take; not a number of LUTs.
        lut_share: published share of the part's LUTs, as text, where no count is published.
        ff: flip-flops.
        dsp: DSP slices.
        bram18: 18 Kb block RAMs.
        latency_cycles: latency in clock cycles.
        latency_ns: time to the result.
        level: ``csynth``, ``routed``, ``open``, ``estimate`` or ``published`` (not said how far it went).
        confirmed: ``primary`` (read in the public source itself) or ``secondary``.
        source: paper or repository.
        note: what a reader must know beside the numbers.
        other_task: whether it does something else than find anomalies in trigger events.
    """

    name: str
    network: str
    level: str
    confirmed: str
    source: str
    score_on_chip: str | None = None
    part: str | None = None
    clock_ns: float | None = None
    lut: int | None = None
    logic_cells: int | None = None
    lut_share: str | None = None
    ff: int | None = None
    dsp: int | None = None
    bram18: int | None = None
    latency_cycles: int | None = None
    latency_ns: float | None = None
    note: str | None = None
    other_task: bool = False


def board_names() -> tuple[str, ...]:
    """List the shipped boards."""
    names = (entry.name for entry in (resources.files("l1ad") / "boards").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml") and name != "parts.yaml"))


def load_board(name: str) -> Board:
    """Read a board.

    Args:
        name: a shipped board's name, or a path that ends in ``.yaml``.

    Raises:
        ConfigError: no such board, a file of another form, an unknown part or an impossible clock.
    """
    text, where = _board_text(name)
    file = _parse(BoardFile, _yaml(text, where), where)
    _check_clock(file, where)
    device = _devices()[check_part(file.part)]
    name = require_file_name(Path(where).stem, "The name of a board's file")
    values = asdict(file) | {
        "name": name,
        "yosys_family": device.yosys_family,
        "totals": part_totals(file.part),
        "condition": file.condition,
    }
    return Board(**values)


def part_totals(part: str) -> PartTotals:
    """Return what a part has.

    Args:
        part: a full part name (``xcvu9p-flga2104-2-e``), with or without the ``xc`` and the first hyphen as Vivado's
            reports drop them, or a bare device (``xcvu9p``).

    Raises:
        ConfigError: the part is not known; names the nearest ones.
    """
    device = _devices()[_device_name(part) if _is_bare(part) else check_part(part)]
    return PartTotals(part, device.lut, device.ff, device.dsp, device.bram18, device.uram)


def check_part(part: str) -> str:
    """Make sure that a full part name is one a tool would take.

    Returns:
        The device in it, e.g. ``vu9p``.

    Raises:
        ConfigError: the device, package or speed grade does not exist; names the nearest parts.
    """
    device = _device_name(part)
    known = _devices().get(device)
    if known is not None:
        for package in known.packages:
            for speed in known.speeds:
                if _plain(part) == _plain(f"{device}{package}-{speed}"):
                    return device
    raise ConfigError(f"There is no part {part!r}; {nearest(part, _all_parts(device if known else None))}")


def load_anchors() -> tuple[Anchor, ...]:
    """Read the published designs that results are shown beside; every number has its source."""
    text = (resources.files("l1ad") / "boards" / "anchors.json").read_text(encoding="utf-8")
    return tuple(_parse(Anchor, anchor, "anchors.json") for anchor in json.loads(text)["anchors"])


def _board_text(name: str) -> tuple[str, str]:
    if name.endswith((".yaml", ".yml")):
        try:
            return Path(name).read_text(encoding="utf-8"), name
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"Cannot read the board {name!r}: {reason}; shipped boards are {', '.join(board_names())}"
            ) from None
    if name not in board_names():
        raise ConfigError(f"There is no board {name!r}; {nearest(name, board_names())}")
    return (resources.files("l1ad") / "boards" / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml"


def _yaml(text: str, where: str) -> Any:
    try:
        return parse_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {error}; see l1ad/boards/l1topo.yaml for the form") from None


_T = TypeVar("_T")


def _parse(kind: type[_T], data: Any, where: str) -> _T:
    try:
        return TypeAdapter(kind).validate_json(json.dumps(data, default=str))  # strict in JSON mode takes 5 for 5.0
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(
            f"{where} is wrong at {one_line(key)}: {first['msg']}, got {shortened(first['input'])}; see l1ad/boards for the form"
        ) from None


def _check_clock(file: BoardFile, where: str) -> None:
    if not 0 < file.clock_ns < math.inf:
        raise ConfigError(f"{where} needs a finite clock_ns above 0, got {file.clock_ns!r}; give the clock period in ns")
    if not 0 <= file.clock_uncertainty < 1:
        raise ConfigError(f"{where} needs a clock_uncertainty from 0 to below 1, got {file.clock_uncertainty!r}; 0.27 is usual")


@functools.lru_cache(maxsize=1)
def _devices() -> dict[str, Device]:
    text = (resources.files("l1ad") / "boards" / "parts.yaml").read_text(encoding="utf-8")
    return {name: _parse(Device, entry, f"parts.yaml {name}") for name, entry in parse_yaml(text).items()}


def _plain(part: str) -> str:
    """Drop what differs between spellings of one part: case, ``xc`` and the hyphen before the package."""
    text = part.strip().lower().removeprefix("xc")
    return re.sub(r"^([a-z0-9]+?)-?([a-z]{3,4}\d{3,4}-)", r"\1\2", text)


def _device_name(part: str) -> str:
    plain = _plain(part)
    names = [name for name in _devices() if plain == name or re.match(rf"{name}[a-z]{{3,4}}\d{{3,4}}-", plain)]
    return max(names, key=len, default=plain)


def _is_bare(part: str) -> bool:
    return _plain(part) in _devices()


def _all_parts(device: str | None) -> list[str]:
    chosen = {device: _devices()[device]} if device else _devices()
    return [
        f"xc{name}{'' if name.startswith('7vx') else '-'}{package}-{speed}"
        for name, entry in chosen.items()
        for package in entry.packages
        for speed in entry.speeds
    ]
