"""Read what a run has left behind: its artefacts, whichever of them are there, for reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from l1ad.config import Config
from l1ad.config.physics import RatesConfig, StudiesConfig
from l1ad.core.agreement import AGREEMENT_FILE, Agreement, read_agreements
from l1ad.core.artefact import MANIFEST, Manifest, origin_of, read_manifest, writer_of
from l1ad.core.board import Board, load_board
from l1ad.core.dataset import Dataset, load_dataset
from l1ad.core.errors import ArtefactError, ReportError
from l1ad.core.history import HISTORY_FILE, History, load_history
from l1ad.core.network import Network
from l1ad.core.plain import Origin, Plain
from l1ad.core.provenance import file_digest
from l1ad.core.resources import REPORTS_FILE, ResourceReport
from l1ad.core.scoreset import ScoreSet, Source, load_scores
from l1ad.core.thresholds import ThresholdsNote
from l1ad.core.trained import NETWORK_FILE

#: Folder of each input that manifests name.
_INPUTS = {"dataset": "dataset", "model": "model", "float_model": "model_float", "csim": "csim"}
_SOURCES = (Source.FLOAT, Source.QKERAS, Source.CSIM, Source.EMULATOR, Source.RTL)


@dataclass(frozen=True, slots=True)
class Synthesis:
    """The reports of one synthesis.

    Attributes:
        name: the folder's name, as ``synth_open``.
        reports: one a tool and level.
        agreements: comparisons of its RTL with the C simulation or emulator.
    """

    name: str
    reports: tuple[ResourceReport, ...]
    agreements: tuple[Agreement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Everything of one run that a report shows; what is not there is None or empty.

    Attributes:
        name: the run's name.
        path: its folder.
        manifests: manifest of each artefact, by the folder's name.
        board: the board it is made for.
        network: the exact network.
        history: training curves.
        dataset: the data.
        scores: score sets of the C simulation.
        agreements: exactness comparisons by the folder that holds them; those of syntheses are with these.
        syntheses: resource reports.
        config: the configuration it was found by; None for a folder.
    """

    name: str
    path: Path
    manifests: Mapping[str, Manifest]
    board: Board | None = None
    network: Network | None = None
    history: History | None = None
    dataset: Dataset | None = None
    scores: tuple[ScoreSet, ...] = ()
    agreements: Mapping[str, tuple[Agreement, ...]] = field(default_factory=dict)
    syntheses: tuple[Synthesis, ...] = ()
    config: Config | None = None

    @property
    def rates(self) -> RatesConfig:
        """How rates are counted: as the configuration says, for a folder as by default."""
        return RatesConfig() if self.config is None else self.config.rates

    @property
    def studies(self) -> StudiesConfig:
        """Where networks are judged: as the configuration says, for a folder as by default."""
        return StudiesConfig() if self.config is None else self.config.studies

    @property
    def digests(self) -> dict[str, str]:
        """The digest of every artefact that was read, by run and folder."""
        return {f"{self.name}/{name}": manifest.digest for name, manifest in self.manifests.items()}

    @property
    def stale(self) -> tuple[str, ...]:
        """Which artefacts were made from another one than the run holds now."""
        return stale_artefacts(self.manifests)

    @property
    def threshold_notes(self) -> tuple[str, ...]:
        """What artefacts say of thresholds that are bound to no network, each sentence once, with their names."""
        notes = {name: ThresholdsNote.read(m.summary, origin_of(self.path / name, m.kind)) for name, m in self.manifests.items()}
        noted = {name: note.thresholds_note for name, note in notes.items() if note.thresholds_note is not None}
        return tuple(
            f"{', '.join(name for name, one in noted.items() if one == text)}: {text}" for text in dict.fromkeys(noted.values())
        )


def stale_artefacts(manifests: Mapping[str, Manifest]) -> tuple[str, ...]:
    """Return which of a run's artefacts were made from another one than the run holds now."""
    return tuple(
        f"{name} was made from another {_INPUTS[what]} than the run holds now; run its stage again."
        for name, manifest in manifests.items()
        for what, digest in manifest.inputs.items()
        if what in _INPUTS and _INPUTS[what] in manifests and manifests[_INPUTS[what]].digest != digest
    )


def load_run(place: Config | Path) -> Run:
    """Read a run.

    Args:
        place: a configuration; a run's folder; the folder of one synthesis; a file or folder of vendor reports; or a ``.json`` file of
            resource reports.

    Raises:
        ArtefactError: nothing of this project and no report is there.
        ReportError: a report that is damaged or of another kind.
    """
    if isinstance(place, Config):
        return replace(_from_folder(place.run, place.name, place.board), config=place)
    if not place.exists():
        raise ArtefactError(f"There is nothing at {str(place)!r}; give a configuration, a run folder or a resource report.")
    if place.is_file():
        return _from_reports(place)
    if (place / MANIFEST).is_file():
        return _from_artefact(place)
    if artefacts_in(place):
        return _from_folder(place, place.resolve().name, None)
    return _from_reports(place)


