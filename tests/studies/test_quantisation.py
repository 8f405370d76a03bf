"""Rounding to many bits keeps what the float network catches; to few it does not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.reporting.document import Table
from l1ad.scores.float_reference import float_outputs
from l1ad.studies.quantisation import BITS, study_quantisation
from l1ad.training.posttraining import post_training_network
from tests.studies.material_made import make_material


def test_many_bits_make_no_difference_and_few_do(tmp_path: Path) -> None:
    material = make_material(tmp_path)
    result = study_quantisation(material)
    numbers = result.numbers
    assert tuple(numbers["bits"]) == BITS
    auc = {bits: [s["auc"]["value"] for s in numbers["post_training"][bits]["signals"]] for bits in ("2", "12", "16")}
    np.testing.assert_allclose(auc["12"], auc["16"], atol=0.02)
    assert not np.allclose(auc["2"], auc["16"], atol=0.02)
    assert result.finding.startswith(
        "Trained for 6 bits, the network catches at 2000 kHz total more than when rounded to 6 bits on "
    )
    titles = [block.title for block in result.blocks if isinstance(block, Table)]
    assert titles == [
        "Efficiency at 2000 kHz total [%]",
        "Efficiency at 2000 kHz pure [%]",
        "Efficiency at background fraction 0.05 [%]",
        "AUC [%]",
    ]
    assert len(result.blocks) == 2 * len(titles)


def test_rounded_network_is_near_the_float_one(tmp_path: Path) -> None:
    from l1ad.spec.reference import evaluate

    material = make_material(tmp_path)
    reference = material.model.reference
    assert reference is not None
    x_hw = np.asarray(material.dataset.x_hw[:200])
    network = post_training_network(material.config, reference, x_hw, 16)
    assert {layer.weight_type.width for layer in network.layers} == {16}
    last = network.layers[-1]
    values = last.output.from_int(evaluate(network, x_hw)[f"{last.name}.output"])
    wanted = np.clip(float_outputs(reference, x_hw), last.output.min, last.output.max)
    assert np.median(np.abs(values - wanted)) < 4 * last.output.step


def test_imported_model_is_refused(tmp_path: Path) -> None:
    material = make_material(tmp_path)
    with pytest.raises(ModelError, match=r"^Model '.*' was not trained here; the study needs 'l1ad train' to have made it\.$"):
        study_quantisation(replace(material, model=replace(material.model, reference=None)))
