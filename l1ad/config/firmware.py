"""Describe the chip's top, the C simulation and what the comparison must hold."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from l1ad.config.base import Section


class FirmwareConfig(Section):
    """Say for which board the firmware is and how its ports look."""

    board: str = "l1topo"
    clock_ns: float | None = Field(None, gt=0)
    ports: Literal["columns", "packed"] = "columns"
    interface: Literal["ap_none", "ap_vld"] = "ap_none"
    control: Literal["ap_ctrl_none", "ap_ctrl_hs"] = "ap_ctrl_none"
    thresholds: dict[str, int] = Field(default_factory=dict)
    reuse_factor: int = Field(1, ge=1)


class CsimConfig(Section):
    """Say how many events the C simulation takes and what the floating-point comparison must hold.

    ``events`` 0 takes all of them. Tolerances compare FLOAT with CSIM.
    """

    events: int = Field(0, ge=0)
    false_positive_rate: float = Field(1e-3, gt=0, lt=1)
    max_auc_loss: float = Field(0.05, gt=0)


class SynthesisConfig(Section):
    """Say which tools run and how."""

    tool: Literal["auto", "vitis", "vivado", "open"] = "auto"
    steps: tuple[Literal["csynth", "cosim", "export", "synth", "impl"], ...] = Field(("csynth",), strict=False)
    rtl_events: int = Field(10_000, ge=1)
    timeout_s: float = Field(3600.0, gt=0)
