"""Chip, clock and surroundings for which the top is generated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from l1ad.config import Config
from l1ad.config.firmware import FirmwareConfig
from l1ad.core.board import Board, load_board
from l1ad.core.choices import Style
from l1ad.core.errors import ConversionError
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Network, Threshold
from l1ad.core.resources import Level, ResourceReport
from l1ad.core.thresholds import ThresholdsNote, load_thresholds
from l1ad.firmware.inputs import Inputs
from l1ad.vectors.linkmap import load_link_map
from l1ad.vectors.words import EventWords, event_words


@dataclass(frozen=True, slots=True)
class Target:
    """Everything about the top that is not in the network.

    Attributes:
        part: full part name.
        clock_ns: clock period.
        clock_uncertainty: part of the period that HLS keeps off.
        style: one stage or a pipeline.
        packed: whether the inputs are one word an object.
        interface: handshake of the data ports, ``ap_none`` or ``ap_vld``.
        control: handshake of the block, ``ap_ctrl_none`` or ``ap_ctrl_hs``.
        threshold_ports: whether thresholds are ports.
        reuse_factor: products that share a multiplier.
        strategy: how hls4ml computes a layer's products: ``latency``, ``resource`` or ``distributed_arithmetic``.
        words: the words of the board's links, where these are the inputs.
    """

    part: str
    clock_ns: float
    clock_uncertainty: float
    style: Style
    packed: bool = False
    interface: str = "ap_none"
    control: str = "ap_ctrl_none"
    threshold_ports: bool = False
    reuse_factor: int = 1
    strategy: str = "latency"
    words: EventWords | None = None

    def inputs(self, layout: ObjectLayout) -> Inputs:
        """Return what comes in."""
        return Inputs(layout, self.packed, self.words)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"style": self.style.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Target:
        """Read what ``to_dict`` gave."""
        words = data.get("words")
        return cls(**(data | {"style": Style(data["style"]), "words": words and EventWords.from_dict(words)}))


def target_of(config: Config, layout: ObjectLayout) -> Target:
    """Return the target of a configuration's top.

    Args:
        config: the configuration.
        layout: the columns.

    Raises:
        ConfigError: no such board, or its link map is wrong.
        LayoutError: the link map of a top that takes words leaves something out.
    """
    return replace(resolve_target(config.firmware, load_board(config.board)), words=configured_words(config, layout))


def configured_words(config: Config, layout: ObjectLayout) -> EventWords | None:
    """Return the words of the board's links where the top takes them, else None; raises as ``target_of``."""
    if config.firmware.ports != "words":
        return None
    return event_words(load_link_map(config.board, config.links), layout)


def absent_inputs(config: Config, layout: ObjectLayout) -> tuple[int, ...]:
    """Return the columns that the top's inputs do not have: those that the board's words leave out, where the top takes words."""
    words = configured_words(config, layout)
    return () if words is None else words.absent(layout)


def resolve_target(firmware: FirmwareConfig, board: Board) -> Target:
    """Put a configuration and its board together.

    Args:
        firmware: the configuration.
        board: the board it names.

    Returns:
        The target, with nothing left open.
    """
    clock_ns = board.clock_ns if firmware.clock_ns is None else firmware.clock_ns
    return Target(
        part=board.part,
        clock_ns=clock_ns,
        clock_uncertainty=board.clock_uncertainty,
        style=_style(firmware, clock_ns, board.latency_budget_ns),
        packed=firmware.ports == "packed",
        interface=firmware.interface,
        control=firmware.control,
        threshold_ports=firmware.threshold_ports,
        reuse_factor=firmware.reuse_factor,
        strategy=firmware.strategy,
    )


def _style(firmware: FirmwareConfig, clock_ns: float, budget_ns: float | None) -> Style:
    if firmware.style != "auto":
        return Style(firmware.style)
    single = budget_ns is not None and clock_ns >= budget_ns and firmware.reuse_factor == 1
    return Style.COMBINATIONAL if single else Style.PIPELINED


def with_configured_thresholds(network: Network, config: Config) -> Network:
    """Return the network the trigger bits of the configuration, where it names any.

    Raises:
        ConfigError: the file of the thresholds is missing or is none.
        ConversionError: a threshold is not a value of the score's type, or the thresholds were found for another network.
    """
    if config.firmware.thresholds_file is not None:
        network = network.with_thresholds(_from_file(network, config, config.firmware.thresholds_file))
    elif config.firmware.thresholds:
        _require_bound(network, config.firmware)
        network = network.with_thresholds(tuple(Threshold(name, value) for name, value in config.firmware.thresholds.items()))
    total = network.score.total
    for threshold in network.thresholds:
        low, high = total.min_int, total.max_int
        if threshold.follow is not None:
            low, high = threshold.follow.range(network.layout, low, high)
        if not low <= threshold.value <= high:
            what = f"the score {total} has codes" if threshold.follow is None else "what it is compared with is from"
            raise ConversionError(
                f"Threshold {threshold.name!r} is {threshold.value}, {what} {low} to {high}; give an integer in that range."
            )
    return network


def thresholds_note(config: Config) -> dict[str, str]:
    """Say that thresholds are bound to no network, as an entry of a stage's summary; nothing where they are, or where there are none."""
    if not config.firmware.thresholds or config.firmware.thresholds_network is not None:
        return {}
    return ThresholdsNote(
        "The thresholds are plain integers of the configuration, bound to no network: firmware.thresholds_network, or "
        "thresholds_file instead, refuses those of another one."
    ).to_dict()


def _require_bound(network: Network, firmware: FirmwareConfig) -> None:
    wanted = firmware.thresholds_network
    if wanted is not None and not network.digest.startswith(wanted):
        raise ConversionError(
            f"firmware.thresholds belong to network {wanted[:12]}, this one is {network.digest[:12]}; derive them again with 'l1ad rates'."
        )


def _from_file(network: Network, config: Config, path: str) -> tuple[Threshold, ...]:
    found = load_thresholds(config.path(path))
    if found.network_digest != network.digest:
        raise ConversionError(
            f"The thresholds in {path!r} were found for network {found.network_digest[:12]}, this one is {network.digest[:12]}; run "
            "'l1ad csim' and 'l1ad rates' again, with firmware.thresholds_file left out until then."
        )
    return found.thresholds


def with_style_kept(report: ResourceReport, style: Style) -> ResourceReport:
    """Add a warning to a report of HLS that gave a combinational top clock cycles."""
    cycles = report.latency_max_cycles
    if style is not Style.COMBINATIONAL or not cycles or report.level not in {Level.CSYNTH, Level.COSIM}:
        return report
    note = (
        f"Warning: the top should be combinational, but HLS gave it a latency of {cycles} cycles: its result is not there within one "
        "clock period. Take a longer firmware.clock_ns, or firmware.style: pipelined."
    )
    return replace(report, notes=(*report.notes, note))
