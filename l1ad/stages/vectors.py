"""Write the files that a laboratory plays into a board, and those that the board must answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.artefact import Draft
from l1ad.core.errors import LayoutError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.core.trained import load_trained
from l1ad.firmware.target import thresholds_note, with_configured_thresholds
from l1ad.vectors import topo, ugt
from l1ad.vectors.answers import answer_widths, answers
from l1ad.vectors.formats import FORMATS, FrameFormat, require_format
from l1ad.vectors.linkmap import LinkMap, absent_columns, input_pieces, load_link_map, output_pieces, plain, require_absent
from l1ad.vectors.packing import pack
from l1ad.vectors.source import open_events

KIND = "vectors"
EXPECTED = "expected.csv"


@dataclass(frozen=True, slots=True)
class VectorsResult(StageResult):
    """What was written.

    Attributes:
        path: the folder.
        fresh: whether it was made now; else nothing had changed.
        summary: format, events, files, board, link map's origin, network's digest and thresholds.
    """

    FLAT: ClassVar[bool] = True


def vectors(
    config: Config,
    *,
    format: str,
    output: Path,
    events: Path | None = None,
    count: int | None = None,
    links: Path | None = None,
    force: bool = False,
) -> VectorsResult:
    """Write inputs, expected answers and the list of expected scores.

    Args:
        config: the configuration; ``firmware`` names the board and the thresholds.
        format: name of the format.
        output: folder that is written.
        events: dataset folder or ``.npy`` file; the run's dataset if None.
        count: events, from the first; all if None.
        links: link map instead of the board's.
        force: do it again even if nothing has changed.

    Returns:
        What was written.

    Raises:
        ArtefactError: there is no model or no dataset.
        ConfigError: the link map is wrong.
        InputError: unknown format, or events that cannot be played.
        LayoutError: the link map leaves something out.
    """
    require_format(format, (*FORMATS, *_WHOLE))
    model = load_trained(config.run / "model")
    network = with_configured_thresholds(model.network, config)
    link_map = load_link_map(config.board, links or config.links)
    digest, x_hw = open_events(events or config.run / "dataset", network.layout, count)
    inputs = {"model": model.digest, "events": digest}
    settings = {"format": format, "count": len(x_hw), "links": plain(link_map), "thresholds": network.trigger_bits}
    settings |= {"board": config.firmware.board, **thresholds_note(config)}

    def write(draft: Draft) -> Summary:
        n_files = _write(draft.path, format, link_map, network, x_hw, Path(config.firmware.board).stem)
        return _summary(config, format, link_map, network, len(x_hw), n_files) | thresholds_note(config)

    code = "l1ad.stages.vectors"
    return run_stage(VectorsResult, output, KIND, write, code=code, inputs=inputs, settings=settings, force=force)


def _write(folder: Path, format: str, links: LinkMap, network: Network, x_hw: NDArray[Any], board: str) -> int:
    """Write the list of all scores and the files; give the number of files."""
    _write_listing(folder, network, x_hw)
    (folder / "links.json").write_text(json.dumps(plain(links), indent=1) + "\n", encoding="utf-8")
    if format in _WHOLE:
        _WHOLE[format](folder, links, network, np.asarray(x_hw, dtype=np.int64))
        return 1
    return _write_buffers(folder, FORMATS[format], links, network, x_hw, board)


def _write_listing(folder: Path, network: Network, x_hw: NDArray[Any]) -> None:
    with (folder / EXPECTED).open("w", encoding="ascii") as listing:
        listing.write(",".join(["event", "score", *(t.name for t in network.thresholds)]) + "\n")
        for start, batch in _batches(x_hw, 1 << 14):
            rows = enumerate(answers(network, batch).tolist(), start)
            listing.writelines(f"{event},{','.join(map(str, row))}\n" for event, row in rows)


def _write_buffers(folder: Path, ways: FrameFormat, links: LinkMap, network: Network, x_hw: NDArray[Any], board: str) -> int:
    """Write a file of inputs and one of answers for each buffer."""
    inputs, outputs = input_pieces(links, network.layout), output_pieces(links, *_answer_shape(network))
    for number, (start, batch) in enumerate(_batches(x_hw, links.events_per_file)):
        require_absent(network.layout, absent_columns(links, network.layout), batch, start)
        files = {"input": pack(links, inputs, batch, board)}
        files["output"] = pack(links, outputs, answers(network, batch), board, first_frame=links.latency_frames)
        for name, frames in files.items():
            (folder / f"{name}_{number:04d}{ways.suffix}").write_text(ways.write(frames), encoding="ascii")
    return 2 * -(-len(x_hw) // links.events_per_file)


def _write_ugt(folder: Path, links: LinkMap, network: Network, x_hw: IntArray) -> None:
    """Write one file for all crossings."""
    if links.first_algorithm is None:
        raise LayoutError("Vectors of the Global Trigger need a link map with 'first_algorithm'; use board 'cms_ugt' or add it.")
    require_absent(network.layout, absent_columns(links, network.layout), x_hw)
    frames = pack(links, input_pieces(links, network.layout), x_hw, "")
    bits = answers(network, x_hw)[:, 1:] != 0
    text = ugt.write(ugt.with_bits(frames, bits, links.first_algorithm), links)
    (folder / "vectors.txt").write_text(text, encoding="ascii")


def _write_topo(folder: Path, links: LinkMap, network: Network, x_hw: IntArray) -> None:
    """Write one file for all events; it has no place for answers."""
    with (folder / "events.txt").open("w", encoding="ascii") as file:
        file.writelines(topo.write(network.layout, topo.events_of(network.layout, x_hw)))


#: Formats that hold all events in one file.
_WHOLE = {"ugt": _write_ugt, "topo": _write_topo}


def _answer_shape(network: Network) -> tuple[int, int]:
    return answer_widths(network)[0][0], len(network.thresholds)


def _batches(x_hw: NDArray[Any], size: int) -> Iterator[tuple[int, IntArray]]:
    for start in range(0, len(x_hw), size):
        yield start, np.asarray(x_hw[start : start + size], dtype=np.int64)


def _summary(config: Config, format: str, links: LinkMap, network: Network, n_events: int, n_files: int) -> dict[str, Any]:
    return {
        "format": format,
        "events": n_events,
        "files": n_files,
        "events_per_file": links.events_per_file,
        "board": config.firmware.board,
        "public": links.public,
        "links": links.source,
        "latency_frames": links.latency_frames,
        "network_digest": network.digest,
        "thresholds": network.trigger_bits,
    }
