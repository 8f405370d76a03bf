"""Families of hostile files, each with the door that must open or refuse them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import yaml

from fuzz_cases import foreign, models
from fuzz_cases.texts import CANARY, poisoned, spoilt, written
from l1ad.config import load_config
from l1ad.config.imported import ScalingFile, TypesFile, read_section
from l1ad.config.model import ScoreConfig
from l1ad.core.board import load_board
from l1ad.core.dataset import load_dataset
from l1ad.core.layout import load_layout
from l1ad.core.network import Network
from l1ad.core.scoreset import Source, load_scores
from l1ad.core.thresholds import load_thresholds
from l1ad.core.trained import load_trained
from l1ad.data.formats import recognise
from l1ad.data.readers import reader
from l1ad.emulator.package import package_files
from l1ad.emulator.source import kernel_source
from l1ad.physics.prescales import load_prescales
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.keras_file import read_model, require_file
from l1ad.qkeras.importing.layers import understand
from l1ad.vectors.formats import FORMATS, read_frames
from l1ad.vectors.linkmap import input_pieces, load_link_map
from l1ad.vectors.source import open_events
from l1ad.vendor.parsers.folder import parse_folder
from l1ad.vendor.parsers.kinds import parse_report
from tests.event_files import write_fortymhz, write_gelato
from tests.networks import make_network, tiny_layout
from tests.root_files import write_l1ntuple, write_nanoaod

ROOT = Path(__file__).parents[2]
MANIFEST = {"spec_version": 1, "digest": "d", "key": "k", "inputs": {}, "config": {}, "versions": {}, "seed": None, "summary": {}}


@dataclass(frozen=True, slots=True)
class Family:
    """Say how a kind of file is spoilt and who reads it.

    Attributes:
        make: files by name.
        door: reads the folder they are in; what it gives back is text that was generated from them, if any.
    """

    make: Callable[[Random], dict[str, bytes]]
    door: Callable[[Path], str]


def _text(random: Random, data: Any, language: str = "yaml") -> bytes:
    """Write plain data spoilt: in its values, as text, or both."""
    text = written(poisoned(random, data) if random.random() < 0.85 else data, language)
    return spoilt(random, text, language) if random.random() < 0.25 else text.encode("utf-8", "surrogatepass")


def _shipped(folder: str) -> list[Any]:
    entries = (entry for entry in (resources.files("l1ad") / folder).iterdir() if entry.name.endswith(".yaml"))
    return [
        yaml.safe_load(e.read_text(encoding="utf-8")) for e in sorted(entries, key=lambda e: e.name) if e.name != "parts.yaml"
    ]


@cache
def _bases() -> dict[str, Any]:
    network = make_network()
    boards = _shipped("boards")
    configs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "configs").glob("*.yaml"))]
    return {
        "layout": [tiny_layout().to_dict(), *_shipped("layouts")],
        "network": network.to_dict(),
        "thresholds": {"network": network.digest, "thresholds": network.trigger_bits, "dataset": "d", "menu": "pass_l1"}
        | {
            "definitions": {
                "tight": {"kind": "pure", "target_khz": 1.0, "khz": 1.0, "low_khz": 0.5, "high_khz": 1.5, "n_events": 9}
            }
        },
        "config": configs,
        "board": boards,
        "links": _shipped("links"),
        "reports": sorted(path for path in (ROOT / "tests/golden").rglob("*") if path.suffix in (".rpt", ".xml")),
    }


def _layout(random: Random) -> dict[str, bytes]:
    return {"layout.yaml": _text(random, random.choice(_bases()["layout"]))}


def _open_layout(folder: Path) -> str:
    layout = load_layout(str(folder / "layout.yaml"))
    return _generated(make_network(layout, (2, 1))) if layout.n_columns <= 64 and layout.storage.itemsize <= 4 else ""


def _generated(network: Network) -> str:
    """Give all the text of the emulator, where no payload may appear."""
    return kernel_source(network) + "".join(package_files(network, "", "").values())


def _network(random: Random) -> dict[str, bytes]:
    return {
        "network.json": _text(random, _bases()["network"], "json"),
        "manifest.json": json.dumps({"kind": "model"} | MANIFEST).encode(),
    }


def _open_network(folder: Path) -> str:
    return _generated(load_trained(folder).network)


def _float(random: Random) -> dict[str, bytes]:
    network = _bases()["network"]
    said = {
        "layout": network["layout"],
        "scaling": network["scaling"],
        "score": {"kind": "latent_l2", "columns": [], "cyclic": False},
    }
    said |= {"saturate": True, "layers": [{"name": f"dense{i}", "activation": "linear"} for i in (1, 2)]}
    text = models.description(random, said).decode("utf-8", "replace") if random.random() < 0.5 else json.dumps(said)
    arrays = {"description": np.array(text), "weight_0": np.ones((8, 4)), "bias_0": np.ones(4), "weight_1": np.ones((4, 2))}
    files = {
        "float.npz": models.arrays_file(random, arrays | {"bias_1": np.ones(2)}),
        "network.json": json.dumps(network).encode(),
    }
    return files | {"manifest.json": json.dumps({"kind": "model"} | MANIFEST).encode()}


def _thresholds(random: Random) -> dict[str, bytes]:
    return {"thresholds.yaml": _text(random, _bases()["thresholds"])}


def _open_thresholds(folder: Path) -> str:
    found = load_thresholds(folder / "thresholds.yaml")
    return "".join(threshold.port for threshold in found.thresholds)


def _config(random: Random) -> dict[str, bytes]:
    return {"config.yaml": _text(random, random.choice(_bases()["config"]))}


def _open_config(folder: Path) -> str:
    config = load_config(folder / "config.yaml")
    return "".join((str(config.run.name), str(config.project.name)))


def _board(random: Random) -> dict[str, bytes]:
    return {
        "b.yaml": _text(random, random.choice(_bases()["board"])),
        "b.links.yaml": _text(random, random.choice(_bases()["links"])),
    }


def _open_board(folder: Path) -> str:
    board = str(folder / "b.yaml")
    found = load_link_map(board)
    input_pieces(found, load_layout("l1topo44"))
    return load_board(board).name


def _sections(random: Random) -> dict[str, bytes]:
    return {"scaling.yaml": _text(random, models.SCALING), "types.yaml": _text(random, models.TYPES)}


def _open_sections(folder: Path) -> str:
    read_section(folder / "types.yaml", TypesFile)
    return read_section(folder / "scaling.yaml", ScalingFile) and ""


def _open_model(folder: Path) -> str:
    file = next(path for path in folder.iterdir() if path.name.startswith("m."))
    require_file(file)
    scaling, types = read_section(folder / "scaling.yaml", ScalingFile), read_section(folder / "types.yaml", TypesFile)
    network, _ = assemble("m", understand(read_model(file)), tiny_layout(), scaling, types, ScoreConfig(kind="latent_l2"))
    return _generated(network)


def _dataset(random: Random) -> dict[str, bytes]:
    said = {"samples": [{"name": "a", "role": "background", "label": "A"}], "layout": tiny_layout().to_dict(), "menu_items": []}
    said |= {"n_events": 4, "columns": ["sample", "split", "weight"]}
    arrays = {
        "x_hw": np.zeros((4, 8), np.int16),
        "sample": np.zeros(4, np.uint8),
        "split": np.zeros(4, np.uint8),
        "weight": np.ones(4),
    }
    spoil = random.randrange(3)
    files = {f"{key}.npy": models.array_file(random if spoil == 0 else Random(9), values) for key, values in arrays.items()}
    files["dataset.json"] = _text(random, said, "json") if spoil == 1 else json.dumps(said).encode()
    manifest = {"kind": "dataset"} | MANIFEST
    files["manifest.json"] = _text(random, manifest, "json") if spoil == 2 else json.dumps(manifest).encode()
    return files


def _open_dataset(folder: Path) -> str:
    dataset = load_dataset(folder)
    for one in dataset.columns:
        dataset.column(one)
    dataset.layout.check(dataset.x_hw, "it")
    return ""


def _scores(random: Random) -> dict[str, bytes]:
    said = {"step": 0.25, "dataset_digest": "d", "model_digest": "m"}
    arrays = {"csim": np.zeros(4, np.int64), "csim_rows": np.arange(4)}
    files = {f"{key}.npy": models.array_file(random, values) for key, values in arrays.items()}
    return files | {"csim.json": _text(random, said, "json") if random.random() < 0.5 else json.dumps(said).encode()}


def _open_scores(folder: Path) -> str:
    return str(len(load_scores(folder, Source.CSIM).values))


def _report(random: Random) -> dict[str, bytes]:
    path = random.choice(_bases()["reports"])
    text = path.read_text(encoding="utf-8")
    if random.random() < 0.5:
        lines = text.splitlines()
        for _ in range(random.choice((1, 3))):
            at = random.randrange(len(lines))
            lines[at] = random.choice(
                ("", lines[at] * 2, lines[at - 1], "9" * 6000, "| a | b |", "<!ENTITY a 'b'>", lines[at].replace("0", "9" * 400))
            )
        text = "\n".join(lines)
    return {path.name: spoilt(random, text, "report")}


def _open_report(folder: Path) -> str:
    path = next(path for path in folder.iterdir())
    parse_report(path)
    parse_folder(folder)
    return ""


def _prescales(random: Random) -> dict[str, bytes]:
    csv = "Index,Name,2p0E34\n" + "".join(f"{i},L1_{i},{i}\n" for i in range(9))
    rows = "".join(f"<row>L1_{i},{i}</row>" for i in range(9))
    xml = f'<run><param id="prescales"><columns>algo,2p0E34</columns>{rows}</param></run>'
    if random.random() < 0.1:
        xml = "<" + "a><" * random.choice((100, 100_000)) + "b/>"
    return {"p.csv": spoilt(random, csv, "csv")} if random.random() < 0.5 else {"p.xml": spoilt(random, xml, "xml")}


def _open_prescales(folder: Path) -> str:
    return load_prescales(next(folder.iterdir()), "2p0E34") and ""


def _frames(random: Random) -> dict[str, bytes]:
    one = random.choice(list(FORMATS.values()))
    rest = "".join(
        f" {random.choice(('0v', '1v', '', '0x', '00'))}{random.choice((random.getrandbits(64), 0, 16**40)):x}" for _ in range(9)
    )
    text = (
        random.choice(one.begins)
        + random.choice((" X\nLink : q00c0\n", "0 1 2\n", "\n", "\n#BeginData\n"))
        + f"Frame 0000 :{rest}\n" * 3
    )
    return (
        {"f.txt": spoilt(random, text, "frames")}
        if random.random() < 0.7
        else {"e.npy": models.array_file(random, np.zeros((3, 8), np.int16))}
    )


def _open_frames(folder: Path) -> str:
    if (folder / "e.npy").exists():
        return str(len(open_events(folder / "e.npy", tiny_layout(), 2)[1]))
    return read_frames(folder / "f.txt")[0]


@cache
def _data_files(folder: Path) -> dict[str, bytes]:
    writers = {"a.h5": write_fortymhz, "b.h5": write_gelato, "c.root": write_nanoaod, "d.root": write_l1ntuple}
    for file, write in writers.items():
        write(folder / file)
    return {file: (folder / file).read_bytes() for file in writers}


def _data(random: Random) -> dict[str, bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file, data = random.choice(list(_data_files(Path(folder)).items()))
    if file.endswith("h5") and random.random() < 0.6:
        held = io.BytesIO(data)
        with h5py.File(held, "r+") as opened:
            models.twisted(random, opened, list(opened))
        data = held.getvalue()
    return {file: models.damaged(random, data)} if random.random() < 0.6 else {file: data}


def _open_data(folder: Path) -> str:
    path = next(folder.iterdir())
    found = reader(recognise(path).name)
    found.describe(path)
    layout = "fortymhz57" if path.name == "a.h5" else "l1topo44" if path.name == "b.h5" else "axol1tl57"
    return "".join(f"{chunk.n_events} " for chunk in islice(found.chunks(path, load_layout(layout), 1000), 3))


FAMILIES = {
    "layout": Family(_layout, _open_layout),
    "network": Family(_network, _open_network),
    "thresholds": Family(_thresholds, _open_thresholds),
    "config": Family(_config, _open_config),
    "model": Family(models.model, _open_model),
    "saved_model": Family(foreign.saved_model, foreign.open_saved_model),
    "alkaid": Family(foreign.alkaid, foreign.open_alkaid),
    "onnx": Family(foreign.onnx, foreign.open_onnx),
    "board": Family(_board, _open_board),
    "types": Family(_sections, _open_sections),
    "float": Family(_float, _open_network),
    "dataset": Family(_dataset, _open_dataset),
    "scores": Family(_scores, _open_scores),
    "report": Family(_report, _open_report),
    "prescales": Family(_prescales, _open_prescales),
    "frames": Family(_frames, _open_frames),
    "data": Family(_data, _open_data),
}
__all__ = ["CANARY", "FAMILIES", "Family"]
