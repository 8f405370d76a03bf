"""Read YAML for every file of this project: a key that is there twice is refused, and ``1e-3`` is a number."""

from __future__ import annotations

import re
from typing import Any

import yaml


class TwiceError(yaml.YAMLError):
    """A mapping has a key twice; PyYAML would keep the last and drop the first without a word."""


class _Loader(yaml.SafeLoader):
    """Refuse keys that are there twice, and read ``1e-3`` as the number it is (YAML 1.1, which PyYAML follows, wants ``1.0e-3``)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping, as PyYAML does; merged keys (``<<``) may be given again, that is what they are for."""
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            name, line = (key.tag, str(key.value)), key.start_mark.line + 1
            if name in lines:
                raise TwiceError(f"key {key.value!r} of line {lines[name]} is there again in line {line}; give each key once")
            lines[name] = line
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def parse_yaml(text: str) -> Any:
    """Read YAML text into plain data.

    Raises:
        yaml.YAMLError: not YAML, or a key that is there twice; whoever knows the file's name makes a sentence of it.
    """
    return yaml.load(text, _Loader)
