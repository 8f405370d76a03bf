"""Write the configuration of one trial: it trains the same network, to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from l1ad.config import Config, load_config
from l1ad.core.errors import ArtefactError, InputError
from l1ad.core.yaml_text import parse_yaml
from l1ad.search.space import changes_at
from l1ad.search.storage import Storage, Trial


def find_trial(storage: Storage, number: int) -> Trial:
    """Find a trial that gave a network.

    Raises:
        InputError: there is no such trial, or it failed; says why.
    """
    trials = {trial.number: trial for trial in storage.trials()}
    if number not in trials:
        there = f"it has {min(trials)} to {max(trials)}" if trials else "it has none yet"
        raise InputError(f"There is no trial {number} in the scan at {str(storage.folder)!r}: {there}; give one of these.")
    reason = trials[number].reason
    if reason is not None:
        raise InputError(f"Trial {number} gave no network: {reason.rstrip('.')}; give another one.")
    return trials[number]


def write_pick(config: Config, source: Path, trial: Trial) -> Path:
    """Write a trial's configuration beside the one that was scanned.

    Args:
        config: the configuration that was scanned.
        source: its file.
        trial: the trial.

    Returns:
        The file, ``<name of the source>_pick<number>.yaml``.

    Raises:
        ArtefactError: there is another file of that name.
    """
    name = f"{config.name}_pick{trial.number}"
    target = source.with_name(f"{source.stem}_pick{trial.number}.yaml")
    data: dict[str, Any] = parse_yaml(source.read_text(encoding="utf-8"))
    data.pop("scan", None)
    data["name"] = name
    for section, values in changes_at(config, trial.parameters, trial.shrink).items():
        data[section] = data.get(section, {}) | values
    head = f"# Trial {trial.number} of the scan of {source.name}: 'l1ad run' on the same data makes network {trial.found['digest'][:16]} again.\n"
    text = head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
    if target.exists() and target.read_text(encoding="utf-8") != text:
        raise ArtefactError(f"{str(target)!r} exists and is another configuration; move it away.")
    target.write_text(text, encoding="utf-8")
    load_config(target)
    return target
