import pytest

from l1ad.core.errors import ConfigError
from l1ad.core.network import Threshold
from l1ad.core.thresholds import ThresholdsFile, load_thresholds

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
    with pytest.raises(ConfigError, match=r"^'.*other\.yaml' wants the keys 'network' and 'thresholds'"):
        load_thresholds(path)


def test_a_file_that_is_no_yaml_is_refused(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^'.*broken\.yaml' is not YAML"):
        load_thresholds(path)