def artefacts_in(folder: Path) -> dict[str, Manifest]:
    """Read the manifest of every artefact in a run's folder, reports left out."""
    if not folder.is_dir():
        return {}
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and (entry / MANIFEST).is_file())
    return {name: read_manifest(folder / name) for name in names if name != "report"}


def _from_folder(folder: Path, name: str, board: str | None) -> Run:
    manifests = artefacts_in(folder)
    if not manifests:
        raise ArtefactError(f"Run {str(folder)!r} holds no artefact; run 'l1ad run' or 'l1ad prepare' and 'l1ad train' first.")
    known = board or _board_name(folder, manifests)
    kinds = {manifest.kind for manifest in manifests.values()}
    return Run(
        name,
        folder,
        manifests,
        load_board(known) if known else None,
        Network.load(folder / "model" / NETWORK_FILE) if "model" in kinds else None,
        _history(folder),
        load_dataset(folder / "dataset") if "dataset" in kinds else None,
        _scores(folder / "csim"),
        {name: found for name in manifests if not _has_reports(folder / name) and (found := _agreements(folder / name))},
        tuple(_synthesis(folder / key) for key in manifests if _has_reports(folder / key)),
    )


def _has_reports(folder: Path) -> bool:
    return (folder / REPORTS_FILE).is_file()


@dataclass(frozen=True, slots=True)
class _Firmware(Plain):
    """What a stage's settings say of the firmware's board."""

    PART: ClassVar[bool] = True

    board: str


@dataclass(frozen=True, slots=True)
class _Settings(Plain):
    """What a stage's settings say of the firmware; None where it does not matter to the stage."""

    PART: ClassVar[bool] = True

    firmware: _Firmware | None = None


def _board_name(folder: Path, manifests: Mapping[str, Manifest]) -> str | None:
    for key, manifest in manifests.items():
        firmware = _Settings.read(manifest.config, origin_of(folder / key, manifest.kind)).firmware
        if firmware is not None and (not firmware.board.endswith((".yaml", ".yml")) or Path(firmware.board).is_file()):
            return firmware.board  # a board of the user's own is named from the configuration's folder, which is not known here
    return None


def _history(folder: Path) -> History | None:
    places = (folder / "model", folder / "model_float")
    return next((load_history(place) for place in places if (place / HISTORY_FILE).is_file()), None)


def _scores(folder: Path) -> tuple[ScoreSet, ...]:
    return tuple(load_scores(folder, source) for source in _SOURCES if (folder / f"{source.value}.json").is_file())


def _agreements(folder: Path) -> tuple[Agreement, ...]:
    place = Origin(folder / AGREEMENT_FILE, writer_of(folder.name))
    return read_agreements(place) if place.file.is_file() else ()


def _synthesis(folder: Path) -> Synthesis:
    return Synthesis(folder.name, _reports(folder / REPORTS_FILE), _agreements(folder))


def _reports(file: Path) -> tuple[ResourceReport, ...]:
    data = Origin(file, "'l1ad synth'").json()
    entries = data if isinstance(data, list) else [data]
    if not all(isinstance(entry, dict) for entry in entries):
        raise ReportError(f"{str(file)!r} holds no resource reports; it needs a list of what 'l1ad synth' writes.")
    return tuple(ResourceReport.from_dict(entry) for entry in entries)


def _from_artefact(folder: Path) -> Run:
    manifest = read_manifest(folder)
    if not (folder / REPORTS_FILE).is_file():
        raise ArtefactError(
            f"{str(folder)!r} is an artefact of kind {manifest.kind!r} without resource reports; give its run's folder."
        )
    synthesis = _synthesis(folder)
    return Run(folder.resolve().parent.name, folder, {folder.name: manifest}, syntheses=(synthesis,))


def _from_reports(place: Path) -> Run:
    """Read reports that this project did not make."""
    if place.suffix == ".json":
        reports = _reports(place)
    else:
        from l1ad.vendor.parsers import parse_folder, parse_report

        reports = tuple(parse_folder(place)) if place.is_dir() else (parse_report(place),)
    digest = file_digest(place) if place.is_file() else _reports_digest(reports)
    manifest = Manifest("reports", 1, digest, "", {}, {}, {}, None)
    name = place.resolve().stem if place.is_file() else place.resolve().name
    return Run(name, place, {place.name: manifest}, syntheses=(Synthesis(place.name, reports, ()),))


def _reports_digest(reports: tuple[ResourceReport, ...]) -> str:
    import hashlib

    text = json.dumps([report.to_dict() for report in reports], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
