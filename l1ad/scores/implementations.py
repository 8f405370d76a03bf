"""Find every implementation of a network's score that is at hand, and say why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.artefact import is_artefact
from l1ad.core.errors import ArtefactError, ConversionError, MismatchError, ToolMissingError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.core.scoreset import Source
from l1ad.emulator.kernel import Emulator
from l1ad.scores.float64 import float64_outputs
from l1ad.spec import reference

#: What the specification in code is called beside the sources.
REFERENCE = "reference"
#: The same weights and types on float64 numbers, where QKeras cannot express the types.
FLOAT64 = "float64"
FLOAT64_EVENTS = 1_000_000
Scores = Callable[[NDArray[Any]], IntArray]
Nodes = Callable[[NDArray[Any]], Mapping[str, IntArray]]


@dataclass(frozen=True, slots=True)
class Implementation:
    """One way to compute the integer score.

    Attributes:
        name: ``reference`` or a source's name.
        scores: hardware integers ``(n_events, n_columns)`` to codes ``(n_events,)``.
        nodes: the same to inner values by node, on the grids of ``reference.evaluate``; None where only the score can be seen.
        limit: events after which it is left out, for it is slow; None takes all.
        note: what the report says about it.
    """

    name: str
    scores: Scores
    nodes: Nodes | None = None
    limit: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The implementations at hand, the specification first, and by name the reason why one is not."""

    implementations: tuple[Implementation, ...]
    skipped: Mapping[str, str]


def find_implementations(
    network: Network, project: Path, rtl: Path, *, csim_events: int, rtl_events: int, only: Sequence[str] | None = None
) -> Found:
    """Open what there is.

    Args:
        network: the network.
        project: folder of the HLS project.
        rtl: folder that holds the RTL project, at any depth.
        csim_events: events the C simulation takes at most.
        rtl_events: events the RTL simulation takes at most.
        only: names of those that are opened, beside the specification; None opens all.

    Returns:
        Implementations, and reasons for what is missing.

    Raises:
        ArtefactError: a project was made from another network.
    """
    makers: dict[str, Callable[[], Implementation]] = {
        Source.EMULATOR.value: lambda: _emulator(network),
        Source.QKERAS.value: lambda: _qkeras(network),
        FLOAT64: lambda: _float64(network),
        Source.CSIM.value: lambda: _csim(network, project, csim_events),
        Source.RTL.value: lambda: _rtl(network, rtl, rtl_events),
    }
    found = [_specification(network)]
    skipped: dict[str, str] = {}
    for name, make in makers.items():
        if only is not None and name not in only:
            continue
        try:
            found.append(make())
        except (ToolMissingError, ConversionError, _AbsentError) as error:
            if name != FLOAT64 or Source.QKERAS.value in skipped:
                skipped[name] = str(error)
    return Found(tuple(found), skipped)


class _AbsentError(ArtefactError):
    """An artefact has not been made yet."""


def _specification(network: Network) -> Implementation:
    return Implementation(
        REFERENCE, lambda x: reference.scores(network, x), lambda x: reference.evaluate(network, x), note="numpy int64"
    )


def _emulator(network: Network) -> Implementation:
    emulator = Emulator(network)
    return Implementation(Source.EMULATOR.value, emulator.scores, emulator.trace, note="compiled C++")


def _qkeras(network: Network) -> Implementation:
    """Open the QKeras model; an empty batch shows whether it can be exact."""
    from l1ad.qkeras.evaluate import qkeras_outputs, qkeras_scores, split_outputs

    empty = np.zeros((0, network.n_inputs), dtype=network.layout.storage)
    qkeras_scores(network, empty)
    _, arithmetic = qkeras_outputs(network, empty)

    def nodes(x_hw: NDArray[Any]) -> Mapping[str, IntArray]:
        read = split_outputs(network, qkeras_outputs(network, x_hw)[0])
        return {f"{name}.output": codes for name, codes in read.items()} | {"score": qkeras_scores(network, x_hw)}

    return Implementation(
        Source.QKERAS.value,
        lambda x: qkeras_scores(network, x),
        nodes,
        note=f"computed in {arithmetic}",
    )


def _float64(network: Network) -> Implementation:
    """Open the float64 evaluation for a network whose types QKeras does not have; the score is that of QKeras' outputs."""
    from l1ad.qkeras.build import refusal
    from l1ad.qkeras.evaluate import score_codes, split_outputs

    if refusal(network) is None:
        raise ConversionError("QKeras has this network's types.")
    float64_outputs(network, np.zeros((0, network.n_inputs), dtype=np.int64))

    def nodes(x_hw: NDArray[Any]) -> Mapping[str, IntArray]:
        codes = float64_outputs(network, x_hw)
        read = {f"{name}.output": part for name, part in split_outputs(network, codes).items()}
        return read | {"score": score_codes(network, np.asarray(x_hw), codes)}

    return Implementation(
        FLOAT64, lambda x: nodes(x)["score"], nodes, FLOAT64_EVENTS, "the same weights and types on float64 numbers"
    )


def _csim(network: Network, project: Path, limit: int) -> Implementation:
    if not is_artefact(project, "hls_project"):
        raise _AbsentError(f"there is no HLS project at {str(project)!r}; run 'l1ad convert'.")
    from l1ad.hls.csim import Csim
    from l1ad.hls.project import load_project

    simulation = Csim(load_project(project).require_network(network))
    simulation.prepare()
    scores = _with_bits_checked(Source.CSIM.value, simulation.run, simulation.network)
    return Implementation(Source.CSIM.value, scores, simulation.trace, limit, f"trigger bits too; at most {limit} events")


def _rtl(network: Network, folder: Path, limit: int) -> Implementation:
    descriptions = sorted(folder.glob("**/rtl.json"))
    if not descriptions:
        raise _AbsentError(f"there is no RTL in {str(folder)!r}; run 'l1ad synth --tool open'.")
    from l1ad.rtl.probes import inner_nodes, why_closed
    from l1ad.rtl.project import load_project
    from l1ad.rtl.simulate import RtlSimulation

    simulation = RtlSimulation.open(descriptions[0].parent)
    if simulation.network.digest != network.digest:
        raise ArtefactError(
            f"The RTL in {str(folder)!r} holds network {simulation.network.digest[:12]}, the model is {network.digest[:12]}; "
            "run 'l1ad synth --tool open' again."
        )
    scores = _with_bits_checked(Source.RTL.value, simulation.run, simulation.network)

    def nodes(x_hw: NDArray[Any]) -> Mapping[str, IntArray]:
        return inner_nodes(descriptions[0].parent, x_hw)

    closed = why_closed(load_project(descriptions[0].parent))
    note = f"trigger bits too; at most {limit} events" + (f"; only the score is seen: {closed}" if closed else "")
    return Implementation(Source.RTL.value, scores, None if closed else nodes, limit, note)


def _with_bits_checked(name: str, run: Callable[[NDArray[Any]], tuple[IntArray, NDArray[np.bool_]]], network: Network) -> Scores:
    """Return the scores of a simulation whose trigger bits must be what its own thresholds say."""

    def scores(x_hw: NDArray[Any]) -> IntArray:
        codes, bits = run(x_hw)
        wrong = int(np.count_nonzero((bits != reference.bits(network, codes, x_hw)).any(axis=1)))
        if wrong:
            raise MismatchError(
                f"The trigger bits of {name} are wrong for {wrong} of {len(codes)} events: they must be set where its score reaches "
                f"{network.trigger_bits}; convert the model again."
            )
        return codes

    return scores
