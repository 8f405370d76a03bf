"""Describe logic that was traced: nets, modules, and the ports of their top, which are those of the HLS top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network
from l1ad.firmware.inputs import Inputs
from l1ad.firmware.ports import Port, score_port, threshold_ports, trigger_ports
from l1ad.vectors.words import EventWords

#: A symbolic value of alkaid by net.
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Net:
    """Name a bus between modules: integers of ``width`` bits times ``2 ** -fractional``.

    ``low`` and ``high`` bound its values; a constant has width 0 when it is 0.
    """

    name: str
    low: float
    high: float
    step: float
    signed: bool
    width: int
    fractional: int


@dataclass(frozen=True, slots=True)
class Interface:
    """Which ports the top has.

    Attributes:
        packed: whether the data inputs are one word an object, its first feature in the lowest bits, or one port a column.
        threshold_ports: whether thresholds come in by ports; an event is judged by those that come with it. Else they are constants.
        words: the words of the board's links, where these are the data inputs.
    """

    packed: bool = False
    threshold_ports: bool = False
    words: EventWords | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Interface:
        """Read what ``dataclasses.asdict`` gave."""
        words = data.get("words")
        return cls(**{**data, "words": words and EventWords.from_dict(words)})

    def events(self, network: Network) -> Inputs:
        """Return how events come in."""
        return Inputs(network.layout, self.packed, self.words)

    def data(self, network: Network) -> tuple[Port, ...]:
        """Return the data inputs."""
        return self.events(network).ports

    def thresholds(self, network: Network) -> tuple[Port, ...]:
        """Return the inputs that carry thresholds."""
        return threshold_ports(network) if self.threshold_ports else ()

    def inputs(self, network: Network) -> tuple[Port, ...]:
        """Return all inputs but the clock."""
        return (*self.data(network), *self.thresholds(network))

    def threshold_nets(self, network: Network) -> tuple[Net, ...]:
        """Return the nets of the thresholds' ports."""
        return tuple(_net(port.name, network.score.total) for port in self.thresholds(network))


#: One port a column, thresholds as constants.
COLUMNS = Interface()


def outputs(network: Network) -> tuple[Port, ...]:
    """Return the outputs: the score, then one bit a threshold."""
    return (score_port(network), *trigger_ports(network))


def input_nets(network: Network, interface: Interface = COLUMNS) -> list[Net]:
    """Return the nets that come in: the columns, named as the layout's ports, or the words of links, then thresholds that have ports."""
    fields = interface.events(network).fields
    return [*(_net(field.name, field.type) for field in fields), *interface.threshold_nets(network)]


def _net(name: str, type_: FixedPoint) -> Net:
    return Net(name, type_.min, type_.max, type_.step, type_.signed, type_.width, type_.fractional)


def input_places(network: Network, interface: Interface) -> list[tuple[Net, Port, int]]:
    """Return for each net that comes in, in the order of ``input_nets``, in which port it is and at which bit it begins."""
    places = {field.name: (port, field.low) for port in interface.data(network) for field in port.fields}
    places |= {port.name: (port, 0) for port in interface.thresholds(network)}
    return [(net, *places[net.name]) for net in input_nets(network, interface)]


@dataclass(frozen=True, slots=True)
class Step:
    """Describe a step before it is traced: which nets it reads and writes, and how one comes from the other."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    compute: Callable[[Values], Values]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A traced step: one module.

    Attributes:
        name: the module's name.
        inputs: the nets it reads, in the order of the logic's inputs.
        outputs: the nets it writes, in the order of the logic's outputs.
        logic: alkaid's ``CombLogic``, or ``Products``.
    """

    name: str
    inputs: tuple[Net, ...]
    outputs: tuple[Net, ...]
    logic: Any

    @property
    def cost(self) -> float:
        """Alkaid's estimate of the LUTs it takes."""
        return float(self.logic.cost)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A network's logic: modules in a chain, with registers between them or without.

    Attributes:
        network: what is computed.
        stages: the modules, in order.
        interface: the ports of the top.
        registered: whether registers stand before the first module, between any two and after the last.
        interval: clock cycles from one event to the next; above 1, layers keep their sums and ``start`` says when an event is there.
    """

    network: Network
    stages: tuple[Stage, ...]
    interface: Interface = COLUMNS
    registered: bool = False
    interval: int = 1

    @property
    def shared(self) -> bool:
        """Whether products take turns at their multipliers."""
        return self.interval > 1

    @property
    def clocked(self) -> bool:
        """Whether the top has a clock."""
        return self.registered or self.shared

    @property
    def latency_cycles(self) -> int:
        """The clock cycles from the input registers to the output registers; 0 for combinational logic."""
        if self.shared:
            return len(self.network.layers) * self.interval + 1
        return len(self.stages) if self.registered else 0

    @property
    def register_bits(self) -> int:
        """Count the flip-flops as written: inputs and outputs, and those between or in the modules."""
        inputs = sum(net.width for net in input_nets(self.network, self.interface))
        if self.shared:
            results = self.network.score.total.width + len(self.network.thresholds) + (self.interval - 1).bit_length()
            late = sum(net.width * events for net, events in delays(self).items())
            return inputs + results + late + sum(getattr(stage.logic, "register_bits", 0) for stage in self.stages)
        return inputs + sum(net.width for stage in self.stages for net in stage.outputs) if self.registered else 0

    @property
    def cost(self) -> float:
        """Alkaid's estimate of the LUTs."""
        return sum(stage.cost for stage in self.stages)


def live_inputs(stage: Stage) -> list[Net]:
    """List the nets that a stage's logic really reads, in order; alkaid gives the others no bits."""
    widths = [sum(interval.kif) for interval in stage.logic.inp_qint]
    return [net for net, width in zip(stage.inputs, widths, strict=True) if width]


def reads_of(design: Design, stage: Stage) -> list[tuple[Net, int]]:
    """Return the nets that a stage reads, each with the number of events by which it must be kept.

    Where multipliers are shared a layer gives its sums an event later than it takes its inputs: what goes past it has to wait.
    """
    levels = _levels(design)
    live = live_inputs(stage)
    latest = max((levels[net.name] for net in live), default=0)
    return [(net, latest - levels[net.name]) for net in live]


def _levels(design: Design) -> dict[str, int]:
    """Count for each net the events between the inputs that it belongs to and those that come in; all 0 where nothing is shared."""
    levels = {net.name: 0 for net in input_nets(design.network, design.interface)}
    for stage in design.stages:
        level = max((levels[net.name] for net in live_inputs(stage)), default=0) + getattr(stage.logic, "clocked", False)
        levels |= {net.name: level for net in stage.outputs}
    return levels


def delays(design: Design) -> dict[Net, int]:
    """Return the nets that are kept for later events, each with the longest time, in events."""
    found: dict[Net, int] = {}
    for stage in design.stages:
        for net, events in reads_of(design, stage):
            if events:
                found[net] = max(events, found.get(net, 0))
    return found
