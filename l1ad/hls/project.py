"""Put an HLS project together, write it, read it back and check that nobody has changed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from l1ad.core.artefact import read_manifest
from l1ad.core.errors import ArtefactError
from l1ad.core.json_text import parse_json
from l1ad.core.network import Network
from l1ad.firmware.golden import FOLDER, Golden
from l1ad.firmware.target import Target
from l1ad.hls import statements
from l1ad.hls.converted import convert_network
from l1ad.hls.top import FUNCTION, banner, render, top_files, top_ports
from l1ad.vendor.project import VendorProject
from l1ad.vendor.tcl import build_script

KIND = "hls_project"
NETWORK_FILE = "network.json"
DESCRIPTION = "l1ad_project.json"
TEST_BENCH = "l1ad_test.cpp"
SCRIPT = "build.tcl"
SOURCES = ("firmware/l1ad_top.cpp", "firmware/l1ad_network.cpp")
#: Folders that a compiler has to search; ``ap_types`` only where no vendor tool brings its own.
INCLUDE_FOLDERS = ("firmware",)
SIMULATION_TYPES = "firmware/ap_types"


@dataclass(frozen=True, slots=True, eq=False)
class HlsProject:
    """Access to an HLS project.

    Attributes:
        path: the project's folder.
        network: the network in it, with its thresholds.
        target: part, clock and ports.
        route: how hls4ml converted it: ``bit_exact`` or ``explicit``.
        digest: the artefact's digest.
    """

    path: Path
    network: Network
    target: Target
    route: str
    digest: str

    @property
    def top(self) -> str:
        """The name of the top function."""
        return FUNCTION

    def require_network(self, network: Network) -> HlsProject:
        """Return self if the project was made from a network.

        Raises:
            ArtefactError: it was made from another one.
        """
        if self.network.digest != network.digest:
            raise ArtefactError(
                f"HLS project {str(self.path)!r} holds network {self.network.digest[:12]}, the model is {network.digest[:12]}: its "
                "weights or types no longer match; run 'l1ad convert' again."
            )
        return self


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """A project before it is written.

    Attributes:
        files: contents by path relative to the project.
        route: how hls4ml converted the network.
    """

    files: dict[str, bytes]
    route: str


def project_files(network: Network, target: Target, golden: Golden) -> ProjectFiles:
    """Make every file of a project.

    Args:
        network: the network, with its thresholds.
        target: part, clock and ports.
        golden: vectors for the test bench.

    Returns:
        The files, not yet written.

    Raises:
        ConversionError: the network cannot be converted exactly; names the layer and the reason.
    """
    inner = convert_network(network, target)
    files = inner.files | top_files(network, target, inner) | golden.files(target.inputs(network.layout))
    files[TEST_BENCH] = test_bench(network, target, len(golden.x_hw)).encode()
    files[SCRIPT] = build_script(_described(network, target, Path())).encode()
    files[NETWORK_FILE] = json.dumps(network.to_dict()).encode()
    description = {
        "target": target.to_dict(),
        "route": inner.route,
        "types": inner.types,
        "top": FUNCTION,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    files[DESCRIPTION] = (json.dumps(description, indent=1) + "\n").encode()
    return ProjectFiles(files, inner.route)


def test_bench(network: Network, target: Target, n_golden: int) -> str:
    """Write the self-checking test bench."""
    inputs, thresholds, outputs = top_ports(network, target)
    constants = [f"{p.hls_type} {p.name} = {t.value}LL;" for p, t in zip(thresholds, network.thresholds, strict=False)]
    context = {
        "banner": banner(network),
        "n_inputs": len(target.inputs(network.layout).fields),
        "n_golden": n_golden,
        "pack": [*statements.pack(inputs, "row"), *constants],
        "outputs": outputs,
        "call": call(network, target),
    }
    return render(f"{TEST_BENCH}.j2", context)


def call(network: Network, target: Target) -> str:
    """Return the arguments of a call of the top with variables named like its ports."""
    return ", ".join(port.name for ports in top_ports(network, target) for port in ports)


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a file set into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def load_project(path: Path) -> HlsProject:
    """Open an HLS project.

    Raises:
        ArtefactError: the folder is not a project, is damaged, or one of its files was changed after it was written.
    """
    manifest = read_manifest(path, KIND)
    return open_project(path, manifest.digest)


def open_project(path: Path, digest: str = "") -> HlsProject:
    """Open a project's folder without asking for its manifest; otherwise as ``load_project``."""
    try:
        description = parse_json((path / DESCRIPTION).read_text(encoding="utf-8"))
        target, route = Target.from_dict(description["target"]), str(description["route"])
        files = dict(description["files"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"HLS project {str(path)!r} is damaged ({type(error).__name__} {error}); run 'l1ad convert --force'."
        ) from None
    _require_unchanged(path, files)
    return HlsProject(path, Network.load(path / NETWORK_FILE), target, route, digest)


def _require_unchanged(path: Path, files: Mapping[str, str]) -> None:
    for name, digest in files.items():
        file = path / name
        if not file.is_file():
            raise ArtefactError(f"HLS project {str(path)!r} lacks {name!r}; run 'l1ad convert --force'.")
        if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise ArtefactError(
                f"{name!r} of HLS project {str(path)!r} was changed after 'l1ad convert' wrote it; run 'l1ad convert --force', or copy the "
                "project elsewhere to work on it by hand."
            )


def vendor_project(folder: Path) -> VendorProject:
    """Describe a project to the driver of AMD's tools.

    They bring ``ap_types`` of their own, so the folder with those for simulation is not searched.

    Args:
        folder: the project's folder.

    Returns:
        What ``l1ad.vendor`` runs.

    Raises:
        ArtefactError: the folder is not a project, or was changed.
    """
    project = load_project(folder)
    return _described(project.network, project.target, folder)


def _described(network: Network, target: Target, folder: Path) -> VendorProject:
    return VendorProject(
        name=f"{network.name}_hls",
        folder=folder,
        top=FUNCTION,
        sources=SOURCES,
        part=target.part,
        clock_ns=target.clock_ns,
        uncertainty=target.clock_uncertainty,
        test_bench=(TEST_BENCH,),
        test_data=(FOLDER,),
        include_dirs=INCLUDE_FOLDERS,
    )
