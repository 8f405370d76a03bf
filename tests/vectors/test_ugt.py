"""Test vectors of the Global Trigger are read back as written, in the public order and packing, and refused when cut off."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.core.errors import InputError, LayoutError
from l1ad.core.layout import load_layout
from l1ad.vectors import ugt
from l1ad.vectors.frames import Flag
from l1ad.vectors.linkmap import absent_columns, input_pieces, load_link_map
from l1ad.vectors.packing import pack, unpack
from tests.networks import make_events

LINKS = load_link_map("cms_ugt")
LAYOUT = load_layout("axol1tl57")
AT = {name: i for i, name in enumerate(LAYOUT.names)}


def made(n: int = 40) -> tuple[np.ndarray, ugt.Crossings]:  # type: ignore[type-arg]
    x_hw = make_events(LAYOUT, n, seed=3).astype(np.int64)
    x_hw[:, absent_columns(LINKS, LAYOUT)] = 0
    bits = np.random.default_rng(1).random((n, 2)) < 0.5
    return x_hw, ugt.with_bits(pack(LINKS, input_pieces(LINKS, LAYOUT), x_hw, ""), bits, 3)


def test_what_is_written_is_read_back() -> None:
    x_hw, wanted = made()
    got = ugt.read(ugt.write(wanted, LINKS), "x", LINKS)
    widths = [(column.type.width, column.type.signed) for column in LAYOUT.columns]
    np.testing.assert_array_equal(unpack(LINKS, input_pieces(LINKS, LAYOUT), widths, got.frames), x_hw)
    for name in ("crossings", "external", "algorithms", "final_or"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))
    assert got.frames.flags[0, 0] == Flag.VALID | Flag.START
    assert ugt.write(got, LINKS) == ugt.write(wanted, LINKS)


def test_words_stand_where_the_public_reader_looks() -> None:
    x_hw, vector = made()
    for event, line in enumerate(ugt.write(vector, LINKS).splitlines()):
        words = line.split(" ")
        assert [len(word) for word in words] == [4, *[16] * 8, *[8] * 36, *[8] * 12, 64, 128, 1]
        assert int(words[0]) == event
        muon, eg, jet, met = int(words[1 + 3], 16), int(words[9 + 2], 16), int(words[33 + 9], 16), int(words[45 + 2], 16)
        assert muon >> 10 & 0x1FF == x_hw[event, AT["muon[3].pt_hw"]]
        assert muon & 0x3FF == x_hw[event, AT["muon[3].phi_hw"]]
        assert muon >> 23 & 0x1FF == x_hw[event, AT["muon[3].eta_hw"]] & 0x1FF
        assert (
            eg
            == x_hw[event, AT["eg[2].pt_hw"]]
            | (x_hw[event, AT["eg[2].eta_hw"]] & 255) << 9
            | x_hw[event, AT["eg[2].phi_hw"]] << 17
        )
        assert jet & 0x7FF == x_hw[event, AT["jet[9].pt_hw"]]
        assert met == x_hw[event, AT["met[0].pt_hw"]] | x_hw[event, AT["met[0].phi_hw"]] << 12
        assert [int(words[i], 16) for i in (5, 6, 7, 8, *range(21, 33), 45, 46, 48, *range(51, 58))] == [0] * 26
        algorithms = int(words[58], 16)  # bit 511 first: bit k is worth 2 ** k
        assert [k for k in range(512) if algorithms >> k & 1] == np.flatnonzero(vector.algorithms[event]).tolist()
        assert words[59] == str(int(algorithms > 0))


def test_version_1_is_read() -> None:
    _, vector = made(4)
    lines = []
    for line in ugt.write(vector, LINKS).splitlines():
        words = line.split()
        lines.append(" ".join([*words[:29], *words[33:49], *words[57:]]))  # 8 taus, 4 sums, no empty words
    got = ugt.read("\n".join(lines) + "\n", "x", LINKS)
    assert ugt.write(got, LINKS) == ugt.write(vector, LINKS)


def test_crossings_begin_again_after_an_orbit() -> None:
    vector = made(1)[1]
    many = ugt.with_bits(vector.frames, np.zeros((3566, 1), dtype=bool), 0)
    assert many.crossings[[3563, 3564, 3565]].tolist() == [3563, 0, 1]


def test_a_file_cut_inside_a_line_is_refused() -> None:
    text = ugt.write(made(3)[1], LINKS)
    length = len(text) // 3
    for end in range(length + 1, 2 * length - 1, 3):
        with pytest.raises(InputError, match=r"^x, line 2: expected .*; the file was cut off or edited\.$"):
            ugt.read(text[:end], "x", LINKS)
    for start in ("", "\n"):
        with pytest.raises(InputError, match=r"^x has no crossings; it was cut off\.$"):
            ugt.read(start, "x", LINKS)
    with pytest.raises(InputError, match=r"^x, line 1: expected 60 words"):
        ugt.read("0000 1234\n", "x", LINKS)


def test_another_link_map_and_too_many_bits_are_refused() -> None:
    vector = made(2)[1]
    with pytest.raises(LayoutError, match=r"^Vectors of the Global Trigger need a link map with 32-bit words"):
        ugt.write(vector, load_link_map("l1topo"))
    with pytest.raises(LayoutError, match=r"^2 trigger bits from algorithm 511 do not fit 512"):
        ugt.with_bits(vector.frames, np.zeros((2, 2), dtype=bool), 511)
