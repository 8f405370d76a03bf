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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 65 + "]" * 65, "more than 64 lists and mappings are nested; make it flatter"),
        ("a: &a [*a]\n", "the value that begins in line 1 contains itself; write it out without an alias (*)"),
        ("x" * (2**20 + 1), "it has more than a million characters; this is not a file of this project"),
        (f"a: {'9' * 101}\n", "the number in line 1 has more than 100 digits; write a smaller one"),
        (
            "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcde", "bcdef", strict=True)),
            "it expands to more than 500000 values; use fewer aliases (*)",
        ),
        (
            "a: !!int hello\n",
            "a value is not what it looks like (invalid literal for int() with base 10: 'hello'); put it in quotes if it is text",
        ),
        ("a: 2026-99-99\n", "a value is not what it looks like (month must be in 1..12); put it in quotes if it is text"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_it_is_built(text: str, message: str) -> None:
    with pytest.raises(yaml.YAMLError, match=f"^{re.escape(message)}$"):
        parse_yaml(text)


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system ['true']\n", "a: [1, 2\nb: 3\n", "a: \x00\n", "*a\n"])
def test_no_tag_makes_an_object_and_every_message_is_one_line(text: str) -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        parse_yaml(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 300


def test_aliases_and_depth_as_people_use_them_are_read() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: [*a, *a]\n") == {"a": [1, 2], "b": [1, 2], "c": [[1, 2], [1, 2]]}
    assert parse_yaml("[" * 60 + "]" * 60)
    assert parse_yaml(f"a: {10**99}")["a"] == 10**99
