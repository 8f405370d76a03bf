from pathlib import Path

import pytest

from l1ad.config import load_config, parse_config
from l1ad.core.errors import ConfigError

PROJECT = Path(__file__).parents[2]
MINIMAL = """
name: tiny
layout: l1topo44
data: {background: {zero_bias: bkg.h5}}
model: {kind: vae, hidden: [8], latent: 2}
score: {kind: latent_l2}
"""


def parse(text: str) -> object:
    return parse_config(text, "tiny.yaml", Path("/somewhere/configs"))


@pytest.mark.parametrize("path", sorted((PROJECT / "configs").glob("*.yaml")), ids=lambda p: p.name)
def test_every_shipped_configuration_loads(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem


def test_paths_are_relative_to_the_file() -> None:
    config = parse_config(MINIMAL, "tiny.yaml", Path("/somewhere/configs"))
    assert config.run == Path("/somewhere/runs/tiny")
    assert config.project == Path("/somewhere/hls_projects/tiny_l1topo")
    assert config.path("bkg.h5") == Path("/somewhere/configs/bkg.h5")
    assert config.data.background["zero_bias"].files == ("bkg.h5",)


def test_exponents_without_a_point_are_numbers() -> None:
    config = parse_config(MINIMAL + "training: {learning_rate: 1e-3}\n", "tiny.yaml", Path())
    assert config.training.learning_rate == 1e-3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "hidden",
            "zzz",
            r"'model\.zzz' is unknown; valid are .*; if .* another version than l1ad .*, 'l1ad explain model' shows",
        ),
        ("hidden", "hiden", r"^tiny\.yaml: key 'model\.hiden' is unknown; did you mean 'hidden'\?$"),
        ("layout:", "layot:", r"^tiny\.yaml: key 'layout' is missing; add it; key 'layot' is unknown; did you mean 'layout'\?$"),
        ("latent: 2", "latent: two", r"^tiny\.yaml: key 'model\.latent': input should be a valid integer, got 'two'\.$"),
        (
            "kind: vae",
            "kind: gan",
            r"^tiny\.yaml: key 'model\.kind': input should be 'ae', 'vae', 'embedding' or 'imported', got 'gan'\.$",
        ),
        ("zero_bias: bkg.h5", "zero_bias: {file: a}", r"^tiny\.yaml: key 'data\.background\.zero_bias\.files' is missing"),
        ("name: tiny", "name: 1tiny", r"^tiny\.yaml: key 'name': must consist of letters, digits and underscores"),
        ("name: tiny", "folder: /etc\nname: tiny", r"^tiny\.yaml: key 'folder' is unknown; "),
        (
            "{background: {zero_bias: bkg.h5}}",
            "{background: {}}",
            r"^tiny\.yaml: key 'data\.background': dictionary should have at least 1",
        ),
        ("data:", "data: [", r"^tiny\.yaml is not YAML: "),
        (
            "{zero_bias: bkg.h5}",
            "{zero_bias: a.h5, zero_bias: b.h5}",
            r"^tiny\.yaml is not YAML: key 'zero_bias' of line 4 is there again in line 4; give each key once\.$",
        ),
        (
            "bkg.h5}}",
            "bkg.h5}, signals: {zero_bias: b.h5}}",
            r"^tiny\.yaml: key 'data': two samples are called 'zero_bias'; background and signals need different names, got ",
        ),
        (
            "bkg.h5}}",
            "bkg.h5}, signals: {a: {files: b.h5, label: X}, X: c.h5}}",
            r"^tiny\.yaml: key 'data': two samples have the label 'X', which plots and tables could not tell apart, got ",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(MINIMAL.replace(old, new, 1))


def test_more_samples_than_have_a_number_are_refused() -> None:
    signals = ", ".join(f"s{i}: b.h5" for i in range(255))
    parse(MINIMAL.replace("bkg.h5}}", f"bkg.h5}}, signals: {{{signals}}}}}"))
    with pytest.raises(
        ConfigError, match=r"key 'data': a dataset holds at most 256 samples, got 257; make one sample of several"
    ):
        parse(MINIMAL.replace("bkg.h5}}", f"bkg.h5}}, signals: {{{signals}, more: b.h5}}}}"))


def test_a_list_or_a_missing_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^tiny\.yaml must be a mapping of keys such as 'name' and 'data', got list\.$"):
        parse("- a\n- b\n")
    with pytest.raises(ConfigError, match=r"^Cannot read configuration 'nowhere\.yaml': No such file or directory; give"):
        load_config(Path("nowhere.yaml"))
