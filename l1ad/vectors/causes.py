"""Name the typical causes of a wrong answer: compute what the board would say if one of them were so, and look whether it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import IntArray, Rounding
from l1ad.core.network import Network
from l1ad.spec import reference
from l1ad.vectors.answers import input_widths
from l1ad.vectors.frames import Frames
from l1ad.vectors.linkmap import LinkMap, input_pieces
from l1ad.vectors.packing import pack, signed, unpack


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that may have gone wrong.

    Attributes:
        name: how it is told.
        network: the network that then computes.
        x_hw: the inputs that it then sees, int64 ``(n_events, n_columns)``.
        mend: what makes the captured frames right again; None where they are read as they are.
        foreign: whether the capture is then none of this firmware, or not aligned, rather than one of a firmware with a fault.
    """

    name: str
    network: Network
    x_hw: IntArray
    mend: Callable[[Frames], Frames] | None = None
    foreign: bool = False


def causes(network: Network, x_hw: IntArray, links: LinkMap | None, others: Mapping[str, Network]) -> Iterator[Cause]:
    """Return what may have gone wrong, simple things first; a cause that changes nothing in these events is left out.

    Args:
        network: the network that should be on the board.
        x_hw: the events, int64 ``(n_events, n_columns)``.
        links: the board's link map; None where there are no words, and only inputs can be wrong.
        others: other networks of the same layout, by name.
    """
    for name, changed in _inputs(network, x_hw, links):
        if not np.array_equal(changed, x_hw):
            yield Cause(name, network, changed)
    if links is None:
        return
    for rounding, told in ((Rounding.TRN, "truncated"), (Rounding.TRN_ZERO, "truncated towards 0")):
        type_ = network.scaling.type
        if type_.rounding is not rounding:
            scaling = replace(network.scaling, type=type_.with_modes(rounding, type_.overflow))
            yield Cause(f"inputs {told} instead of rounded where they are scaled", replace(network, scaling=scaling), x_hw)
    for name, other in others.items():
        yield Cause(f"another network on the board: {name}, digest {other.digest[:12]}", other, x_hw, foreign=True)
    yield from _frames(network, x_hw, links)


def _inputs(network: Network, x_hw: IntArray, links: LinkMap | None) -> Iterator[tuple[str, IntArray]]:
    kinds = tuple(slot.kind for slot in network.layout.slots)
    for chosen in (*((kind,) for kind in kinds), kinds):
        yield f"eta and phi swapped in {_told(chosen)}", _swapped(network, x_hw, chosen)
    for chosen in (*((kind,) for kind in kinds), kinds):
        yield f"pT of {_told(chosen)} truncated to whole GeV before the scaling", _whole_gev(network, x_hw, chosen)
    yield "bits reversed in every input field", _fields_reversed(network, x_hw)
    if links is not None:
        yield "bits reversed in every input word", _words_reversed(network, x_hw, links)
    for kind in kinds:
        columns = network.layout.slot_columns(kind)
        for shift, told in ((1, "before"), (-1, "after")):
            yield f"{kind} of the crossing {told}", _other_crossing(x_hw, columns, shift)


def _told(kinds: tuple[str, ...]) -> str:
    return kinds[0] if len(kinds) == 1 else "all objects"


def _other_crossing(x_hw: IntArray, columns: slice, shift: int) -> IntArray:
    changed = x_hw.copy()
    changed[:, columns] = np.roll(x_hw[:, columns], shift, axis=0)
    changed[0 if shift > 0 else -1, columns] = 0  # nothing was played there
    return changed


def _swapped(network: Network, x_hw: IntArray, kinds: tuple[str, ...]) -> IntArray:
    changed = x_hw.copy()
    for kind in kinds:
        eta, phi = (network.layout.feature_columns(feature, kind) for feature in ("eta", "phi"))
        if len(eta) == len(phi):
            changed[:, eta], changed[:, phi] = x_hw[:, phi], x_hw[:, eta]
    return _fitting(network, changed)


def _fitting(network: Network, values: IntArray) -> IntArray:
    """Keep the bits that each column has."""
    widths = input_widths(network)
    masks = np.array([(1 << width) - 1 for width, _ in widths], dtype=np.int64)
    return signed((values & masks).astype(np.uint64), widths)


