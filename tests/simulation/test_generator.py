import numpy as np
import pytest

from l1ad.core.errors import ConfigError
from l1ad.simulation.generator import GeneratorSettings, batch_seed, generate
from l1ad.simulation.particles import ParticleKind, ParticleTable, concatenate
from l1ad.simulation.processes import PROCESSES, QCD_SLICES, SIGNALS, Process, find_process


def test_generation_is_seeded_by_process_and_batch() -> None:
    settings = GeneratorSettings(seed=5)
    first, again = (generate(find_process("w_lnu"), 20, settings, 1) for _ in range(2))
    other = generate(find_process("w_lnu"), 20, settings, 2)
    np.testing.assert_array_equal(first.particles.pt_gev, again.particles.pt_gev)
    assert first.particles.offsets.tolist() != other.particles.offsets.tolist()


def test_what_a_detector_sees_is_kept() -> None:
    generated = generate(find_process("qcd4"), 30, GeneratorSettings())
    table = generated.particles
    assert table.n_events == 30
    assert table.offsets[-1] == len(table.pt_gev) == len(table.kind)
    assert table.pt_gev.min() > 0.1
    assert np.abs(table.eta).max() < 4.9
    assert set(table.kind.tolist()) <= {kind.value for kind in ParticleKind}
    assert ((table.pthat_gev >= 70) & (table.pthat_gev <= 110)).all()
    assert generated.sigma_mb == pytest.approx(5.4e-3, rel=0.3)
    neutral = np.isin(table.kind, (ParticleKind.PHOTON, ParticleKind.NEUTRAL_HADRON))
    np.testing.assert_allclose(np.exp(1j * table.phi[neutral]), np.exp(1j * table.phi_calo[neutral]), atol=1e-5)
    charged = np.isin(table.kind, (ParticleKind.ELECTRON, ParticleKind.PION, ParticleKind.KAON))
    bend = np.abs(np.angle(np.exp(1j * (table.phi - table.phi_calo))))
    np.testing.assert_allclose(np.sin(bend[charged]) * table.pt_gev[charged], 0.42, rtol=2e-3)


@pytest.mark.parametrize("name", ["hh_bbtautau", "a_4l", "lq_btau", "hpm_taunu"])
def test_signals_have_their_objects(name: str) -> None:
    table = generate(find_process(name), 25, GeneratorSettings()).particles
    leptons = np.isin(table.kind, (ParticleKind.ELECTRON, ParticleKind.MUON)) & (table.pt_gev > 5)
    assert (leptons.sum() > 50) == (name == "a_4l")


def test_an_unknown_setting_is_refused() -> None:
    process = Process("bad", "", ("HardQCD:everything = on",), 1)
    with pytest.raises(
        ConfigError, match=r"^Pythia does not understand 'HardQCD:everything = on' of process 'bad'; see its manual"
    ):
        generate(process, 1, GeneratorSettings())


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^Pythia refuses the settings of process 'none'; check masses and decay channels\.$"):
        generate(Process("none", "", (), 1), 1, GeneratorSettings())


def test_an_unknown_process_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^There is no process 'ztautua'; did you mean 'ztautau'"):
        find_process("ztautua")


def test_processes_are_told_apart_by_run_number() -> None:
    assert len({process.run_number for process in PROCESSES.values()}) == len(PROCESSES)
    assert len(QCD_SLICES) == 7
    assert set(SIGNALS) == {name for name, process in PROCESSES.items() if not process.background}


def test_seeds_are_in_the_range_of_pythia() -> None:
    seeds = {batch_seed(GeneratorSettings(), find_process("tt"), batch) for batch in range(1000)}
    assert len(seeds) == 1000
    assert min(seeds) >= 1
    assert max(seeds) <= 900_000_000


def table(n_particles: list[int], seed: int) -> ParticleTable:
    rng = np.random.default_rng(seed)
    total = sum(n_particles)
    columns = [rng.random(total).astype(np.float32) for _ in range(4)]
    offsets = np.concatenate([[0], np.cumsum(n_particles)]).astype(np.int64)
    return ParticleTable(offsets, *columns, np.zeros(total, np.int8), rng.random(len(n_particles)).astype(np.float32))


def test_tables_are_joined_and_stored(tmp_path) -> None:  # type: ignore[no-untyped-def]
    tables = [table([3, 0, 2], 1), table([1], 2)]
    joined = concatenate(tables)
    assert joined.offsets.tolist() == [0, 3, 3, 5, 6]
    joined.save(tmp_path / "t.npz")
    np.testing.assert_array_equal(ParticleTable.load(tmp_path / "t.npz").eta, np.concatenate([t.eta for t in tables]))
