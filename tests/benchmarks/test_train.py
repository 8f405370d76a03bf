"""The training benchmark measures one model twice, and says so when it does not."""

import pytest

from l1ad.benchmarks import train
from l1ad.core.errors import MismatchError


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_small_run() -> None:
    result = train.run(events=4096, rounds=3, own_epochs=2, full_events=2048, full_epochs=2)
    assert [row["unit"] for row in result["rows"]] == ["events/s", "events/s", "times", "s"]
    assert all(0 < row["low"] <= row["value"] <= row["high"] for row in result["rows"])
    assert result["rows"][2]["target"] == 3.0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_another_model_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "TOLERANCE", -1.0)
    with pytest.raises(
        MismatchError, match=r"^Stock QKeras starts at a loss of [\d.]+, the compiled epoch at [\d.]+; they must be one model\.$"
    ):
        train.run(events=2048, rounds=1, full_events=0)
