"""Describe logic that was traced: nets, modules, and the ports of their top, which are those of the HLS top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from l1ad.fixed import FixedPoint
from l1ad.hls.ports import Port, input_ports, score_port, threshold_ports, trigger_ports
from l1ad.network import Network, Threshold

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
    """Say which ports the top has.

    Attributes:
        packed: whether the data inputs are one word an object, its first feature in the lowest bits, or one port a column.
        threshold_ports: whether thresholds come in by ports; an event is judged by those that come with it. Else they are constants.
    """

    packed: bool = False
    threshold_ports: bool = False

    def data(self, network: Network) -> tuple[Port, ...]:
        """Give the data inputs."""
        return input_ports(network.layout, self.packed)

    def thresholds(self, network: Network) -> tuple[Port, ...]:
        """Give the inputs that carry thresholds."""
        return threshold_ports(network) if self.threshold_ports else ()

    def inputs(self, network: Network) -> tuple[Port, ...]:
        """Give all inputs but the clock."""
        return (*self.data(network), *self.thresholds(network))

    def threshold_nets(self, network: Network) -> tuple[Net, ...]:
        """Give the nets of the thresholds' ports."""
        return tuple(_net(port.name, network.score.total) for port in self.thresholds(network))


#: One port a column, thresholds as constants.
COLUMNS = Interface()


def outputs(network: Network) -> tuple[Port, ...]:
    """Give the outputs: the score, then one bit a threshold."""
    return (score_port(network), *trigger_ports(network))


def threshold_port(threshold: Threshold) -> str:
    """Name a threshold's port."""
    return f"threshold_{threshold.name}"


def input_nets(network: Network, interface: Interface = COLUMNS) -> list[Net]:
    """Give the nets that come in: the hardware integers, named as the layout's ports, then thresholds that have ports."""
    layout = network.layout
    columns = zip(layout.ports, layout.columns, strict=True)
    return [*(_net(port, column.type) for port, column in columns), *interface.threshold_nets(network)]


def _net(name: str, type_: FixedPoint) -> Net:
    return Net(name, type_.min, type_.max, type_.step, type_.signed, type_.width, type_.fractional)


def input_places(network: Network, interface: Interface) -> list[tuple[Net, Port, int]]:
    """Say for each net that comes in, in the order of ``input_nets``, in which port it is and at which bit it begins."""
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
    """Hold a traced step: one module.

    Attributes:
        name: the module's name.
        inputs: the nets it reads, in the order of the logic's inputs.
        outputs: the nets it writes, in the order of the logic's outputs.
        logic: alkaid's ``CombLogic``.
    """

    name: str
    inputs: tuple[Net, ...]
    outputs: tuple[Net, ...]
    logic: Any

    @property
    def cost(self) -> float:
        """Give alkaid's estimate of the LUTs it takes."""
        return float(self.logic.cost)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Hold a network's logic: modules in a chain, with registers between them or without.

    Attributes:
        network: what is computed.
        stages: the modules, in order.
        interface: the ports of the top.
        registered: whether registers stand before the first module, between any two and after the last.
    """

    network: Network
    stages: tuple[Stage, ...]
    interface: Interface = COLUMNS
    registered: bool = False

    @property
    def latency_cycles(self) -> int:
        """Give the clock cycles from the input registers to the output registers; 0 for combinational logic."""
        return len(self.stages) if self.registered else 0

    @property
    def cost(self) -> float:
        """Give alkaid's estimate of the LUTs."""
        return sum(stage.cost for stage in self.stages)
