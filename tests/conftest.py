"""Let the core's tests run where the extras are not installed: only with --core, so that nothing is left out unseen."""

import importlib.util
from collections.abc import Generator
from pathlib import Path

import pytest

from l1ad.core.errors import ExtraMissingError
from l1ad.core.extras import EXTRA_OF

#: Test modules that compile code of an extra when they are imported, with its package.
AT_IMPORT = {"simulation/test_kernels.py": "numba", "simulation/test_regions.py": "numba"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--core", action="store_true", help="skip tests that need an extra that is not installed")


def missing(error: BaseException) -> str | None:
    """Return the package of an extra that an error, or what caused it, did not find."""
    if isinstance(error, ExtraMissingError | ModuleNotFoundError):
        name = (getattr(error, "name", None) or "").partition(".")[0]
        if name in EXTRA_OF and importlib.util.find_spec(name) is None:
            return name
    return missing(error.__cause__) if error.__cause__ is not None else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    package = AT_IMPORT.get("/".join(collection_path.parts[-2:]))
    absent = package is not None and importlib.util.find_spec(package) is None
    return True if config.getoption("core") and absent else None


def _run(item: pytest.Item) -> Generator[None, None, None]:
    try:
        yield
    except (ExtraMissingError, ModuleNotFoundError) as error:
        package = missing(error)
        if package is None or not item.config.getoption("core"):
            raise
        pytest.skip(f"needs {package} of l1ad[{EXTRA_OF[package]}]")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    return (yield from _run(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    return (yield from _run(item))
