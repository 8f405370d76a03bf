"""Write a configuration to begin with, for files that are there and a layout that fits them."""

from __future__ import annotations

import os
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
    if path.exists() and not force:
        raise ConfigError(f"{str(path)!r} already exists; give another name, or --force to overwrite it.")
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


def _look_at(patterns: Sequence[str], layout: ObjectLayout) -> dict[str, str]:
    """Recognise files and read the first events of each in the layout."""
    found = {}
    for file in resolve(patterns, Path.cwd()):
        format_ = recognise(file)
        n_events = min(reader(format_).describe(file).n_events, _LOOKED_AT)
        for _ in reader(format_).chunks(file, layout, _LOOKED_AT, events=range(n_events)):
            break
        found[str(file)] = format_.value
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
