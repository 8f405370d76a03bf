"""Put the sections together, read a file and phrase what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from l1ad import __version__
from l1ad.config.base import Section
from l1ad.config.data import DataConfig
from l1ad.config.firmware import CsimConfig, FirmwareConfig, SynthesisConfig
from l1ad.config.model import ModelConfig, ScalingConfig, ScoreConfig, TrainingConfig
from l1ad.config.physics import RatesConfig, StudiesConfig
from l1ad.config.scan import ScanConfig
from l1ad.config.simulation import SimulationConfig
from l1ad.core.errors import ConfigError, nearest
from l1ad.core.identifier import shortened, word_fault
from l1ad.core.yaml_text import parse_yaml

#: What a configuration without data has: no sample, and the defaults of everything else.
_NO_DATA = DataConfig.model_construct(background={})


class Config(Section):
    """One trigger's whole configuration.

    Attributes:
        name: names the run folder and the firmware; a C identifier.
        layout: a shipped layout or the path of a YAML file.
        data: where events come from and how they become a dataset; an imported model needs none.
        model: the autoencoder.
        score: the score that the chip computes.
        scaling: how hardware integers become the network's inputs.
        training: how the network is trained.
        firmware: the chip's top and the board.
        csim: the C simulation and what the comparison with float must hold.
        synthesis: which tools run and how.
        simulation: what 'l1ad simulate' makes.
        rates: how rates are counted.
        studies: how large the studies are.
        scan: which networks are tried, and what for.
        runs: folder of the artefacts, relative to the configuration file.
        hls_projects: folder of the HLS projects, likewise.
        folder: the configuration file's own folder (set by the loader).
    """

    name: str
    layout: str
    data: DataConfig = _NO_DATA
    model: ModelConfig
    score: ScoreConfig
    scaling: ScalingConfig = ScalingConfig()
    training: TrainingConfig = TrainingConfig()
    firmware: FirmwareConfig = FirmwareConfig()
    csim: CsimConfig = CsimConfig()
    synthesis: SynthesisConfig = SynthesisConfig()
    simulation: SimulationConfig = SimulationConfig()
    rates: RatesConfig = RatesConfig()
    studies: StudiesConfig = StudiesConfig()
    scan: ScanConfig = ScanConfig()
    runs: str = "../runs"
    hls_projects: str = "../hls_projects"
    folder: Path = Field(Path(), exclude=True)

    @field_validator("name")
    @classmethod
    def _identifier(cls, name: str) -> str:
        fault = word_fault(name)
        if fault is not None:
            raise ValueError(fault)
        return name

    def path(self, relative: str) -> Path:
        """Resolve a path of the configuration against its file's folder."""
        return (self.folder / Path(relative).expanduser()).resolve()

    @property
    def run(self) -> Path:
        """The folder of this configuration's artefacts."""
        return self.path(self.runs) / self.name

    @property
    def board(self) -> str:
        """The board as ``load_board`` takes it: a shipped name, or a file's whole path."""
        return self._shipped_or_path(self.firmware.board)

    @property
    def links(self) -> Path | None:
        """The file of the link map; None for the board's own."""
        return None if self.firmware.links is None else self.path(self.firmware.links)

    @property
    def layout_source(self) -> str:
        """The layout as ``load_layout`` takes it: a shipped name, or a file's whole path."""
        return self._shipped_or_path(self.layout)

    def _shipped_or_path(self, name: str) -> str:
        return str(self.path(name)) if name.endswith((".yaml", ".yml")) else name

    @property
    def project(self) -> Path:
        """The folder of this configuration's HLS project."""
        return self.path(self.hls_projects) / f"{self.name}_{Path(self.firmware.board).stem}"


def load_config(path: str | Path) -> Config:
    """Read a configuration file.

    Args:
        path: the YAML file; relative paths in it are relative to its folder.

    Raises:
        ConfigError: no such file, not YAML, or a key or value that is wrong.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"Cannot read configuration {str(path)!r}: {reason}; give the path of a YAML file such as configs/demo.yaml."
        ) from None
    return parse_config(text, str(path), path.parent)


def parse_config(text: str, where: str, folder: Path) -> Config:
    """Make a configuration from YAML text.

    Args:
        text: the YAML.
        where: the file's name, for messages.
        folder: what relative paths are relative to.

    Raises:
        ConfigError: not YAML, or a key or value that is wrong.
    """
    try:
        data = parse_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{where} must be a mapping of keys such as 'name' and 'data', got {type(data).__name__}.")
    if "folder" in data:
        raise ConfigError(f"{where}: key 'folder' is unknown; {nearest('folder', _keys(Config, ()))}")
    missing = _missing_data(data)
    try:
        config = Config.model_validate(data | {"folder": folder})
    except ValidationError as error:
        raise ConfigError(f"{where}: " + _sentence([*missing, *(_phrase(entry) for entry in error.errors())][:5])) from None
    if missing:
        raise ConfigError(f"{where}: {_sentence(missing)}")
    return config


def _missing_data(data: dict[str, Any]) -> list[str]:
    """Require data of whatever is trained; an imported model needs none."""
    model = data.get("model")
    imported = isinstance(model, dict) and model.get("kind") == "imported"
    return [] if imported or "data" in data else ["key 'data' is missing; add it"]


def _sentence(phrases: list[str]) -> str:
    text = "; ".join(phrases)
    return text if text.endswith("?") else text + "."


def _phrase(entry: Any) -> str:
    location = tuple(entry["loc"])
    key = ".".join(str(part) for part in location)
    match entry["type"]:
        case "extra_forbidden":
            return f"key {shortened(key)} is unknown; {_valid(location)}"
        case "missing":
            return f"key {key!r} is missing; add it"
        case _:
            message = entry["msg"].removeprefix("Value error, ").rstrip(".")
            return f"key {shortened(key)}: {message[0].lower()}{message[1:]}, got {shortened(entry['input'])}"


def _valid(location: tuple[Any, ...]) -> str:
    """Phrase the valid keys beside an unknown one; where none is near, it may be one of another version."""
    told = nearest(str(location[-1]), _keys(Config, location[:-1])).removesuffix(".")
    if told.endswith("?"):
        return told
    where = f"explain {location[0]}" if len(location) > 1 else "config --schema"
    return f"{told}; if the configuration was written for another version than l1ad {__version__}, 'l1ad {where}' shows the keys of this one"


def _keys(model: type[Section], location: tuple[Any, ...]) -> list[str]:
    """List the valid keys of the section at a location."""
    for part in location:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        found = _section_in(annotation)
        if found is None:
            continue
        model = found
    return [name for name in model.model_fields if name != "folder"]


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _section_in(argument)
        if found is not None:
            return found
    return None
