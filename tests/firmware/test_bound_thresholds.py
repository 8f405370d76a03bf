"""Plain thresholds of a configuration: bound to a network by its digest, or said to be bound to none."""

from __future__ import annotations

from pathlib import Path

import pytest

from l1ad.config import Config, parse_config
from l1ad.core.errors import ConfigError, ConversionError, InputError
from l1ad.core.scoreset import Source
from l1ad.firmware.target import thresholds_note, with_configured_thresholds
from l1ad.physics.scored_run import require_network
from l1ad.reporting.document import State, Verdict
from l1ad.reporting.model_sections import model_section
from l1ad.reporting.runs import load_run
from l1ad.stages.emulator_package import emulator_package
from tests.datasets_made import make_dataset, make_scores, pt_sum
from tests.networks import make_network
from tests.runs_made import make_run

TEXT = "{{name: a, layout: l1topo44, data: {{background: {{b: b.h5}}}}, model: {{kind: ae}}, score: {{kind: latent_l2}}, firmware: {{{}}}}}"


def config(firmware: str) -> Config:
    return parse_config(TEXT.format(firmware), "a.yaml", Path())


def bound(digest: str) -> Config:
    return config(f'thresholds: {{nominal: 12}}, thresholds_network: "{digest}"')


def test_a_digest_binds_them() -> None:
    network = make_network()
    for digest in (network.digest, network.digest[:12]):
        assert with_configured_thresholds(network, bound(digest)).trigger_bits == {"nominal": 12}
        assert thresholds_note(bound(digest)) == {}
    other = ("0" if network.digest[0] != "0" else "1") + network.digest[1:]
    with pytest.raises(
        ConversionError, match=rf"^firmware\.thresholds belong to network {other[:12]}, this one is {network.digest[:12]};"
    ):
        with_configured_thresholds(network, bound(other))


def test_rates_refuse_scores_of_another_network(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset")
    scores = make_scores(dataset, pt_sum(dataset), Source.CSIM)
    require_network(bound("0" * 12), [scores])
    with pytest.raises(InputError, match=r"are of network 000000000000, firmware\.thresholds_network of 111111111111;"):
        require_network(bound("1" * 12), [scores])


@pytest.mark.parametrize(
    ("firmware", "message"),
    [
        ("thresholds: {a: 1}, thresholds_network: abc", "firmware.thresholds_network"),
        (
            'thresholds_network: "012345678901"',
            "thresholds_network says to which network thresholds belong, and there are none; give both",
        ),
    ],
)
def test_a_binding_that_is_none_is_refused(firmware: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        config(firmware)


def test_without_a_digest_the_results_say_so(tmp_path: Path) -> None:
    network = make_network()
    plain = make_run(tmp_path, network, 0)
    assert "thresholds_note" not in emulator_package(plain).summary
    unbound = plain.model_copy(update={"firmware": config("thresholds: {nominal: 12}").firmware})
    note = emulator_package(unbound).summary["thresholds_note"]
    assert note.startswith(
        "The thresholds are plain integers of the configuration, bound to no network: firmware.thresholds_network, or"
    )
    (warning,) = [block for block in model_section(load_run(unbound)).blocks if isinstance(block, Verdict)]  # type: ignore[union-attr]
    assert warning == Verdict(State.WARNING, f"emulator: {note}")
    tied = plain.model_copy(update={"firmware": bound(network.digest).firmware})
    assert "thresholds_note" not in emulator_package(tied).summary
