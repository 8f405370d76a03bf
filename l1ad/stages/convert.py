"""Convert a trained network into an HLS project: top, network, score, test bench and golden vectors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.core.artefact import code_digest, is_current, read_manifest, stage_key, writing
from l1ad.core.board import load_board
from l1ad.core.shown import Shown
from l1ad.core.trained import load_trained
from l1ad.firmware.golden import make_golden
from l1ad.firmware.target import resolve_target, thresholds_note, with_configured_thresholds
from l1ad.hls.project import KIND, project_files, write_files
from l1ad.hls.top import FUNCTION, template_digest, top_ports

#: Golden vectors of the test bench.
N_GOLDEN = 1000


@dataclass(frozen=True, slots=True)
class ConvertResult(Shown):
    """Say what was converted.

    Attributes:
        path: the HLS project.
        fresh: whether it was made now; else nothing had changed.
        summary: the network, the target, how it was converted and the ports.
    """

    path: Path
    fresh: bool
    summary: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return asdict(self) | {"path": str(self.path)}


def convert(config: Config, *, force: bool = False) -> ConvertResult:
    """Convert a configuration's model into its HLS project.

    Args:
        config: the configuration.
        force: convert again even if nothing has changed.

    Returns:
        What was made.

    Raises:
        ArtefactError: there is no model.
        ConfigError: no such board.
        ConversionError: the network cannot be converted exactly; names the layer and the reason.
    """
    trained = load_trained(config.run / "model")
    network = with_configured_thresholds(trained.network, config)
    target = resolve_target(config.firmware, load_board(config.board))
    inputs = {"model": trained.digest, "templates": template_digest()}
    settings = {"firmware": config.firmware.plain(), "target": target.to_dict(), "thresholds": network.trigger_bits}
    key = stage_key(KIND, inputs, settings, None, code_digest("l1ad.stages.convert"))
    if not force and is_current(config.project, KIND, key):
        return ConvertResult(config.project, False, read_manifest(config.project).summary)
    with writing(config.project, KIND, key=key, inputs=inputs, config=settings) as draft:
        golden = make_golden(network, N_GOLDEN)
        made = project_files(network, target, golden)
        write_files(made.files, draft.path)
        data_inputs, thresholds, outputs = top_ports(network, target)
        draft.summary.update(
            network=network.name,
            shape=network.shape,
            digest=network.digest,
            score=network.score.kind.value,
            route=made.route,
            top=FUNCTION,
            part=target.part,
            clock_ns=target.clock_ns,
            style=target.style.value,
            n_input_ports=len(data_inputs) + len(thresholds),
            outputs=[port.name for port in outputs],
            n_golden=len(golden.x_hw),
            **thresholds_note(config),
        )
    return ConvertResult(config.project, True, draft.summary)
