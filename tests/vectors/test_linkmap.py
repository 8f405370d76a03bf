"""Objects stand in the words where the board's data say, fit there, and come out as they went in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.board import board_names
from l1ad.core.errors import ConfigError, InputError, LayoutError
from l1ad.core.fixed import IntArray
from l1ad.core.layout import load_layout, shipped_layouts
from l1ad.vectors.frames import Flag
from l1ad.vectors.linkmap import LinkMap, absent_columns, input_pieces, load_link_map, output_pieces
from l1ad.vectors.packing import pack, unpack
from tests.networks import make_events, tiny_layout

UGT = load_link_map("cms_ugt")
OURS = load_link_map("l1topo")


def widths(name: str) -> list[tuple[int, bool]]:
    return [(column.type.width, column.type.signed) for column in load_layout(name).columns]


def ugt_events(n: int) -> IntArray:
    layout = load_layout("axol1tl57")
    x_hw = make_events(layout, n, seed=3).astype(np.int64)
    x_hw[:, absent_columns(UGT, layout)] = 0
    return x_hw


@pytest.mark.parametrize("board", board_names())
def test_every_shipped_board_has_a_link_map_or_says_that_none_is_public(board: str) -> None:
    links = load_link_map(board)
    assert links.public in ("inputs", "none")
    assert "public" in links.source
    layout = load_layout("axol1tl57" if board == "cms_ugt" else "gelato60")
    assert {piece.value for piece in input_pieces(links, layout)} | set(absent_columns(links, layout)) == set(
        range(layout.n_columns)
    )
    assert output_pieces(links, 32, 8)


@pytest.mark.parametrize("layout", [name for name in shipped_layouts() if name not in ("hlt48", "cicada252")])
def test_what_is_packed_is_unpacked(layout: str) -> None:
    described = load_layout(layout)
    x_hw = make_events(described, 200, seed=1).astype(np.int64)
    pieces = input_pieces(OURS, described)
    frames = pack(OURS, pieces, x_hw, "b", first_frame=4)
    assert frames.n_frames == 4 + 200 * 6
    assert not frames.flags[:4].any()
    np.testing.assert_array_equal(
        frames.flags[4:10, 0], [Flag.VALID | Flag.START | Flag.ORBIT, 1, 1, 1, 1, Flag.VALID | Flag.END]
    )
    np.testing.assert_array_equal(unpack(OURS, pieces, widths(layout), frames, 4), x_hw)


def test_ugt_words_are_those_of_the_public_packing() -> None:
    layout = load_layout("axol1tl57")
    x_hw = ugt_events(50)
    pieces = input_pieces(UGT, layout)
    frames = pack(UGT, pieces, x_hw, "b")
    at = {name: i for i, name in enumerate(layout.names)}

    def bits(event: int, name: str, low: int, width: int) -> int:
        return (int(x_hw[event, at[name]]) & ((1 << width) - 1)) << low

    for event in range(50):
        word = {(link, f): int(frames.words[6 * event + f, i]) for i, link in enumerate(frames.links) for f in range(6)}
        for rank, (link, f) in enumerate([(0, 2), (0, 4), (1, 2), (1, 4)]):
            muon = f"muon[{rank}]."
            wanted = (
                bits(event, muon + "phi_hw", 0, 10) | bits(event, muon + "pt_hw", 10, 9) | bits(event, muon + "eta_hw", 23, 9)
            )
            assert word[link, f] | word[link, f + 1] << 32 == wanted
        for rank in range(4):
            eg = f"eg[{rank}]."
            assert word[4, rank] == bits(event, eg + "pt_hw", 0, 9) | bits(event, eg + "eta_hw", 9, 8) | bits(
                event, eg + "phi_hw", 17, 8
            )
        for rank in range(10):
            jet = f"jet[{rank}]."
            wanted = bits(event, jet + "pt_hw", 0, 11) | bits(event, jet + "eta_hw", 11, 8) | bits(event, jet + "phi_hw", 19, 8)
            assert word[6 + rank // 6, rank % 6] == wanted
        assert word[10, 2] == bits(event, "met[0].pt_hw", 0, 12) | bits(event, "met[0].phi_hw", 12, 8)
    np.testing.assert_array_equal(unpack(UGT, pieces, widths("axol1tl57"), frames), x_hw)


def test_a_value_wider_than_a_word_goes_on_in_the_next_frame() -> None:
    pieces = output_pieces(UGT, 40, 3)
    assert [(p.frame, p.low, p.bits) for p in pieces[:2]] == [(0, 0, 32), (1, 0, 8)]
    values = np.array([[-5, 1, 0, 1], [2**38, 0, 1, 0]], dtype=np.int64)
    frames = pack(UGT, pieces, values, "b")
    np.testing.assert_array_equal(unpack(UGT, pieces, [(40, True), (1, False), (1, False), (1, False)], frames), values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"places": {"muon": [(0, 2)]}}, r"leaves out the object 'met'"),
        ({"places": UGT.places | {"jet": [(6, 0)]}}, r"has 1 places for 'jet', the layout has more; add jet\[1\]"),
        ({"fields": UGT.fields | {"jet": {"pt": (0, 11), "eta": (11, 8)}}}, r"leaves out 'phi' of 'jet'"),
        (
            {"fields": UGT.fields | {"jet": {"pt": (0, 9), "eta": (11, 8), "phi": (19, 8)}}},
            r"gives 'pt' of 'jet' 9 bits, the layout 11",
        ),
        (
            {"fields": UGT.fields | {"jet": {"pt": (0, 11), "eta": (10, 8), "phi": (19, 8)}}},
            r"both in bit 10 of frame 0 of link 6",
        ),
        ({"places": UGT.places | {"met": [(10, 6)]}}, r"puts column 'met\[0\].pt_hw' in frame 6, an event has 6"),
        ({"places": UGT.places | {"met": [(4, 0)]}}, r"both in bit 0 of frame 0 of link 4"),
    ],
)
def test_a_map_that_leaves_something_out_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(LayoutError, match=rf"^The link map .*{message}.*\.$"):
        input_pieces(replace(UGT, **change), load_layout("axol1tl57"))


def test_full_links_and_outputs_over_each_other_are_refused() -> None:
    with pytest.raises(LayoutError, match=r"1 links are full; raise 'fill_links'\.$"):
        input_pieces(replace(OURS, fill_links=1), load_layout("gelato60"))
    with pytest.raises(LayoutError, match=r"puts the score and trigger bit 0 both in bit 0 of frame 1"):
        output_pieces(OURS, 65, 1)


def test_a_missing_link_is_refused() -> None:
    layout = tiny_layout()
    pieces = input_pieces(OURS, layout)
    frames = pack(OURS, pieces, make_events(layout, 3, seed=1).astype(np.int64), "b")
    with pytest.raises(InputError, match=r"^The file has the links \[7\], link 0 is needed"):
        unpack(OURS, pieces, [(c.type.width, c.type.signed) for c in layout.columns], replace(frames, links=(7,)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("word_bits: [", r"is not YAML"),
        ("words: 3", r"is wrong at "),
        ("FILL\nplaces: {jet: [[0, 0]]}", r"needs either 'places' or 'fill_links'"),
        ("FILL\nframes_per_file: 7", r"7 frames a file hold no event"),
        ("FILL\nword_bits: 65", r"is wrong at word_bits"),
        ("FILL\nlatncy: 65", r"is wrong at latncy"),
    ],
)
def test_a_wrong_file_is_refused_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    fill = "public: none\nsource: s\nframes_per_event: 6\nlatency_frames: 6\nfill_links: 1\noutput: {link: 0, score: [0, 0], triggers: [1, 0]}"
    fill += "" if "word_bits" in text else "\nword_bits: 64"
    fill += "" if "frames_per_file" in text else "\nframes_per_file: 64"
    (tmp_path / "l.yaml").write_text(text.replace("FILL", fill), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_link_map("l1topo", tmp_path / "l.yaml")


def test_a_board_of_ones_own_has_its_map_beside_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.links\.yaml': No such file or directory; write it beside the board"):
        load_link_map(str(tmp_path / "mine.yaml"))
    shipped = Path(__file__).parents[2] / "l1ad/links/l1topo.yaml"
    (tmp_path / "mine.links.yaml").write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    found = load_link_map(str(tmp_path / "mine.yaml"))
    assert isinstance(found, LinkMap)
    assert found == OURS
