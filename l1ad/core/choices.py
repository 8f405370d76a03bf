"""Choices that a configuration makes and several packages look at; their valid values are written here only."""

from __future__ import annotations

import enum

from l1ad.core.errors import ConfigError, nearest


class OutOfRange(enum.Enum):
    """What happens to a count that its hardware type cannot hold."""

    REFUSE = "refuse"
    CLIP = "clip"
    WRAP = "wrap"


class ObjectSource(enum.Enum):
    """Which objects of CMS files are read: those that the hardware sent, or those that its emulator made."""

    AUTO = "auto"
    UNPACKED = "unpacked"
    EMULATED = "emulated"

    def choose(self, unpacked: str, emulated: str) -> tuple[str, ...]:
        """Return those of two places that are looked in, in this order."""
        return {self.AUTO: (unpacked, emulated), self.UNPACKED: (unpacked,), self.EMULATED: (emulated,)}[self]


class Style(enum.Enum):
    """How the tool cuts the design: one stage without registers, or a pipeline."""

    COMBINATIONAL = "combinational"
    PIPELINED = "pipelined"


class Strategy(enum.Enum):
    """How a layer's products are computed; named as hls4ml names it."""

    DISTRIBUTED_ARITHMETIC = "distributed_arithmetic"
    LATENCY = "latency"
    RESOURCE = "resource"


class Step(enum.Enum):
    """What a tool does; the order is that of a run.

    ``CSIM``, ``CSYNTH``, ``COSIM`` and ``EXPORT`` are steps of HLS, ``SYNTH`` (logic synthesis) and ``IMPL`` (place and route)
    of Vivado, out of context, on RTL or on what ``CSYNTH`` made.
    """

    CSIM = "csim"
    CSYNTH = "csynth"
    COSIM = "cosim"
    EXPORT = "export"
    SYNTH = "synth"
    IMPL = "impl"

    @classmethod
    def parse(cls, text: str) -> Step:
        """Read a step from its name.

        Raises:
            ConfigError: there is no such step.
        """
        try:
            return cls(text)
        except ValueError:
            raise ConfigError(f"There is no synthesis step {text!r}; {nearest(text, [step.value for step in cls])}") from None

    @property
    def is_hls(self) -> bool:
        """Whether HLS does it, not Vivado."""
        return self in {Step.CSIM, Step.CSYNTH, Step.COSIM, Step.EXPORT}
