"""Write the self-contained C++ emulator of a run's model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.core.artefact import Draft
from l1ad.core.board import ConditionTypes, load_board
from l1ad.core.network import Network
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.core.trained import load_trained
from l1ad.emulator.package import package_files
from l1ad.firmware.golden import INPUTS, SCORES, make_golden
from l1ad.firmware.target import thresholds_note, with_configured_thresholds

KIND = "emulator"
N_GOLDEN = 2000
SEED = 1


@dataclass(frozen=True, slots=True)
class EmulatorPackageResult(StageResult):
    """Where the emulator is.

    Attributes:
        path: the folder.
        fresh: whether it was made now; else nothing had changed.
        summary: network, digest, thresholds and number of golden vectors.
    """


def emulator_package(config: Config, *, force: bool = False) -> EmulatorPackageResult:
    """Write a folder that builds with make or CMake and needs nothing else.

    Args:
        config: the configuration; its section ``firmware`` may name thresholds, else the model's are taken.
        force: do it again even if nothing has changed.

    Returns:
        The folder.

    Raises:
        ArtefactError: there is no model.
        ConversionError: the model has no exact emulator.
    """
    model = load_trained(config.run / "model")
    network = with_configured_thresholds(model.network, config)
    settings: dict[str, Any] = {"thresholds": [asdict(one) for one in network.thresholds], "golden": N_GOLDEN}
    settings |= thresholds_note(config)
    condition = load_board(config.board).condition
    settings |= {"condition": asdict(condition)} if condition else {}
    inputs = {"model": model.digest}

    def write(draft: Draft) -> Summary:
        _write(draft.path, network, condition)
        return _summary(network) | thresholds_note(config)

    place, code = config.run / "emulator", "l1ad.stages.emulator_package"
    return run_stage(
        EmulatorPackageResult, place, KIND, write, code=code, inputs=inputs, settings=settings, seed=SEED, force=force
    )


def _write(folder: Path, network: Network, condition: ConditionTypes | None) -> None:
    golden = make_golden(network, N_GOLDEN, SEED).files()
    files = package_files(network, golden[INPUTS].decode(), golden[SCORES].decode(), condition)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _summary(network: Network) -> dict[str, Any]:
    return {
        "network": network.shape,
        "layout": network.layout.name,
        "network_digest": network.digest,
        "thresholds": network.trigger_bits,
        "golden_vectors": N_GOLDEN,
    }
