"""Write utilisation reports in the forms of Vivado 2018 to 2025, from numbers that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Row = tuple[str, ...]


def boxed(head: Row, rows: Sequence[Row], closed: bool = True) -> list[str]:
    """Draw a table as Vivado does: first column to the left, all others to the right."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    border = "+" + "".join("-" * (width + 2) + "+" for width in widths)

    def line(row: Row) -> str:
        return (
            "|"
            + "|".join(f" {c:<{w}} " if n == 0 else f" {c:>{w}} " for n, (c, w) in enumerate(zip(row, widths, strict=True)))
            + "|"
        )

    return [border, line(head), border, *map(line, rows), *([border] if closed else [])]


@dataclass(frozen=True, slots=True)
class Made:
    """What a made report says; the defaults are a small UltraScale+ design.

    Attributes:
        seven: 7 series, with Slices and CARRY4, else UltraScale+.
        prohibited: whether the tables have the column Prohibited (from 2021.2 on).
        pads: input, output, bidirectional pads of each of three kinds of IOB.
        extra_ff: flip-flop primitives that are no registers of the logic.
        crossings: rows of the connectivity of dies: TX only, RX only, both.
        boxes: black boxes by name.
        sizes: LUTs, flip-flops, DSPs and 18 Kb memories of another device.
    """

    version: str = "2024.1"
    state: str = "Routed"
    device: str = "xcvu9p-flga2104-2-e"
    seven: bool = False
    prohibited: bool = True
    lut: int = 120
    memory: int = 8
    ff: int = 64
    carry: int = 10
    dsp: int = 2
    ram36: int = 1
    ram18: int = 1
    pads: tuple[Row, ...] = ()
    extra_ff: int = 0
    crossings: tuple[int, int, int] = (0, 0, 0)
    boxes: dict[str, int] = field(default_factory=dict)
    sizes: tuple[int, int, int, int] | None = None

    @property
    def totals(self) -> tuple[int, int, int, int]:
        """LUTs, flip-flops, DSPs and 18 Kb memories of the device."""
        if self.sizes is not None:
            return self.sizes
        return (433200, 866400, 3600, 2940) if self.seven else (1182240, 2364480, 6840, 4320)

    def text(self) -> str:
        """Write the report."""
        sections = self._sections()
        lines = ["Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.", "-" * 60]
        head = {
            "Tool Version": f"Vivado v.{self.version} (lin64) Build 1 Thu May 22 00:12:29 MDT 2025",
            **{"Command": "report_utilization -file u.rpt", "Design": "tiny", "Device": self.device, "Design State": self.state},
        }
        lines += [f"| {key:<12} : {value}" for key, value in head.items()] + ["-" * 60, "", "Utilization Design Information", ""]
        titles = [title for title, _ in sections]
        lines += ["Table of Contents", "-" * 17, *titles, ""]
        for title, table in sections:
            lines += [title, "-" * len(title), "", *table, "", ""]
        return "\n".join(lines) + "\n"

    def _row(self, name: str, used: str, available: int | None) -> Row:
        if available is None:
            return (name, used, "", *(("",) if self.prohibited else ()), "", "")
        share = 100 * float(used) / available if available else 0.0
        text = "<0.01" if 0 < share < 0.01 else f"{share:.2f}"
        return (name, used, "0", *(("0",) if self.prohibited else ()), str(available), text)

    def _table(self, *rows: tuple[str, str, int | None]) -> list[str]:
        head = ("Site Type", "Used", "Fixed", *(("Prohibited",) if self.prohibited else ()), "Available", "Util%")
        return boxed(head, [self._row(*row) for row in rows])

    def _sections(self) -> list[tuple[str, list[str]]]:
        lut, ff, dsp, ram = self.totals
        kind = "Slice" if self.seven else "CLB"
        carry = [] if self.seven else [("CARRY8", str(self.carry), lut // 8)]
        logic = self._table(
            (f"{kind} LUTs", str(self.lut), lut),
            ("  LUT as Logic", str(self.lut - self.memory), lut),
            ("  LUT as Memory", str(self.memory), lut // 2),
            ("    LUT as Shift Register", str(self.memory), None),
            (f"{kind} Registers", str(self.ff), ff),
            ("  Register as Flip Flop", str(self.ff), ff),
            ("  Register as Latch", "0", ff),
            *carry,
        )
        tiles = f"{self.ram36 + self.ram18 / 2:g}"
        memory = self._table(
            ("Block RAM Tile", tiles, ram // 2), ("  RAMB36/FIFO*", str(self.ram36), ram // 2), ("  RAMB18", str(self.ram18), ram)
        )
        return [
            (f"1. {kind} Logic", logic),
            ("2. BLOCKRAM", memory),
            ("3. ARITHMETIC", self._table(("DSPs", str(self.dsp), dsp))),
            ("4. I/O", self._io()),
            ("5. Primitives", boxed(("Ref Name", "Used", "Functional Category"), self._primitives())),
            ("6. Black Boxes", boxed(("Ref Name", "Used"), [(name, str(n)) for name, n in self.boxes.items()])),
            ("7. Instantiated Netlists", boxed(("Ref Name", "Used"), [("dbg_hub", "1")])),
            ("8. SLR Connectivity", self._crossings()),
        ]

    def _io(self) -> list[str]:
        rows: list[tuple[str, str, int | None]] = [("Bonded IOB", str(sum(int(n) for row in self.pads for n in row)), 832)]
        for kind, row in zip(("HPIOB_M", "HPIOB_S", "HPIOB_SNGL"), self.pads, strict=False):
            rows.append((kind, str(sum(map(int, row))), 384))
            rows += [(f"  {name}", n, None) for name, n in zip(("INPUT", "OUTPUT", "BIDIR"), row, strict=True)]
        return self._table(*rows)

    def _primitives(self) -> list[Row]:
        dsp, carry = ("DSP48E1", "CARRY4") if self.seven else ("DSP48E2", "CARRY8")
        return [
            ("FDRE", str(self.ff + self.extra_ff - 3), "Register"),
            ("FDCE", "3", "Register"),
            ("LUT6", str(self.lut - self.memory), "CLB"),
            (carry, str(self.carry), "CLB"),
            (dsp, str(self.dsp), "Arithmetic"),
        ]

    def _crossings(self) -> list[str]:
        names = ("Using TX_REG only", "Using RX_REG only", "Using Both TX_REG and RX_REG")
        rows = [(f"    {name}", str(n), "0", "", "") for name, n in zip(names, self.crossings, strict=True)]
        return boxed(("", "Used", "Fixed", "Available", "Util%"), [("SLR1 <-> SLR0", "9", "", "23040", "0.04"), *rows])
