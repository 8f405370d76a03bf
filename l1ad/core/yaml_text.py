"""Read YAML for every file of this project: a key that is there twice is refused, and ``1e-3`` is a number.

A file is a stranger's: no tag makes an object, and size, depth and what aliases stand for are bounded before anything is built.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from l1ad.core.errors import one_line

#: Characters of a file at most: those of the project have some thousands.
MOST_CHARACTERS = 2**20
#: Lists and mappings inside one another, and values in all once aliases are written out.
MOST_DEPTH, MOST_VALUES = 64, 500_000
#: A whole number beyond this cannot be meant, and Python may refuse to print it.
LARGEST = 10**100


class TwiceError(yaml.YAMLError):
    """A mapping has a key twice; PyYAML would keep the last and drop the first without a word."""


class _Loader(yaml.SafeLoader):
    """Refuse keys that are there twice, and read ``1e-3`` as the number it is (YAML 1.1, which PyYAML follows, requires ``1.0e-3``)."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Make a node, as PyYAML does, and count how deep it lies."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise yaml.YAMLError(f"more than {MOST_DEPTH} lists and mappings are nested; make it flatter")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        """Make the whole document's node and refuse what would be too much to build."""
        node = super().get_single_node()
        if node is not None and _size(node, {}) > MOST_VALUES:
            raise yaml.YAMLError(f"it expands to more than {MOST_VALUES} values; use fewer aliases (*)")
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping, as PyYAML does; merged keys (``<<``) may be given again, that is what they are for."""
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            name, line = (key.tag, str(key.value)), key.start_mark.line + 1
            if name in lines:
                raise TwiceError(f"key {key.value!r} of line {lines[name]} is there again in line {line}; give each key once")
            lines[name] = line
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Make a whole number of a size that can be meant."""
        value = int(super().construct_yaml_int(node))
        if not -LARGEST < value < LARGEST:
            raise yaml.YAMLError(f"the number in line {node.start_mark.line + 1} has more than 100 digits; write a smaller one")
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def parse_yaml(text: str) -> Any:
    """Read YAML text into plain data.

    Raises:
        yaml.YAMLError: not YAML, a key that is there twice, or more than can be meant; one line, of which whoever knows the file's
            name makes a sentence.
    """
    if len(text) > MOST_CHARACTERS:
        raise yaml.YAMLError("it has more than a million characters; this is not a file of this project")
    try:
        return yaml.load(text, _Loader)
    except TwiceError as error:
        raise TwiceError(one_line(error)) from None
    except yaml.YAMLError as error:
        raise yaml.YAMLError(one_line(error)) from None
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply; make it flatter") from None
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        # PyYAML lets through what int(), float(), datetime() and the like say of a value that its tag or form promises.
        raise yaml.YAMLError(f"a value is not what it looks like ({one_line(error)}); put it in quotes if it is text") from None


def _size(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Count the values that a node stands for, aliases written out.

    Raises:
        yaml.YAMLError: a node is inside itself.
    """
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = None
        parts = [part for pair in node.value for part in (pair if isinstance(node, yaml.MappingNode) else (pair,))]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    size = known[id(node)]
    if size is None:
        raise yaml.YAMLError(
            f"the value that begins in line {node.start_mark.line + 1} contains itself; write it out without an alias (*)"
        )
    return size
