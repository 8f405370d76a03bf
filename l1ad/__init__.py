"""Turn Level-1 trigger autoencoders into firmware, exact to the last bit.

Everything public is here and is imported when it is first used:

>>> import l1ad
>>> config = l1ad.load_config("configs/demo.yaml")
>>> config.layout
'l1topo44'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from l1ad.api import (
        compare_rates,
        convert,
        csim,
        init,
        pick,
        prepare,
        rates,
        report,
        scan,
        score,
        simulate,
        study,
        synth,
        train,
        verify,
    )
    from l1ad.config import Config, load_config
    from l1ad.core.dataset import Dataset
    from l1ad.core.errors import L1adError
    from l1ad.core.fixed import FixedPoint
    from l1ad.core.layout import load_layout
    from l1ad.core.network import Network
    from l1ad.emulator.kernel import Emulator
    from l1ad.stages.report import ReportResult as Report

__version__ = "0.1.0"
__all__ = [
    "Config",
    "Dataset",
    "Emulator",
    "FixedPoint",
    "L1adError",
    "Network",
    "Report",
    "compare_rates",
    "convert",
    "csim",
    "init",
    "load_config",
    "load_layout",
    "pick",
    "prepare",
    "rates",
    "report",
    "scan",
    "score",
    "simulate",
    "study",
    "synth",
    "train",
    "verify",
]

#: Where each public name that is not a function of ``l1ad.api`` comes from.
_HOMES = {
    "Config": "l1ad.config",
    "Dataset": "l1ad.core.dataset",
    "Emulator": "l1ad.emulator.kernel",
    "FixedPoint": "l1ad.core.fixed",
    "L1adError": "l1ad.core.errors",
    "Network": "l1ad.core.network",
    "Report": "l1ad.stages.report:ReportResult",
    "load_config": "l1ad.config",
    "load_layout": "l1ad.core.layout",
}


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'l1ad' has no attribute {name!r}")
    home, _, other = _HOMES.get(name, "l1ad.api").partition(":")
    value = getattr(import_module(home), other or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what is public, imported or not."""
    return sorted({*globals(), *__all__})
