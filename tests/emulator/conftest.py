"""Compiled emulators of these tests go into a folder of their own."""

from __future__ import annotations

import pytest

from l1ad.emulator import build


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(build.CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield
