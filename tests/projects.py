"""Make HLS projects of small networks, shared by the tests of conversion, simulation and synthesis."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from l1ad.core.choices import Style
from l1ad.core.network import Network
from l1ad.firmware.golden import make_golden
from l1ad.firmware.target import Target
from l1ad.hls.project import HlsProject, open_project, project_files, write_files

TARGET = Target("xcvu9p-flga2104-2-e", 25.0, 0.27, Style.COMBINATIONAL)


def make_project(folder: Path, network: Network, n_golden: int = 200, **changes: object) -> HlsProject:
    """Convert a network into a project.

    Args:
        folder: where to.
        network: the network.
        n_golden: golden vectors.
        **changes: fields of ``TARGET`` to change.
    """
    target = replace(TARGET, **changes)  # type: ignore[arg-type]
    write_files(
        project_files(network, target, make_golden(network, n_golden, absent=target.inputs(network.layout).absent)).files, folder
    )
    return open_project(folder)
