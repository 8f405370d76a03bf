"""Every format reads back what it wrote, is what the laboratories' readers take, and refuses what is cut off."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.vectors.formats import FORMATS, read_frames
from l1ad.vectors.frames import Flag, Frames

#: The grammar of CMSSW's reader of EMPv2 (L1Trigger/DemonstratorTools, utilities.cc), as published.
EMPV2_WORD = re.compile("([01])?([01])([01])([01])([01]) ([0-9a-fA-F]{16})")


def frames(n_frames: int = 60, n_links: int = 3, seed: int = 1, strobe: bool = False) -> Frames:
    random = np.random.default_rng(seed)
    words = random.integers(0, 2**64, size=(n_frames, n_links), dtype=np.uint64)
    words[0], words[1] = 0, np.uint64(2**64 - 1)
    flags = np.full((n_frames, n_links), int(Flag.VALID), dtype=np.uint8)
    flags[::6] |= int(Flag.START)
    flags[5::6] |= int(Flag.END)
    flags[0] |= int(Flag.ORBIT)
    flags[7, 1] = 0
    if strobe:
        flags[8, 2] |= int(Flag.HELD)
    return Frames("tiny", (2, 5, 61), words, flags)


@pytest.mark.parametrize("strobe", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read_back(name: str, strobe: bool) -> None:
    ways, wanted = FORMATS[name], frames(strobe=strobe)
    got = ways.read(ways.write(wanted), "x")
    assert got.same(wanted, ways.carries)
    assert got.board == ("" if name == "apx" else "tiny")


@pytest.mark.parametrize("name", FORMATS)
def test_another_word_flag_or_link_is_not_the_same(name: str) -> None:
    ways, wanted = FORMATS[name], frames()
    for change in ("words", "flags", "links"):
        got = ways.read(ways.write(wanted), "x")
        if change == "links":
            got = Frames(got.board, (2, 5, 60), got.words, got.flags)
        else:
            changed = getattr(got, change)
            changed[9, 1] ^= changed.dtype.type(1)
        assert not got.same(wanted, ways.carries), change


def test_empv2_is_what_cmssw_reads() -> None:
    lines = FORMATS["empv2"].write(frames()).splitlines()
    assert lines[0] == "ID: tiny"
    assert lines[1] == "Metadata: (strobe,) start of orbit, start of packet, end of packet, valid"
    assert lines[2] == ""
    assert lines[3] == "      Link              002                    005                    061        "
    for number, line in enumerate(lines[4:]):
        prefix = f"Frame {number:04d}  "
        assert line.startswith(prefix)
        tokens = [token for token in re.split(r"\s\s+", line[len(prefix) :]) if token]
        assert len(tokens) == 3
        assert all(EMPV2_WORD.fullmatch(token) for token in tokens)
    assert lines[4].startswith("Frame 0000    1101 0000000000000000  1101 ")
    assert lines[5].startswith("Frame 0001    0001 ffffffffffffffff  0001 ")
    assert lines[9].startswith("Frame 0005    0011 ")
    assert lines[10].startswith("Frame 0006    0101 ")  # start of packet, not of orbit


def test_apx_and_empv1_are_written_as_cmssw_writes_them() -> None:
    apx = FORMATS["apx"].write(frames()).splitlines()
    assert apx[:3] == [
        "#Sideband ON",
        "#LinkLabel" + "".join(f"                LINK_{n:02d}    " for n in (2, 5, 61)),
        "#BeginData",
    ]
    assert apx[3] == "0x0000" + "    0x07 0x0000000000000000" * 3
    assert apx[3 + 17].startswith("0x0011    0x09 0x")
    empv1 = FORMATS["empv1"].write(frames()).splitlines()
    assert empv1[1] == " Quad/Chan :         q00c2                q01c1                q15c1       "
    assert empv1[3] == "Frame 0000 :" + "   1v0000000000000000" * 3


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_inside_a_line_or_a_packet_is_refused_in_a_sentence(name: str) -> None:
    text = FORMATS[name].write(frames(12))
    lines = text.splitlines(keepends=True)
    head = len(lines) - 12
    starts = np.cumsum([0, *map(len, lines)])
    # Between packets nothing in a file but the count of memh says that more was to come; EMPv1 does not mark packets.
    whole = {starts[head + 6]} if name in ("empv2", "apx") else set(starts[head + 1 :]) if name == "empv1" else set()
    whole |= {end - 1 for end in whole}
    cuts = set(range(0, len(text) - 1, 5)) | {int(end) for end in starts[:-1]}
    for end in sorted(cuts - {int(end) for end in whole}):
        with pytest.raises(InputError, match=r"^x.*\.$"):
            FORMATS[name].read(text[:end], "x")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("empv2", "1101 0000000000000000", "110 0000000000000000", "leaves out 'valid'"),
        ("empv2", "Frame 0001", "Frame 0002", "expected 'Frame 0001'"),
        ("empv2", "Metadata", "Metadatum", "is not an EMPv2 file"),
        ("empv1", "1v0000000000000000", "2v0000000000000000", "expected '1v' or '0v'"),
        ("empv1", "Frame 0003 :", "Frame 0004 :", "expected 'Frame 0003 :'"),
        ("apx", "0x0001 ", "0x0002 ", "expected the row number 0x0001"),
        ("apx", "LINK_05", "LANE_05", "expected the numbers of the links"),
        ("apx", "LINK_05", "LINK_02", "names a link twice"),
        ("memh", "frames 60", "frames 61", "has 60 frames, its header says 61"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(name: str, old: str, new: str, message: str) -> None:
    text = FORMATS[name].write(frames())
    assert old in text
    with pytest.raises(InputError, match=f"^x.*{re.escape(message)}.*\\.$"):
        FORMATS[name].read(text.replace(old, new, 1), "x")


def test_addresses_and_comments_of_memory_files_are_read() -> None:
    text = FORMATS["memh"].write(frames())
    lines = text.splitlines()
    commented = "\n".join([lines[0], "@0 // start", lines[1] + " // first", "@1", *lines[2:]])
    assert FORMATS["memh"].read(commented, "x").same(frames(), FORMATS["memh"].carries)
    with pytest.raises(InputError, match=r"^x, line 2: expected the address @0, got '@4'; .*\.$"):
        FORMATS["memh"].read("\n".join([lines[0], "@4", *lines[1:]]), "x")


def test_the_format_is_found_by_the_first_line(tmp_path: Path) -> None:
    for name, ways in FORMATS.items():
        path = tmp_path / name
        path.write_text(ways.write(frames()), encoding="ascii")
        assert read_frames(path)[0] == name
    (tmp_path / "other").write_text("hello\n", encoding="ascii")
    with pytest.raises(InputError, match=r"begins with 'hello', which is none of the formats"):
        read_frames(tmp_path / "other")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"is not ASCII text"):
        read_frames(tmp_path / "binary")
    with pytest.raises(InputError, match=r"^Cannot read"):
        read_frames(tmp_path / "none")
