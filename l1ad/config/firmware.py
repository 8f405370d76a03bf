"""Describe the chip's top, the C simulation and what the comparison must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from l1ad.config.base import Section
from l1ad.core.choices import Step, Strategy, Style
from l1ad.core.identifier import bit_fault, name_fault

if TYPE_CHECKING:
    StyleName = str
    StrategyName = str
    StepName = str
else:
    StyleName = Literal[("auto", *(style.value for style in Style))]
    StrategyName = Literal[tuple(strategy.value for strategy in Strategy)]
    #: The C simulation is a stage of its own.
    StepName = Literal[tuple(step.value for step in Step if step is not Step.CSIM)]


class FirmwareConfig(Section):
    """The firmware's board, and the form of its top function.

    Attributes:
        board: a shipped board or the path of a YAML file.
        clock_ns: clock period, if it is not the board's.
        ports: one port a column, one packed word an object (its first feature in the lowest bits), or the words that the board's links
            bring, a port for each frame of a link that carries objects.
        links: file of a link map, if it is not the board's.
        interface: handshake of the data ports.
        control: handshake of the whole block.
        style: ``combinational`` is one stage without registers, ``pipelined`` cuts it by the clock; ``auto`` is combinational where
            a clock period is all the latency the board's trigger gives.
        thresholds: trigger bits and their integer scores; left out, those of the model.
        thresholds_network: digest of the network that ``thresholds`` belong to, or its first twelve digits or more; without it they are
            taken for any network, and the results say so.
        thresholds_file: the ``thresholds.yaml`` that ``l1ad rates`` wrote, instead.
        threshold_ports: whether thresholds come in by ports; otherwise they are constants.
        reuse_factor: products that share a multiplier; the pipeline then takes a new event every so many clocks.
        strategy: how hls4ml computes a layer's products: ``latency`` unrolls them, ``resource`` arranges them for sharing,
            ``distributed_arithmetic`` makes adder graphs of them. The RTL of the open flow is an adder graph in any case.
    """

    board: str = "l1topo"
    clock_ns: float | None = Field(None, gt=0, allow_inf_nan=False)
    ports: Literal["columns", "packed", "words"] = "columns"
    links: str | None = None
    interface: Literal["ap_none", "ap_vld"] = "ap_none"
    control: Literal["ap_ctrl_none", "ap_ctrl_hs"] = "ap_ctrl_none"
    style: StyleName = "auto"
    thresholds: dict[str, int] = Field(default_factory=dict)
    thresholds_network: Annotated[str, Field(pattern="^[0-9a-f]{12,64}$")] | None = None
    thresholds_file: str | None = None
    threshold_ports: bool = False
    reuse_factor: int = Field(1, ge=1)
    strategy: StrategyName = "latency"

    @field_validator("thresholds")
    @classmethod
    def _identifiers(cls, thresholds: dict[str, int]) -> dict[str, int]:
        for name in thresholds:
            if name != name.lower() or name_fault(name):
                raise ValueError(
                    f"{name!r} is not a valid port name: it must consist of lower-case letters, digits and underscores, a letter first"
                )
            fault = bit_fault(name)
            if fault is not None:
                raise ValueError(f"{name!r} is not a valid port name: it {fault}")
        return thresholds

    @model_validator(mode="after")
    def _possible(self) -> FirmwareConfig:
        if self.thresholds and self.thresholds_file is not None:
            raise ValueError("thresholds and thresholds_file are both given; keep one")
        if self.thresholds_network is not None and not self.thresholds:
            raise ValueError("thresholds_network says to which network thresholds belong, and there are none; give both")
        if self.style == "combinational" and self.reuse_factor > 1:
            raise ValueError(
                "a reuse_factor above 1 needs style 'pipelined': one combinational stage has no clocks to share over"
            )
        if self.strategy == "distributed_arithmetic" and self.reuse_factor > 1:
            raise ValueError("strategy 'distributed_arithmetic' has no multipliers to share; leave reuse_factor at 1")
        return self


class CsimConfig(Section):
    """Events of the C simulation, and limits of the comparison with floating point.

    Attributes:
        events: how many events of the dataset; 0 takes all.
        false_positive_rate: background fraction at which they are compared beside the working point (``studies.rate_khz``).
        max_auc_loss: largest drop of a signal's AUC from FLOAT to CSIM.
        max_efficiency_loss: largest relative drop of a signal's efficiency at each of these rates, beyond its statistical error;
            None does not ask.
        max_flips: largest share of the background selected by FLOAT or CSIM that the two decide differently at each of these rates;
            None does not ask.
        threads: threads of the simulation; 0 takes all cores.
    """

    events: int = Field(0, ge=0)
    false_positive_rate: float = Field(1e-3, gt=0, lt=1)
    max_auc_loss: float = Field(0.05, gt=0)
    max_efficiency_loss: float | None = Field(None, gt=0, le=1)
    max_flips: float | None = Field(None, gt=0, le=1)
    threads: int = Field(0, ge=0)


class SynthesisConfig(Section):
    """Synthesis tools and their options.

    Attributes:
        tool: ``vitis`` (HLS of the converted project), ``vivado`` (logic synthesis and more of the RTL), ``open`` (Yosys), or
            ``auto``: the vendor's tool where it is, else the open flow.
        steps: what the vendor's tools do.
        route: ``ecp5`` also places and routes the open flow's RTL on that family, which needs no licence; its LUT4s and times are not
            those of the board's part.
        rtl_events: events of the dataset, spread over it, that the RTL simulation takes.
        adversarial_events: events at range ends and rounding ties that it takes besides.
        vhdl: whether VHDL is written beside the Verilog.
        processes: tools at a time.
        timeout_s: seconds a tool may take.
    """

    tool: Literal["auto", "vitis", "vivado", "open"] = "auto"
    steps: tuple[StepName, ...] = Field(("csynth",), strict=False)
    route: Literal["ecp5"] | None = None
    rtl_events: int = Field(10_000, ge=1)
    adversarial_events: int = Field(2_000, ge=1)
    vhdl: bool = False
    processes: int = Field(2, ge=1)
    timeout_s: float = Field(3600.0, gt=0)
