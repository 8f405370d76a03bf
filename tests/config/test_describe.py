"""Every key is explained, the schema takes what the reader takes, a resolved or commented configuration reads as what it says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from l1ad.config import Config, load_config, parse_config
from l1ad.config.describe import find_key, keys, resolved, schema
from l1ad.config.template import template
from l1ad.core.errors import ConfigError
from l1ad.core.yaml_text import parse_yaml

PROJECT = Path(__file__).parents[2]
SHIPPED = sorted((PROJECT / "configs").glob("*.yaml"))
GIVEN = {
    "name": "mine",
    "layout": "l1topo44",
    "data": {"background": {"background": {"files": "a b.h5"}}, "signals": {"z": {"files": ["x.h5", "y.h5"]}}},
    "model": {"kind": "vae", "hidden": [32, 16], "latent": 3},
    "score": {"kind": "latent_l2"},
}


def fits(value: Any, rule: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Check a value against the part of JSON schema that the configuration's uses."""
    if "$ref" in rule:
        return fits(value, definitions[rule["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in rule:
        return any(fits(value, one, definitions) for one in rule["anyOf"])
    if "enum" in rule or "const" in rule:
        return value in rule.get("enum", [rule.get("const")])
    if rule["type"] == "object":
        named, others = rule.get("properties", {}), rule.get("additionalProperties", True)
        return (
            isinstance(value, dict)
            and set(rule.get("required", ())) <= value.keys()
            and all(
                fits(entry, named[key], definitions)
                if key in named
                else others and (others is True or fits(entry, others, definitions))
                for key, entry in value.items()
            )
        )
    if "prefixItems" in rule:
        parts = rule["prefixItems"]
        return (
            isinstance(value, list)
            and len(value) == len(parts)
            and all(fits(v, r, definitions) for v, r in zip(value, parts, strict=True))
        )
    if rule["type"] == "array":
        return isinstance(value, list) and all(fits(one, rule.get("items", {"type": "any"}), definitions) for one in value)
    kinds = {"integer": int, "number": (int, float), "string": str, "boolean": bool, "null": type(None)}
    return isinstance(value, kinds[rule["type"]]) and (rule["type"] == "boolean" or not isinstance(value, bool))


def read(text: str) -> Any:
    return parse_yaml(text)


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.name)
def test_every_key_has_a_meaning_of_its_own(key: Any) -> None:
    assert key.text, f"{key.name} is not in the Attributes of its section's docstring"
    assert key.takes


def test_keys_are_those_that_the_reader_knows() -> None:
    names = {key.name for key in keys()}
    assert {"training.teachers", "data.background.<name>.files", "studies.space.epochs", "studies.shapes[].hidden"} <= names
    assert not any(name.endswith("folder") for name in names)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_the_schema_takes_every_shipped_configuration(path: Path) -> None:
    made = schema()
    assert fits(read(path.read_text(encoding="utf-8")), made, made["$defs"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("recipe: robust", "recipe: rubust"),
        ("kind: vae", "kind: vae\n  hiden: [1]"),
        ("latent: 3", "latent: three"),
        ("layout", "layot"),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(old: str, new: str) -> None:
    text = template(GIVEN | {"training": {"recipe": "robust"}})
    made = schema()
    assert fits(read(text), made, made["$defs"])
    assert not fits(read(text.replace(old, new, 1)), made, made["$defs"])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_a_resolved_configuration_is_the_same_and_complete(path: Path) -> None:
    config = load_config(path)
    text = resolved(config)
    assert parse_config(text, path.name, path.parent) == config
    first = {key.name for key in keys() if "." not in key.name}
    assert set(read(text)) == first - (set() if config.data.background else {"data"})


def test_a_template_says_what_was_given_and_its_comments_are_the_defaults() -> None:
    text = template(GIVEN)
    config = parse_config(text, "mine.yaml", Path("/somewhere"))
    assert config == parse_config(yaml.safe_dump(GIVEN), "mine.yaml", Path("/somewhere"))
    uncommented = "\n".join(re.sub(r"^# (?=\s*\w+:)", "", line) for line in text.splitlines())
    found = read(uncommented)
    complete: Config = parse_config(uncommented, "mine.yaml", Path("/somewhere"))
    assert complete == config
    assert found["training"].keys() == config.plain()["training"].keys()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("teachrs", r"^The configuration has no key 'teachrs'; did you mean 'teachers'"),
        ("training.teachrs", r"^The configuration has no key 'training\.teachrs'; did you mean 'training\.teachers'"),
        ("seed", r"^Several sections have a key 'seed': 'data\.seed', .*'studies\.seed', 'scan\.seed'; give one of these\.$"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_key(name)


def test_a_key_is_explained_by_its_last_part() -> None:
    told = find_key("teachers").to_dict()
    assert told["key"] == "training.teachers"
    assert told["takes"] == "integer, at least 1, at most 64"
    assert told["default"] == "8"
    assert find_key("model.weight_bits").takes == "integer or list of integer"
