"""L1Topo's ASCII events are read back as written, by the grammar of Athena's reader, and refused when cut off."""

from __future__ import annotations

import re

import numpy as np
import pytest

from l1ad.core.errors import InputError, LayoutError
from l1ad.core.layout import load_layout
from l1ad.vectors import topo
from tests.networks import make_events

LAYOUT = load_layout("l1topo44")
EVENTS = tuple(topo.events_of(LAYOUT, make_events(LAYOUT, 60, seed=4).astype(np.int64)))
TEXT = "".join(topo.write(LAYOUT, EVENTS))


def test_what_is_written_is_read_back() -> None:
    assert topo.read(TEXT, "x") == EVENTS
    assert "".join(topo.write(LAYOUT, topo.read(TEXT, "x"))) == TEXT


def test_an_event_is_written_as_athena_dumps_it() -> None:
    x_hw = np.zeros((1, LAYOUT.n_columns), dtype=np.int64)
    at = {name: i for i, name in enumerate(LAYOUT.names)}
    for name, value in {
        "jet[0].pt_hw": 431, "jet[0].eta_hw": -12, "jet[0].phi_hw": 64, "jet[2].pt_hw": 9,
        "tau[0].pt_hw": 50, "muon[0].pt_hw": 60, "muon[0].phi_hw": 1, "met[0].pt_hw": 1000, "met[0].phi_hw": 32,
    }.items():  # fmt: skip
        x_hw[0, at[name]] = value
    assert "".join(topo.write(LAYOUT, topo.events_of(LAYOUT, x_hw))).split("\n") == [
        "<file>", "<event>",
        "<jet>", "431  431  -12  64  -0.3  3.14159", "0  0  0  0  0  0", "9  9  0  0  0  0", "</jet>",
        "<tau>", "50  0  0  0  0  0", "</tau>",
        "<muon>", "60  0  1  0  0.0490874", "</muon>",
        "<met>", "0  1000  1000", "</met>",
        "<info>", "0  0  0  0", "</info>", "</event>", "</file>", "",
    ]  # fmt: skip


def test_only_trailing_objects_of_zeros_are_left_out() -> None:
    x_hw = make_events(LAYOUT, 60, seed=4).astype(np.int64)
    x_hw[:30, 3:18] = 0  # jets 1 to 5
    x_hw[:, 0] = 7  # jet 0 is always there
    x_hw[10:20, 9] = 1  # but jet 3 has a pt
    counts = [len(event.objects["jet"]) for event in topo.events_of(LAYOUT, x_hw)]
    assert counts[:30] == [1] * 10 + [4] * 10 + [1] * 10
    assert max(counts[30:]) == 6


def test_a_file_cut_anywhere_is_refused() -> None:
    short = "".join(topo.write(LAYOUT, EVENTS[:2]))
    for end in range(0, len(short) - len("</file>\n") + 6, 7):
        with pytest.raises(InputError, match=r"^x .*\.$"):
            topo.read(short[:end], "x")
    body = short.removeprefix("<file>\n").removesuffix("</file>\n")
    assert topo.read(body, "x") == EVENTS[:2]  # what Athena appends to has no file around it
    with pytest.raises(InputError, match=r"^x ends where '</event>' was expected: it was cut off"):
        topo.read(body.removesuffix("</event>\n"), "x")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<jet>", "<jets>", "expected one of the blocks cluster, tau, jet, muon, met, info, got '<jets>'"),
        (r"\n\d+  \d+  (-?\d+  \d+  \S+  \S+)\n", r"\n\1\n", "expected 4 whole numbers of a jet"),
        ("</event>\n<event>", "<event>", "expected one of the blocks"),
        ("<file>", "<data>", "is not an ASCII file of L1Topo"),
    ],
)
def test_a_damaged_file_is_refused(old: str, new: str, message: str) -> None:
    changed = re.sub(old, new, TEXT, count=1)
    assert changed != TEXT
    with pytest.raises(InputError, match=rf"^x.*{re.escape(message)}"):
        topo.read(changed, "x")


def test_a_layout_that_has_two_kinds_for_a_block_is_refused() -> None:
    layout = load_layout("gelato60")
    with pytest.raises(LayoutError, match=r"^L1Topo's ASCII events have one block each for cluster, .* layout 'gelato60' has "):
        list(topo.events_of(layout, np.zeros((1, 60), dtype=np.int64)))
