from pathlib import Path

import numpy as np
import pytest

from l1ad.core.layout import load_layout
from l1ad.data.readers.fortymhz import FortyMhzReader
from l1ad.data.readers.gelato import GelatoReader
from l1ad.simulation import export
from l1ad.simulation.hardware import cms_counts, level1_counts, software_counts
from l1ad.simulation.processes import MINIMUM_BIAS, QCD_SLICES
from l1ad.simulation.production import Plan, produce


def test_a_plan_is_parted_into_batches() -> None:
    plan = Plan(events={"tt": 4500, "w_lnu": 10}, pool=10)
    assert [(task.process, task.batch, task.n_events) for task in plan.tasks()] == [
        ("tt", 0, 2000),
        ("tt", 1, 2000),
        ("tt", 2, 500),
        ("w_lnu", 0, 10),
    ]
    assert sum(task.n_events for task in plan.pool_tasks()) == 10
    assert plan.tasks()[0].file == "tt-0000-2000.npz"


@pytest.mark.slow
def test_produced_events_go_through_both_forms_unchanged_and_resume(tmp_path: Path) -> None:
    names = (MINIMUM_BIAS, *QCD_SLICES, "w_lnu")
    plan = Plan(events=dict.fromkeys(names, 40) | {"ztautau": 60}, pool=80, pileup=20.0, batch=30)
    produce(plan, tmp_path / "work")
    background = export.zero_bias(plan, tmp_path / "work", names)
    (tmp_path / "work" / plan.tasks()[3].file).unlink()
    produce(plan, tmp_path / "work")
    again = export.zero_bias(plan, tmp_path / "work", names)
    for name, array in background.objects.arrays().items():
        np.testing.assert_array_equal(array, again.objects.arrays()[name])
    assert background.columns["weight"].mean() == pytest.approx(1.0, abs=0.05)
    export.write_gelato(tmp_path / "g.h5", background)
    export.write_fortymhz(tmp_path / "f.h5", background)
    for layout, reader, path, make in (
        ("l1topo44", GelatoReader(), "g.h5", level1_counts),
        ("gelato60", GelatoReader(), "g.h5", software_counts),
        ("fortymhz57", FortyMhzReader(), "f.h5", cms_counts),
    ):
        wanted = make(background.objects, load_layout(layout))
        (chunk,) = reader.chunks(tmp_path / path, load_layout(layout), 10_000)
        for kind, counts in chunk.counts.items():
            np.testing.assert_array_equal(counts, wanted[kind])
