"""List the studies by name; each module is imported when its study is run."""

from __future__ import annotations

import importlib

from l1ad.core.errors import InputError, nearest
from l1ad.studies.result import Material, StudyResult

#: Every study, the quick ones first, and what it asks.
STUDIES = {
    "samples": "how do all samples look for all scores",
    "met": "is the network just a MET detector",
    "multiplicity": "is the score only counting objects",
    "follow": "what does a threshold that does not follow MET, HT or multiplicity lose and gain",
    "reconstruction": "how well is each variable reconstructed",
    "anomalies": "what do the most anomalous events look like",
    "control": "is the code right",
    "masking": "what does leaving absent objects out change",
    "quantisation": "how many bits does it need, and does training for them pay",
    "volatility": "how stable is it between trainings",
    "capacity": "does a larger network help",
    "domain": "does training on HLT objects carry to L1 objects, and the reverse",
    "compression": "can one choose a network without signals",
    "strategies": "what do hls4ml's strategies cost, and what do fewer bits and pruning do to each",
}


def check_study(name: str) -> str:
    """Return a study's name if there is one.

    Raises:
        InputError: there is none.
    """
    if name not in STUDIES:
        raise InputError(f"There is no study {name!r}; {nearest(name, [*STUDIES, 'all'])}")
    return name


def run_study(name: str, material: Material) -> StudyResult:
    """Run a study.

    Args:
        name: one of ``STUDIES``.
        material: data and model.

    Raises:
        InputError: there is no such study, or the data do not allow it.
    """
    module = importlib.import_module(f"l1ad.studies.{check_study(name)}")
    result: StudyResult = getattr(module, f"study_{name}")(material)
    return result