def _whole_gev(network: Network, x_hw: IntArray, kinds: tuple[str, ...]) -> IntArray:
    changed = x_hw.copy()
    for i, column in enumerate(network.layout.columns):
        if column.feature == "pt" and column.kind in kinds:
            counts = round(1 / column.lsb)
            changed[:, i] -= changed[:, i] % max(counts, 1)
    return changed


def _fields_reversed(network: Network, x_hw: IntArray) -> IntArray:
    widths = input_widths(network)
    columns = [reversed_bits(x_hw[:, i].astype(np.uint64), width) for i, (width, _) in enumerate(widths)]
    return signed(np.stack(columns, axis=1), widths)


def _words_reversed(network: Network, x_hw: IntArray, links: LinkMap) -> IntArray:
    pieces = input_pieces(links, network.layout)
    frames = _mirrored(pack(links, pieces, x_hw, ""), links.word_bits)
    return unpack(links, pieces, input_widths(network), frames)


def reversed_bits(values: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    """Reverse the lowest bits of words."""
    turned = np.zeros_like(values)
    for bit in range(width):
        turned |= (values >> np.uint64(bit) & np.uint64(1)) << np.uint64(width - 1 - bit)
    return turned


def _mirrored(frames: Frames, width: int) -> Frames:
    return replace(frames, words=reversed_bits(frames.words, width))


def _frames(network: Network, x_hw: IntArray, links: LinkMap) -> Iterator[Cause]:
    """Return what may have happened to the captured words themselves."""
    width = links.word_bits
    yield Cause("bits reversed in the captured words", network, x_hw, lambda frames: _mirrored(frames, width))
    for bits in range(1, width):
        name = f"words shifted by {bits} bits, which is less than a frame: the link is not aligned"
        mend: Callable[[Frames], Frames] = lambda frames, bits=bits: _shifted_back(frames, width, bits)  # type: ignore[misc]  # noqa: E731
        yield Cause(name, network, x_hw, mend, foreign=True)


def _shifted_back(frames: Frames, width: int, bits: int) -> Frames:
    """Take a stream of words back by some bits, lowest bit first on the link."""
    after = np.concatenate([frames.words[1:], np.zeros_like(frames.words[:1])])
    low = frames.words >> np.uint64(bits)
    high = (after & np.uint64((1 << bits) - 1)) << np.uint64(width - bits)
    return replace(frames, words=low | high)


def first_parting(network: Network, x_hw: IntArray, cause: Cause, event: int) -> str | None:
    """Name the first node and element at which an event with a cause parts from the specification; None where the inside does not."""
    one = slice(event, event + 1)
    if not np.array_equal(x_hw[one], cause.x_hw[one]):
        column = int(np.flatnonzero(x_hw[event] != cause.x_hw[event])[0])
        return f"input {network.layout.names[column]} ({x_hw[event, column]} became {cause.x_hw[event, column]})"
    nodes, changed = (reference.evaluate(net, x_hw[one]) for net in (network, cause.network))
    for name, codes in nodes.items():
        other = changed.get(name)
        if other is None or other.shape != codes.shape:
            return f"node {name!r}"
        if not np.array_equal(codes, other):
            element = int(np.flatnonzero(codes.ravel() != other.ravel())[0])
            return f"node {name!r}, element {element} ({codes.ravel()[element]} became {other.ravel()[element]})"
    return None


def bit_cause(name: str, threshold: int, scores: IntArray, bits: IntArray) -> str | None:
    """Explain why a trigger bit does not follow the captured score; None where it does.

    Args:
        name: the bit's name.
        threshold: what it should cut on.
        scores: captured scores, shape ``(n_events,)``.
        bits: captured bits, same shape.
    """
    wrong = (scores >= threshold) != (bits != 0)
    if not wrong.any():
        return None
    below, above = scores[bits == 0], scores[bits != 0]
    if not len(above) or not len(below):
        return f"trigger bit {name!r} is always {int(bool(len(above)))}: it is not connected, masked, or its threshold is far off"
    if below.max() < above.min():
        return f"trigger bit {name!r} has a threshold above {below.max()} and up to {above.min()}, not {threshold}: of another set or network"
    return f"trigger bit {name!r} does not follow the score of its event in {int(wrong.sum())} of {len(wrong)} events: another crossing or link"
