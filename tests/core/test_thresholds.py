import pytest

from l1ad.core.errors import ConfigError
from l1ad.core.network import Threshold
from l1ad.core.thresholds import Definition, ThresholdsFile, load_thresholds

BITS = (Threshold("loose", 3), Threshold("tight", 12))


@pytest.mark.parametrize("bits", [BITS, ()])
def test_what_is_written_is_read_back(tmp_path, bits):
    path = tmp_path / "thresholds.yaml"
    file = ThresholdsFile("ab" * 32, bits)
    path.write_text(file.text("Thresholds.", [f"{t.value} kHz" for t in bits]), encoding="utf-8")
    assert load_thresholds(path) == file


def test_a_missing_file_names_the_command(tmp_path):
    with pytest.raises(
        ConfigError, match=r"^Cannot read firmware\.thresholds_file '.*none\.yaml': No such file .*'l1ad rates' writes it"
    ):
        load_thresholds(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "text", ["loose: 3", "network: 12\nthresholds: {a: 1}", "network: ab\nthresholds: {a: 1.5}", "- 1", "network: ab"]
)
def test_other_contents_are_refused(tmp_path, text):
    path = tmp_path / "other.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^'.*other\.yaml' needs the keys 'network' and 'thresholds'"):
        load_thresholds(path)


def test_a_file_that_is_no_yaml_is_refused(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^'.*broken\.yaml' is not YAML"):
        load_thresholds(path)


def test_what_a_threshold_is_for_is_read_back(tmp_path):
    path = tmp_path / "thresholds.yaml"
    definitions = {"loose": Definition("pure", 1.0, 0.98, 0.9, 1.06, 412), "tight": Definition("total", 0.1, 0.1, 0.05, 0.2, 7)}
    file = ThresholdsFile("ab" * 32, BITS, "cd" * 32, definitions, "L1_A L1_B")
    path.write_text(file.text("Thresholds.", ["a", "b"]), encoding="utf-8")
    assert load_thresholds(path) == file


@pytest.mark.parametrize(
    "text",
    [
        "{loose: 3}",
        "[1]",
        "{loose: {kind: pure}}",
        "{loose: {knd: pure}}",
        "{loose: {kind: pur, target_khz: 1, khz: 1, low_khz: 1, high_khz: 1, n_events: 3}}",
        "{loose: {kind: pure, target_khz: one, khz: 1, low_khz: 1, high_khz: 1, n_events: 3}}",
        "{loose: {kind: pure, target_khz: 1, khz: .nan, low_khz: 1, high_khz: 1, n_events: 3}}",
    ],
)
def test_another_definition_is_refused(tmp_path, text):
    path = tmp_path / "other.yaml"
    path.write_text(f"network: ab\nthresholds: {{loose: 1}}\ndefinitions: {text}\n", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"^'.*other\.yaml' needs under 'definitions' for each name kind, target_khz, .*; run it again\.$"
    ):
        load_thresholds(path)
