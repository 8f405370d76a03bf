"""Choices that a configuration makes and the packages that read events share; their valid values are written here only."""

from __future__ import annotations

import enum


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
