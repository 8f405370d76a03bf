"""Every stage's command on one tiny design, for what must hold of all of them: kills, two at a time, odd places and machines."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.event_files import write_gelato
from tests.processes import TAG

ROOT = Path(__file__).parents[1]
CONFIG = """
name: tiny
layout: l1topo44
runs: runs
hls_projects: projects
data:
  background: {zero_bias: {files: background.h5, label: Zero bias}}
  signals: {signal: {files: signal.h5, label: Signal}}
model: {kind: vae, hidden: [4], latent: 2, weight_bits: 3, activation_bits: 4, activation_integer: 2}
score: {kind: latent_l2}
training: {epochs: 2, float_epochs: 2, batch_size: 256}
csim: {max_auc_loss: 0.9}
synthesis: {rtl_events: 200}
rates: {target_khz: [400.0, 4000.0]}
simulation: {background: {}, signals: {ztautau: 10}, batch: 5, pool: 100, pileup: 5.0}
"""
#: A configuration of its own for what would write over another stage's artefact.
SIMULATED = CONFIG.replace("name: tiny", "name: sim")
IMPORTED = CONFIG.replace("name: tiny", "name: foreign").replace("files: background", "files: none").partition("model:")[0] + (
    "model: {kind: imported, file: m.h5}\nscore: {kind: latent_l2}\nscaling: {rule: given, shift: ["
    + ", ".join(["6"] * 44)
    + "]}\n"
)


@dataclass(frozen=True, slots=True)
class Stage:
    """How a stage is called in its folder, and what it writes there.

    Attributes:
        arguments: of ``l1ad``.
        target: artefact or file, relative to the folder.
    """

    arguments: tuple[str, ...]
    target: str


def _stage(arguments: str, target: str) -> Stage:
    return Stage(tuple(arguments.split()), target)


#: In the order in which one needs another.
STAGES = {
    "prepare": _stage("prepare tiny.yaml", "runs/tiny/dataset"),
    "simulate": _stage("simulate sim.yaml", "runs/sim/dataset"),
    "train": _stage("train tiny.yaml", "runs/tiny/model"),
    "import": _stage("import foreign.yaml", "runs/foreign/model"),
    "convert": _stage("convert tiny.yaml", "projects/tiny_l1topo"),
    "csim": _stage("csim tiny.yaml", "runs/tiny/csim"),
    "synth": _stage("synth tiny.yaml --tool open", "runs/tiny/synth_open"),
    "verify": _stage("verify tiny.yaml --events 500", "runs/tiny/verify"),
    "rates": _stage("rates tiny.yaml", "runs/tiny/rates"),
    "study": _stage("study multiplicity tiny.yaml", "runs/tiny/studies/multiplicity"),
    "vectors": _stage("vectors tiny.yaml --format empv2 --output vectors --count 20", "vectors"),
    "score": _stage("score background.h5 --config tiny.yaml --output scores.h5", "scores.h5"),
    "emulator": _stage("emulator tiny.yaml", "runs/tiny/emulator"),
    "report": _stage("report tiny.yaml", "runs/tiny/report"),
}


def make_place(folder: Path, n_events: int = 1500) -> Path:
    """Write the events, configurations and foreign model that the stages read."""
    from tests.qkeras.importing.handmade import dense, sequential, source, write_h5

    write_gelato(folder / "background.h5", n_events, 1)
    write_gelato(folder / "signal.h5", 300, 5)
    for name, text in {"tiny": CONFIG, "sim": SIMULATED, "foreign": IMPORTED}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    quantiser = {"class_name": "quantized_bits", "config": {"bits": 8, "integer": 3, "alpha": 1}}
    layers = [source((44,)), {"class_name": "QActivation", "config": {"name": "q", "activation": quantiser}}, dense("d", 2)]
    layers += [{"class_name": "QActivation", "config": {"name": "o", "activation": quantiser}}]
    rng = np.random.default_rng(1)
    arrays = {"d/d/kernel:0": rng.uniform(-1, 1, (44, 2)), "d/d/bias:0": rng.uniform(-1, 1, 2)}
    write_h5(folder / "m.h5", sequential(*layers), arrays)
    return folder


def environment(tag: str = "", **changes: str) -> dict[str, str]:
    """Return the environment of a command of this tree."""
    return os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", TAG: tag} | changes


def command(stage: Stage, *further: str) -> list[str]:
    """Return a stage's whole command."""
    return [sys.executable, "-m", "l1ad.cli", *stage.arguments, *further]


def run_stage(folder: Path, stage: Stage, *further: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a stage's command to its end, without a terminal."""
    null = subprocess.DEVNULL
    return subprocess.run(
        command(stage, *further), cwd=folder, env=environment(**changes), stdin=null, capture_output=True, text=True, check=False
    )


def contents(target: Path) -> str:
    """Digest every byte of what a stage made, also pages, plots and the manifest; only logs, where times are, are left out."""
    beside = target.with_name(f"{target.name}.json")
    files = sorted(path for path in target.rglob("*") if path.is_file()) if target.is_dir() else [target, beside]
    digest = hashlib.sha256()
    for path in files:
        if path.suffix != ".log":
            digest.update(f"{path.relative_to(target.parent)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def hidden(folder: Path) -> list[str]:
    """List what was left beside artefacts: drafts and locks."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*") if path.name != ".cache")
