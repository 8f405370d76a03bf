"""What is said of captures that are no captures, cut off or damaged, in every format, and of places that are none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import InputError, LayoutError
from l1ad.vectors import apx, empv1, empv2
from l1ad.vectors.formats import read_frames
from l1ad.vectors.frames import Flag, Frames, require_whole_packets
from l1ad.vectors.linkmap import input_pieces, load_link_map
from l1ad.vectors.source import open_events
from tests.datasets_made import make_dataset
from tests.networks import tiny_layout

FRAMES = Frames("b", (0, 1), np.arange(6, dtype=np.uint64).reshape(3, 2), np.ones((3, 2), np.uint8))


def refused(read: object, text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        read(text, "f.txt")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("form", "begins", "message"),
    [
        (empv1, "Board b\nno\n", "f.txt is not an EMPv1 file: expected the lines 'Board …', 'Quad/Chan :' and 'Link :', got "),
        (empv2, "ID: b\nno\n", "f.txt is not an EMPv2 file: expected the lines 'ID: …', "),
        (apx, "#LinkLabel x\nno\n", "f.txt is not an APx file: expected the lines '#LinkLabel …' and '#BeginData', got "),
    ],
)
def test_another_head_is_named(form: object, begins: str, message: str) -> None:
    refused(form.read, begins, message)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("form", "prefix"), [(empv1, "'Frame 0001 :'"), (empv2, "'Frame 0001'")])
def test_a_frame_that_is_missing_is_named(form: object, prefix: str) -> None:
    lines = form.write(FRAMES).splitlines(keepends=True)  # type: ignore[attr-defined]
    at = next(i for i, line in enumerate(lines) if line.startswith("Frame 0001"))
    message = f"f.txt, line {at + 1}: expected {prefix}, got 'Frame 0002"
    refused(form.read, "".join(lines[:at] + lines[at + 1 :]), message)  # type: ignore[attr-defined]
    head = "".join(line for line in lines if not line.startswith("Frame 0"))
    refused(form.read, head, "f.txt has no frames after its header; it was cut off, or the capture was never started.")  # type: ignore[attr-defined]


def test_a_packet_that_has_no_end_was_cut_off() -> None:
    flags = np.ones((3, 1), np.uint8)
    flags[1] |= np.uint8(Flag.START)
    with pytest.raises(InputError, match=r"^f ends at frame 2 inside the packet that link 4 began at frame 1: it was cut off; "):
        require_whole_packets(Frames("b", (4,), np.zeros((3, 1), np.uint64), flags), "f")


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_bytes(b"ID: \xff\n")
    with pytest.raises(
        InputError, match=r"^'.*f\.txt' is not ASCII text; give the text file that the board's software writes\.$"
    ):
        read_frames(tmp_path / "f.txt")
    with pytest.raises(InputError, match=r"^Cannot read '.*': Is a directory; give the path of a capture\.$"):
        read_frames(tmp_path)
    (tmp_path / "e.npy").write_bytes(b"no")
    with pytest.raises(InputError, match=r"^Cannot read '.*e\.npy' as a NumPy array: .*; give a \.npy file of integers\.$"):
        open_events(tmp_path / "e.npy", tiny_layout(), None)
    np.save(tmp_path / "e.npy", np.zeros((3, 8), np.int16))
    with pytest.raises(InputError, match=r"^Expected 4 events of '.*e\.npy', which has 3; ask for 1 to 3\.$"):
        open_events(tmp_path / "e.npy", tiny_layout(), 4)
    make_dataset(tmp_path / "dataset", n_background=10, n_signal=0, signals=())
    message = r"^Dataset '.*' has layout 'l1topo44', the model 'tiny8'; give events of the model's layout\.$"
    with pytest.raises(InputError, match=message):
        open_events(tmp_path / "dataset", tiny_layout(), None)


def test_places_that_are_none() -> None:
    links = load_link_map("cms_ugt")
    assert links.places is not None
    kind, pairs = next(iter(links.places.items()))
    link = pairs[0][0]

    def moved(*pair: int) -> None:
        from l1ad.core.layout import load_layout

        input_pieces(replace(links, places=links.places | {kind: [pair] * len(pairs)}), load_layout("axol1tl57"))  # type: ignore[operator]

    with pytest.raises(
        LayoutError, match=rf"^The link map puts .* in frame 99, an event has {links.frames_per_event}; move it\.$"
    ):
        moved(link, 99)
    with pytest.raises(LayoutError, match=r"^The link map puts .* and .* both in bit \d+ of frame \d+ of link \d+; move one\.$"):
        moved(*pairs[0])
