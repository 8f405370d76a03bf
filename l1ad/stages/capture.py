"""Compare what a board's buffers hold with the specification, word by word, and name what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.artefact import is_artefact
from l1ad.core.errors import ArtefactError, InputError, MismatchError, ModelError, ToolFailedError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.core.scoreset import Source
from l1ad.core.shown import Shown
from l1ad.core.trained import load_trained
from l1ad.firmware.target import with_configured_thresholds
from l1ad.scores.implementations import find_implementations
from l1ad.scores.partings import nodes_of, partings
from l1ad.vectors import topo, ugt
from l1ad.vectors.capture import Case, Finding, examine, examine_crossings, examine_events
from l1ad.vectors.formats import read_frames, read_text
from l1ad.vectors.linkmap import LinkMap, load_link_map
from l1ad.vectors.source import open_events

SIDES = ("output", "input")
#: Simulations of the generated tops, through which an event that nothing explains is traced.
SIMULATIONS = (Source.CSIM.value, Source.RTL.value)


@dataclass(frozen=True, slots=True)
class CaptureResult(Shown):
    """What captures hold.

    Attributes:
        path: file or folder of the captures.
        events: events that agree, of all that were played.
        findings: what each file says, by its name.
        network_digest: digest of the network that they agree with.
    """

    path: Path
    events: int
    findings: Mapping[str, Finding]
    network_digest: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        files = [{"file": name, **finding.to_dict()} for name, finding in self.findings.items()]
        return {"path": str(self.path), "events": self.events, "network_digest": self.network_digest, "files": files}


def verify_capture(
    config: Config,
    capture: Path,
    *,
    side: str = "output",
    buffer: int = 0,
    events: Path | None = None,
    count: int | None = None,
    links: Path | None = None,
) -> CaptureResult:
    """Compare a capture with the specification.

    Args:
        config: the configuration that the vectors were written with.
        capture: a file, or a folder of files that are taken in the order of their names, from the given buffer on.
        side: ``output`` for answers, ``input`` for what was played.
        buffer: number of the file that was played, from 0.
        events: the events that were played, as for ``l1ad vectors``.
        count: how many of them.
        links: link map instead of the board's.

    Returns:
        What each file holds; all agree.

    Raises:
        InputError: a file that cannot be read, is none of those that were played, or is cut off, not aligned or of another network.
        MismatchError: a file differs; names the first event and the causes.
    """
    if side not in SIDES or buffer < 0:
        raise InputError(f"Expected the side 'output' or 'input' and a buffer from 0, got {side!r} and {buffer!r}.")
    network = with_configured_thresholds(load_trained(config.run / "model").network, config)
    link_map = load_link_map(config.board, links or config.links)
    _, x_hw = open_events(events or config.run / "dataset", network.layout, count)
    others = _others(config, network)
    findings: dict[str, Finding] = {}
    whole = _whole(capture, network, link_map, x_hw) if capture.is_file() else None
    if whole is not None:
        return _required(CaptureResult(capture, whole.n_found, {capture.name: whole}, network.digest))
    for number, path in enumerate(_files(capture, side), buffer):
        start = number * link_map.events_per_file
        played = np.asarray(x_hw[start : start + link_map.events_per_file], dtype=np.int64)
        if not len(played):
            raise InputError(
                f"{str(path)!r} would be buffer {number}, the {len(x_hw)} events fill {_buffers(len(x_hw), link_map.events_per_file)}; see --buffer."
            )
        case = Case(network, link_map, read_frames(path)[1], played, side, others)
        findings[path.name] = _traced(config, case, examine(case, start), start)
    return _required(CaptureResult(capture, sum(f.n_found for f in findings.values()), findings, network.digest))


def _whole(capture: Path, network: Network, links: LinkMap, x_hw: NDArray[Any]) -> Finding | None:
    """Examine a file of a format that holds all events; None for one of another format."""
    text, played = read_text(capture), np.asarray(x_hw, dtype=np.int64)
    if topo.begins(text):
        return examine_events(network, played, text, str(capture))
    if not ugt.begins(text):
        return None
    crossings = ugt.read(text, str(capture), links)
    return examine_crossings(Case(network, links, crossings.frames, played, "input"), crossings)


def _traced(config: Config, case: Case, finding: Finding, start: int) -> Finding:
    """Trace the first event whose score differs through the simulations at hand, where no cause explains the difference."""
    if finding.causes or finding.first is None or case.side != "output" or finding.first[1] != "score":
        return finding
    event, _, wanted, got = finding.first
    x_hw = case.x_hw[event - start : event - start + 1]
    told = [_through(config, case.network, name, x_hw, (wanted, got)) for name in SIMULATIONS]
    return replace(finding, traced=tuple(one for one in told if one is not None))


def _through(config: Config, network: Network, name: str, x_hw: IntArray, scores: tuple[int, int]) -> str | None:
    """Return in words what a simulation says of an event whose expected and captured scores are given; None where there is none."""
    try:
        found = find_implementations(
            network.with_thresholds(()), config.project, config.run / "synth_open", csim_events=1, rtl_events=1, only=(name,)
        )
    except (ArtefactError, ToolFailedError) as error:
        return f"{name} cannot be traced: {str(error).splitlines()[0].rstrip('.')}"
    if name in found.skipped:
        return None
    traced = {one.name: nodes_of(one, x_hw) for one in found.implementations}
    score = int(traced[name]["score"].item())
    which = {scores[0]: "the expected score", scores[1]: "the captured score"}.get(score, f"another score, {score}")
    where = [
        f" and diverges at node {p.node!r}, element {p.element}, bit {p.bit} (expected {p.wanted}, got {p.got})"
        for p in partings(network, traced)
    ]
    return f"{name} gives {which} for this event" + "".join(where)


def _buffers(n_events: int, size: int) -> int:
    return -(-n_events // size)


def _files(capture: Path, side: str) -> Sequence[Path]:
    """Return the files of a capture: itself, or those of a folder whose names begin with the side if any do."""
    if not capture.is_dir():
        return (capture,)
    files = sorted(path for path in capture.iterdir() if path.suffix in (".txt", ".mem"))
    chosen = [path for path in files if path.name.startswith(side)] or files
    if not chosen:
        raise InputError(f"There are no captures (.txt or .mem) in {str(capture)!r}; give the file or its folder.")
    return chosen


def _others(config: Config, network: Network) -> dict[str, Network]:
    """Find models of the same layout in the neighbouring runs: one of them may be on the board."""
    found: dict[str, Network] = {}
    for path in sorted(config.run.parent.glob("*/model")):
        try:
            other = load_trained(path).network if is_artefact(path, "model") else None
        except (ArtefactError, ModelError):
            continue
        if other is not None and other.layout == network.layout and other.digest != network.digest:
            found[f"the model of run {path.parent.name!r}"] = other.with_thresholds(())
    return found


def _required(result: CaptureResult) -> CaptureResult:
    """Return the result back if every file agrees."""
    wrong = [(name, finding) for name, finding in result.findings.items() if not finding.exact]
    if wrong:
        name, finding = wrong[0]
        more = f" ({len(wrong)} of {len(result.findings)} files differ)" if len(result.findings) > 1 else ""
        sentence = finding.sentence(repr(name)) + more
        raise InputError(sentence) if finding.unusable else MismatchError(sentence)
    return result
