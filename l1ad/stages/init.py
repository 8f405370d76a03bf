"""Write a configuration to begin with: for given files and a layout that fits them, or for the small sample that the package carries."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.config import parse_config
from l1ad.config.template import template
from l1ad.core.board import load_board
from l1ad.core.errors import ConfigError, reason_of
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.core.shown import Shown
from l1ad.data.files import resolve
from l1ad.data.formats import recognise
from l1ad.data.readers import reader

#: Events read to see that the layout fits the files.
_LOOKED_AT = 100
#: The small sample: Level-1 objects of simulated events, made by scripts/make_small_sample.py.
_SAMPLE = Path(__file__).parents[1] / "sample"
#: What the configuration of the small sample has beside what every new one has: the network of the README's demo.
_SAMPLE_MODEL: dict[str, Any] = {
    "model": {
        **{"kind": "vae", "hidden": [8], "latent": 1, "weight_bits": [5], "weight_integer": [1], "weight_digits": [2]},
        **{"activation_bits": 6, "input_type": "ap_fixed<6,4,AP_RND_CONV,AP_SAT>"},
        "output_type": "ap_fixed<10,4,AP_RND_CONV,AP_SAT>",
    },
    "scaling": {
        "codes": {"pt": {"linear_bits": 6, "mantissa_bits": 2, "octaves": 8}},
        **{"leave_out": ["eta", "phi"], "empty_columns": "ignore"},
    },
    "training": {"teacher": "rarity", "sparsity": 0.6},
    "score": {"kind": "linear"},
}


@dataclass(frozen=True, slots=True)
class InitResult(Shown):
    """What was written.

    Attributes:
        path: the configuration.
        layout: its layout.
        files: format of every file it names, by path.
    """

    path: Path
    layout: str
    files: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        files = [{"file": file, "format": found} for file, found in self.files.items()]
        return {"path": str(self.path), "layout": self.layout, "files": files, "next": f"l1ad run {self.path}"}


def init(
    path: Path,
    *,
    layout: str,
    data: Sequence[str],
    signals: Mapping[str, str] | None = None,
    board: str = "l1topo",
    force: bool = False,
) -> InitResult:
    """Write a commented configuration for given files.

    Args:
        path: the file to write; its name becomes the configuration's.
        layout: a shipped layout, or the path of a YAML file.
        data: background files or patterns, relative to the current directory.
        signals: a file or pattern for each signal, by name.
        board: a shipped board, or the path of a YAML file.
        force: overwrite a file that is there.

    Returns:
        What was written, and the files' formats.

    Raises:
        ConfigError: the file is there or cannot be written, its name is not an identifier, or no data are given.
        InputError: a file is missing, or of no known format.
        LayoutError: no such layout, or the files do not have its objects.
    """
    _require_new(path, force)
    if not data:
        raise ConfigError("A configuration needs at least one background file, got none; give it with --data.")
    columns = load_layout(layout)
    load_board(board)
    samples = {"background": list(data)} | {name: [pattern] for name, pattern in (signals or {}).items()}
    formats = {name: _look_at(patterns, columns) for name, patterns in samples.items()}
    text = template(_given(path, _beside(layout, path.parent), samples, _beside(board, path.parent)))
    parse_config(text, str(path), path.parent)
    _write(path, text)
    return InitResult(path, layout, {file: found for each in formats.values() for file, found in each.items()})


def init_sample(path: Path, *, board: str = "l1topo", force: bool = False) -> InitResult:
    """Copy the package's small sample into ``sample`` beside a configuration, and write the configuration that uses it.

    Args:
        path: the file to write; its name becomes the configuration's.
        board: a shipped board, or the path of a YAML file.
        force: overwrite a file that is there, and the sample's.

    Returns:
        What was written.

    Raises:
        ConfigError: the file is there or cannot be written, or its name is not an identifier.
    """
    _require_new(path, force)
    load_board(board)
    folder = path.parent / "sample"
    files = {file.stem: folder / file.name for file in sorted(_SAMPLE.glob("*.h5"))}
    given = _given(path, "l1topo44", {name: [str(file)] for name, file in files.items()}, _beside(board, path.parent))
    data = given["data"] | {"split": {"block": 64}, "out_of_range": "clip"}
    text = template(given | _SAMPLE_MODEL | {"data": data})
    parse_config(text, str(path), path.parent)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files.values():
            shutil.copyfile(_SAMPLE / file.name, file)
    except OSError as error:
        raise ConfigError(f"Cannot write the sample to {str(folder)!r}: {reason_of(error)}; choose another place.") from None
    _write(path, text)
    return InitResult(path, "l1topo44", {str(file): recognise(file).name for file in files.values()})


def _require_new(path: Path, force: bool) -> None:
    if path.exists() and not force:
        raise ConfigError(f"{str(path)!r} already exists; give another name, or --force to overwrite it.")


def _look_at(patterns: Sequence[str], layout: ObjectLayout) -> dict[str, str]:
    """Recognise files and read the first events of each in the layout."""
    found = {}
    for file in resolve(patterns, Path.cwd()):
        format_ = recognise(file)
        n_events = min(reader(format_.name).describe(file).n_events, _LOOKED_AT)
        for _ in reader(format_.name).chunks(file, layout, _LOOKED_AT, events=range(n_events)):
            break
        found[str(file)] = format_.name
    return found


def _given(path: Path, layout: str, samples: Mapping[str, Sequence[str]], board: str) -> dict[str, Any]:
    paths = {name: [_beside(one, path.parent, always=True) for one in patterns] for name, patterns in samples.items()}
    entries = {name: {"files": files[0] if len(files) == 1 else files} for name, files in paths.items()}
    data: dict[str, Any] = {"background": {"background": entries.pop("background")}}
    return {
        "name": path.stem,
        "layout": layout,
        "data": data | ({"signals": entries} if entries else {}),
        "model": {"kind": "vae", "hidden": [32, 16], "latent": 3},
        "score": {"kind": "latent_l2"},
        "firmware": {"board": board},
        "runs": "runs",
        "hls_projects": "hls_projects",
    }


def _beside(name: str, folder: Path, *, always: bool = False) -> str:
    """Write a path as it is from the configuration's folder; a shipped layout or board keeps its name."""
    is_path = always or name.endswith((".yaml", ".yml"))
    return os.path.relpath(Path(name).expanduser(), folder) if is_path else name


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"Cannot write {str(path)!r}: {reason_of(error)}; choose another place.") from None
