from pathlib import Path

import pytest

from tests.event_files import write_fortymhz, write_gelato


@pytest.fixture
def fortymhz_file(tmp_path: Path) -> Path:
    write_fortymhz(tmp_path / "fortymhz.h5")
    return tmp_path / "fortymhz.h5"


@pytest.fixture
def gelato_file(tmp_path: Path) -> Path:
    write_gelato(tmp_path / "gelato.h5")
    return tmp_path / "gelato.h5"
