from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import l1ad
from l1ad.core.yaml_text import parse_yaml


def test_numbers_without_a_point_and_merged_keys_are_read() -> None:
    assert parse_yaml("a: 1e-3\nb: [2E5, -1e3, .5e1]\nc: 1e\n") == {"a": 1e-3, "b": [2e5, -1e3, 5.0], "c": "1e"}
    assert parse_yaml("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n")["more"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "key 'a' of line 1 is there again in line 3; give each key once"),
        ("a:\n  - {b: 1}\n  - c: 1\n    c: 1\n", "key 'c' of line 3 is there again in line 4; give each key once"),
        ("a: {b: 1, b: 2}\n", "key 'b' of line 1 is there again in line 1; give each key once"),
        ("a: 1\n'a': 2\n", "key 'a' of line 1 is there again in line 2; give each key once"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(text: str, message: str) -> None:
    with pytest.raises(yaml.YAMLError, match=f"^{re.escape(message)}$"):
        parse_yaml(text)


def test_every_yaml_file_is_read_by_this_reader() -> None:
    package = Path(l1ad.__file__).parent
    others = [
        path.name for path in package.rglob("*.py") if re.search(r"yaml\.(safe_load|load|full_load)\(", path.read_text("utf-8"))
    ]
    assert others == ["yaml_text.py"]
