from __future__ import annotations

from pathlib import Path

import pytest

from l1ad.vendor.project import VendorProject
from tests.vendor.stand_in import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine(tmp_path, monkeypatch)
    found.install()
    return found


@pytest.fixture
def design(tmp_path: Path) -> VendorProject:
    folder = tmp_path / "my_design"
    for name in ("firmware/l1ad_top.cpp", "firmware/l1ad_top.h", "firmware/weights/w2.h", "l1ad_test.cpp", "tb_data/in.dat"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"// {name}\n")
    return VendorProject(
        name="tiny",
        folder=folder,
        top="tiny",
        sources=("firmware/l1ad_top.cpp",),
        part="xcvu9p-flga2104-2-e",
        clock_ns=25.0,
        test_bench=("l1ad_test.cpp",),
        test_data=("tb_data",),
        include_dirs=("firmware",),
    )


@pytest.fixture
def rtl(tmp_path: Path) -> VendorProject:
    folder = tmp_path / "rtl"
    folder.mkdir()
    for name in ("adder.v", "tiny.vhd"):
        (folder / name).write_text("-- nothing\n")
    return VendorProject("tiny", folder, "tiny", ("adder.v", "tiny.vhd"), "xcu250-figd2104-2L-e", 5.0, clock_port="clk")
