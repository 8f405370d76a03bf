"""Write files as the experiments' own software makes them, value by value, and prepare them as a user does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from l1ad.config import parse_config
from l1ad.core.dataset import Dataset, load_dataset
from l1ad.stages.prepare import PrepareResult, prepare

#: Objects of an event, each (pt, eta, phi) in hardware counts.
Objects = Sequence[tuple[int, int, int]]


def jag(events: Sequence[Sequence[Any]], dtype: Any) -> ak.Array:
    """Make a jagged array that has its type also where all lists are empty."""
    values = np.array([value for event in events for value in event], dtype=dtype)
    return ak.unflatten(values, [len(event) for event in events])


def write_trees(path: Path, trees: Mapping[str, Mapping[str, Any]]) -> None:
    """Write classic trees; collections are records of jagged arrays."""
    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            types = {k: v.dtype if isinstance(v, np.ndarray) else ak.type(v).content for k, v in branches.items()}
            file.mktree(name, types).extend(branches)


def hardware(events: Sequence[Objects], eta: bool = True) -> dict[str, ak.Array]:
    """Return NanoAOD's hardware branches of one collection at crossing 0."""
    names = (("hwPt", 0), ("hwEta", 1), ("hwPhi", 2)) if eta else (("hwPt", 0), ("hwPhi", 2))
    fields = {name: jag([[o[i] for o in event] for event in events], np.int16) for name, i in names}
    return fields | {"bx": jag([[0] * len(event) for event in events], np.int16)}


def write_nano(
    path: Path,
    n_events: int = 3,
    *,
    jet: Sequence[Objects] = (),
    eg: Sequence[Objects] = (),
    muon: Sequence[Objects] = (),
    met: Sequence[Objects] = (),
    more: Mapping[str, Any] | None = None,
    prefix: str = "L1",
) -> None:
    """Write Level-1 NanoAOD of hardware values; missing E_T is 10 GeV unless it is given."""
    empty: list[Objects] = [[]] * n_events
    sums = list(met) or [[(20, 0, 5)]] * n_events
    types = {"etSumType": jag([[2] * len(event) for event in sums], np.int32)}
    branches = {
        f"{prefix}Jet": ak.zip(hardware(list(jet) or empty)),
        f"{prefix}EG": ak.zip(hardware(list(eg) or empty)),
        f"{prefix}Mu": ak.zip(hardware(list(muon) or empty)),
        f"{prefix}EtSum": ak.zip(hardware(sums, eta=False) | types),
        "run": np.full(n_events, 1, np.uint32),
        "event": np.arange(n_events, dtype=np.uint64),
    }
    write_trees(path, {"Events": branches | dict(more or {})})


def upgrade_tree(jet: Sequence[Objects], met: Sequence[Objects], muon: Sequence[Objects] = ()) -> dict[str, Any]:
    """Return the branches of an L1UpgradeTree."""
    empty: list[Objects] = [[]] * len(jet)
    out: dict[str, Any] = {}
    for stem, events in (("jet", jet), ("eg", empty), ("tau", empty), ("muon", list(muon) or empty), ("sum", met)):
        for i, suffix in enumerate(("IEt", "IEta", "IPhi")):
            if stem != "sum" or suffix != "IEta":
                out[stem + suffix] = jag([[o[i] for o in event] for event in events], np.int16)
        out[stem + "Bx"] = jag([[0] * len(event) for event in events], np.float32 if stem == "sum" else np.int16)
    return out | {"sumType": jag([[2] * len(event) for event in met], np.int16)}


def event_tree(n_events: int, true_pileup: int = 0) -> dict[str, Any]:
    """Return the branches of an L1EventTree; in recorded data nPV_True is 0."""
    numbers = {"run": np.full(n_events, 320040, np.uint32), "event": np.arange(n_events, dtype=np.uint64)}
    return numbers | {"nPV_True": np.full(n_events, true_pileup, np.int32)}


def write_daod(path: Path, n_events: int, containers: Mapping[str, Mapping[str, Any]], form: str = "AuxDyn.") -> None:
    """Write a CollectionTree; Level-1 containers that are not given are there and empty, missing E_T is 10 GeV."""
    one = np.ones(n_events, int)
    given: dict[str, Mapping[str, Any]] = {
        "L1_jFexSRJetRoI": {v: jag([[]] * n_events, np.float32) for v in ("tobEt", "tobEtScale", "eta", "phi")},
        "L1_eTauRoI": {v: jag([[]] * n_events, np.float32) for v in ("et", "eta", "phi")},
        "LVL1MuonRoIs": {v: jag([[]] * n_events, np.uint32) for v in ("roiWord", "eta", "phi")},
        "L1_jFexMETRoI": {
            v: ak.unflatten(one * value, one)
            for v, value in (("tobEx", 50), ("tobEy", 0), ("tobEtScale", 200), ("fpgaNumber", 1))
        },
    }
    branches = {f"{name}{form}{v}": values for name, some in (given | dict(containers)).items() for v, values in some.items()}
    write_trees(path, {"CollectionTree": branches})


def prepared(folder: Path, layout: str, data: str, **options: Any) -> PrepareResult:
    """Prepare by a configuration whose section ``data`` is the text given."""
    text = f"name: field\nlayout: {layout}\nruns: runs\nmodel: {{kind: vae}}\nscore: {{kind: latent_l2}}\ndata:\n{data}\n"
    return prepare(parse_config(text, "field.yaml", folder), force=True, **options)


def dataset(folder: Path, layout: str, data: str, **options: Any) -> Dataset:
    """Prepare likewise, and open the dataset."""
    return load_dataset(prepared(folder, layout, data, **options).path)
