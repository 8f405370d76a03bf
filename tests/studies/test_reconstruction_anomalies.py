from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.scores.performance import background_of
from l1ad.studies.anomalies import in_physical_units, study_anomalies
from l1ad.studies.reconstruction import differences, residuals, study_reconstruction
from l1ad.studies.result import firmware_scores
from l1ad.studies.trainings import Autoencoder, model_autoencoder
from tests.studies.material_made import identity_autoencoder, make_material


@pytest.fixture(scope="module")
def perfect(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("perfect"), "mse", perfect=True)


def autoencoder_of(material) -> Autoencoder:
    whole, origin = model_autoencoder(material.model, material.config, material.dataset, material.config.run / "model_float")
    assert origin == "the model's float reference"
    return whole


def test_a_perfect_model_has_no_residuals(perfect):
    result = study_reconstruction(perfect)
    known = [r for r in result.numbers["residuals"] if r["n_events"]]
    assert known
    assert all(r["mean"] == pytest.approx(0, abs=1e-12) and r["spread"] == pytest.approx(0, abs=1e-12) for r in known)
    assert "pt to 0 %, eta to 0 %, phi to 0 %" in result.finding


def test_a_shift_is_found_in_physical_units_and_only_where_objects_are(perfect):
    whole = autoencoder_of(perfect)
    decoder = whole.decoder[0]
    shifted = Autoencoder(
        whole.encoder, (type(decoder)("d", decoder.weight, decoder.bias + 0.5, decoder.activation),), whole.bound
    )
    x_hw = np.asarray(perfect.dataset.x_hw[:200])
    layout, scaling = whole.encoder.layout, whole.encoder.scaling
    column = layout.index("jet[1].pt_hw")
    found = residuals(shifted, x_hw, np.ones(200), "s")[column]
    assert found.n_events == np.count_nonzero(x_hw[:, column])
    assert found.mean == pytest.approx(0.5 * 2.0 ** scaling.shift[column] * 0.1)


def test_phi_differences_are_wrapped(perfect):
    whole = autoencoder_of(perfect)
    column = whole.encoder.layout.index("jet[0].phi_hw")
    turn = 128 * 2.0 ** -whole.encoder.scaling.shift[column]
    truth, guess = np.zeros((1, 44)), np.zeros((1, 44))
    truth[0, column], guess[0, column] = -0.49 * turn, 0.49 * turn
    assert differences(whole, truth, guess)[0, column] == pytest.approx(-0.02 * turn)


def test_the_most_anomalous_events_are_those_of_highest_score(perfect):
    result = study_anomalies(perfect)
    background = background_of(perfect.dataset, firmware_scores(perfect))
    best = sorted(zip(-np.asarray(background.scores), background.rows, strict=True))[:2]
    assert [(e["event"], e["score"]) for e in result.numbers["events"]] == [(int(row), -int(score)) for score, row in best]
    assert len([b for b in result.blocks if hasattr(b, "svg")]) == 2


def test_physical_units_undo_the_scaling(perfect):
    whole = autoencoder_of(perfect)
    x_hw = np.asarray(perfect.dataset.x_hw[:50])
    truth, _ = in_physical_units(whole, x_hw)
    np.testing.assert_allclose(truth, x_hw * [c.lsb for c in whole.encoder.layout.columns], rtol=1e-12, atol=1e-12)


def test_an_imported_model_without_decoder_is_refused(tmp_path):
    material = make_material(tmp_path)
    imported = material.config.model_copy(update={"model": material.config.model.model_copy(update={"kind": "imported"})})
    with pytest.raises(ModelError, match=r"^Model '.*model' has no decoder, so nothing is reconstructed; train one here with"):
        study_reconstruction(replace(material, config=imported))


def test_a_reconstructing_reference_is_split_at_its_bottleneck(perfect):
    whole = autoencoder_of(perfect)
    reference = identity_autoencoder(perfect.model.network)
    assert len(whole.encoder.layers) + len(whole.decoder) == len(reference.layers)


def test_columns_that_the_network_does_not_read_are_left_out(perfect):
    whole = autoencoder_of(perfect)
    column = whole.encoder.layout.index("jet[1].pt_hw")
    deaf = replace(whole, encoder=replace(whole.encoder, scaling=replace(whole.encoder.scaling, left_out=(column,))))
    x_hw = np.asarray(perfect.dataset.x_hw[:50])
    found = {residual.column for residual in residuals(deaf, x_hw, np.ones(50), "s")}
    assert len(found) == whole.encoder.layout.n_columns - 1
    assert "jet[1].pt" not in found
