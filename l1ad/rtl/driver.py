"""Write the C++ that feeds events to Verilator's model of a project and reads its outputs, and on demand the nets inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from l1ad.firmware.ports import Port
from l1ad.rtl.project import RtlProject

PREFIX = "Vtop"
_PROBE = "probe_"


@dataclass(frozen=True, slots=True)
class Probe:
    """Name a net inside the top that is to be read, at most 64 bits wide."""

    net: str
    width: int
    signed: bool


def driver_source(project: RtlProject, probes: Sequence[Probe] = ()) -> str:
    """Write the driver: an event an evaluation, or an event a clock cycle when there are registers.

    Args:
        project: what is simulated.
        probes: nets that ``probed_top`` made outputs.
    """
    network, interface = project.network, project.interface
    values = [f"    top.{_member(port.name)} = {_word(port)};" for port in interface.data(network)]
    values += [
        f"    top.{_member(port.name)} = static_cast<uint64_t>(thresholds[{i}]) & {_mask(port.width)};"
        for i, port in enumerate(interface.thresholds(network))
    ]
    total = network.score.total
    reads = [f"    *score = {_signed('top.score', total.width, total.signed)};"]
    reads += [f"    bits[{i}] = top.{_member(t.port)};" for i, t in enumerate(network.thresholds)]
    reads += [
        f"    nets[{i}] = {_signed(f'top.{_member(_PROBE + probe.net)}', probe.width, probe.signed)};"
        for i, probe in enumerate(probes)
    ]
    return _DRIVER.format(
        prefix=PREFIX,
        inputs="\n".join(values),
        outputs="\n".join(reads),
        columns=len(interface.events(network).fields),
        thresholds=len(network.thresholds),
        nets=len(probes),
        cycles=project.latency_cycles,
        interval=project.interval,
        start="top.start = cycle % interval == 0;" if project.interval > 1 else "",
        tick="top.clk = 0; top.eval(); top.clk = 1; top.eval();" if project.latency_cycles else "top.eval();",
    )


def probed_top(source: Path, probes: Sequence[Probe]) -> str:
    """Read a project's top as it stands and make nets inside it outputs.

    Args:
        source: the top's Verilog.
        probes: the nets.
    """
    text = source.read_text(encoding="utf-8")
    ports = "".join(f",\n    output [{probe.width - 1}:0] {_PROBE}{probe.net}" for probe in probes)
    drivers = "".join(f"    assign {_PROBE}{probe.net} = n_{probe.net};\n" for probe in probes)
    end = text.rindex("endmodule")
    return text[:end].replace("\n);", f"{ports}\n);", 1) + drivers + text[end:]


def _member(name: str) -> str:
    """Spell a port as Verilator does."""
    return name.replace("__", "___05F")


def _word(port: Port) -> str:
    """Put the columns, or the parts of a link's word, of a data port side by side."""
    return " | ".join(
        f"(static_cast<uint64_t>(x[{field.element}]) & {_mask(field.type.width)})" + (f" << {field.low}" if field.low else "")
        for field in port.fields
    )


def _mask(width: int) -> str:
    return f"0x{(1 << width) - 1:x}ull"


def _signed(expression: str, width: int, signed: bool) -> str:
    """Extend the sign of a port's bits."""
    if not signed:
        return f"static_cast<int64_t>({expression})"
    return f"static_cast<int64_t>(static_cast<uint64_t>({expression}) << {64 - width}) >> {64 - width}"


_DRIVER = """\
// Feeds events to the model; a model for each call, so that calls may run in parallel.
#include <cstdint>
#include "{prefix}.h"

static void set_inputs({prefix}& top, const int64_t* x, const int64_t* thresholds) {{
{inputs}
    (void)thresholds;
}}

static void get_outputs({prefix}& top, int64_t* score, uint8_t* bits, int64_t* nets) {{
{outputs}
    (void)bits;
    (void)nets;
}}

extern "C" void rtl_run(const int64_t* x, int64_t n_events, const int64_t* thresholds, int64_t* scores, uint8_t* bits, int64_t* nets) {{
    VerilatedContext context;
    {prefix} top(&context);
    const int64_t cycles = {cycles}, interval = {interval};
    for (int64_t cycle = 0; cycle < n_events * interval + cycles; ++cycle) {{
        const int64_t event = cycle / interval, done = (cycle - cycles) / interval;
        if (event < n_events && cycle % interval == 0) set_inputs(top, x + event * {columns}, thresholds);
        {start}
        {tick}
        const bool ready = cycle >= cycles && (cycle - cycles) % interval == 0 && done < n_events;
        if (ready) get_outputs(top, scores + done, bits + done * {thresholds}, nets + done * {nets});
    }}
    top.final();
}}
"""
