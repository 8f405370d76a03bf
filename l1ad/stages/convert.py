"""Convert a trained network into an HLS project: top, network, score, test bench and golden vectors."""

from __future__ import annotations

from dataclasses import dataclass

from l1ad.config import Config
from l1ad.core.artefact import Draft
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.core.trained import load_trained
from l1ad.firmware.golden import make_golden
from l1ad.firmware.target import target_of, thresholds_note, with_configured_thresholds
from l1ad.hls.project import KIND, project_files, write_files
from l1ad.hls.top import FUNCTION, template_digest, top_ports

#: Golden vectors of the test bench.
N_GOLDEN = 1000


@dataclass(frozen=True, slots=True)
class ConvertResult(StageResult):
    """What was converted.

    Attributes:
        path: the HLS project.
        fresh: whether it was made now; else nothing had changed.
        summary: the network, the target, how it was converted and the ports.
    """


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
    target = target_of(config, network.layout)
    inputs = {"model": trained.digest, "templates": template_digest()}
    settings = {"firmware": config.firmware.plain(), "target": target.to_dict(), "thresholds": network.trigger_bits}

    def write(draft: Draft) -> Summary:
        golden = make_golden(network, N_GOLDEN, absent=target.inputs(network.layout).absent)
        made = project_files(network, target, golden)
        write_files(made.files, draft.path)
        data_inputs, thresholds, outputs = top_ports(network, target)
        return dict(
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

    return run_stage(
        ConvertResult, config.project, KIND, write, code="l1ad.stages.convert", inputs=inputs, settings=settings, force=force
    )
